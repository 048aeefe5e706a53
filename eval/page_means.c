/* The upper half of the page: means by category, and lines that are not measured. */
#include "page_inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void page_text(FILE *to, const char *text)
{
    for (const char *at = text; *at; at++)
        switch (*at) {
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        default: fputc((unsigned char)*at < ' ' ? ' ' : *at, to);
        }
}

void page_number(FILE *to, const column *of, double value)
{
    if (isnan(value))
        return;
    if (isinf(value))
        fputs(value > 0 ? "∞" : "-∞", to);
    else if (of->form == COLUMN_SHARE)
        fprintf(to, "%.*f %%", of->digits, 100 * value);
    else
        fprintf(to, "%.*f", of->digits, value);
}

void page_class(FILE *to, const column *of)
{
    fprintf(to, "g%d%s", of->group, of->main ? " m" : "");
}

void page_heads(FILE *to, const figures *of)
{
    for (size_t i = 0; i < of->column_count; i++)
        if (of->present[i]) {
            fputs("<th scope=\"col\" class=\"", to);
            page_class(to, &of->columns[i]);
            fputs("\">", to);
            page_text(to, of->columns[i].title);
        }
}

/* ---- means ---- */

/* A cell says, when it is pointed at, of how many values it is, where not all lines have one. */
static void write_cell(FILE *to, const column *of, const summary *found, double value, size_t lines)
{
    fputs("<td class=\"", to);
    page_class(to, of);
    if (found->infinite > 0)
        fprintf(to, "\" title=\"%zu of %zu are infinite, and not in the mean", found->infinite,
                found->count);
    else if (found->count < lines)
        fprintf(to, "\" title=\"of %zu lines", found->count);
    fputs("\">", to);
    page_number(to, of, value);
}

/* The means, and below them the medians; whether a mean is not of all values. */
static bool write_group(FILE *to, const figures *of, const figures_groups *groups,
                        const figures_group *group)
{
    bool partly = false;
    for (int row = 0; row < 2; row++) {
        fputs(row ? "<tr class=\"median\"><th scope=\"row\">median" : "<tr><th scope=\"row\">", to);
        if (!row)
            page_text(to, !group->name     ? "all"
                          : group->name[0] ? group->name
                                           : "without a category");
        fputs(row ? "<td>" : "<td class=\"n\">", to);
        if (!row)
            fprintf(to, "%zu", group->count);
        for (size_t i = 0; i < of->column_count; i++)
            if (of->present[i]) {
                summary found = figures_summary(of, i, groups, group);
                bool starred = !row && found.infinite > 0 && isfinite(found.mean);
                write_cell(to, &of->columns[i], &found, row ? found.median : found.mean,
                           group->count);
                fputs(starred ? "<sup>*</sup>" : "", to);
                partly |= starred;
            }
        fputs("\n", to);
    }
    return partly;
}

void page_means(FILE *to, const figures *of, const figures_groups *groups)
{
    bool partly = false;
    fputs("<section><h2>Means</h2><div class=\"scroll\"><table id=\"means\"><thead><tr>"
          "<th scope=\"col\">Category<th scope=\"col\" class=\"n\">Lines",
          to);
    page_heads(to, of);
    fputs("</thead><tbody>\n", to);
    for (size_t i = 0; i < groups->count; i++)
        if (i == 0 || figures_groups_differ(groups))
            partly |= write_group(to, of, groups, &groups->groups[i]);
    fputs("</tbody></table></div>\n", to);
    if (partly)
        fputs("<p class=\"quiet\"><sup>*</sup> of the finite values: where nothing differs, PSNR "
              "is infinite</p>\n",
              to);
    fputs("</section>\n", to);
}

/* ---- what is not measured ---- */

void page_unmeasured(FILE *to, const figures *of)
{
    size_t left = of->count - figures_count(of, ROW_MEASURED);
    if (left == 0)
        return;
    fprintf(to, "<section><details%s><summary>%zu %s not measured</summary><ul>\n",
            left < 20 ? " open" : "", left, left == 1 ? "line is" : "lines are");
    for (size_t i = 0; i < of->count; i++) {
        const figures_row *row = &of->rows[i];
        if (row->state == ROW_MEASURED)
            continue;
        fprintf(to, "<li>line %" PRId64 ", %s: ", row->number, figures_state_name(row->state));
        page_text(to, row->message ? row->message : row->name ? row->name : "");
        fputs("\n", to);
    }
    fputs("</ul></details></section>\n", to);
}
