#include "csv_tables.h"

#include "written.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

static void write_text(FILE *to, const char *text)
{
    if (text && text[0])
        csv_fwrite(to, text, strlen(text));
}

static void write_number(FILE *to, double value)
{
    char text[FIGURES_NUMBER];
    figures_write_number(text, value);
    fprintf(to, ",%s", text);
}

static void write_names(FILE *to, const figures *of)
{
    for (size_t i = 0; i < of->column_count; i++) {
        fputc(',', to);
        if (of->columns[i].group == COLUMN_OF_USER)
            write_text(to, of->columns[i].name);
        else
            fputs(of->columns[i].name, to);
    }
}

/* ---- lines ---- */

static void write_row(FILE *to, const figures *of, const figures_row *row)
{
    fprintf(to, "%" PRId64 ",%s,%s", row->number, row->id ? row->id : "",
            figures_state_name(row->state));
    const char *const texts[] = {row->name, row->category, row->from, row->to};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fputc(',', to);
        write_text(to, texts[i]);
    }
    for (size_t i = 0; i < of->column_count; i++)
        write_number(to, row->values[i]);
    fputc(',', to);
    write_text(to, row->message);
    fputs("\n", to);
}

diffedit_status csv_write_lines(const figures *of, const char *path, diffedit_error *error)
{
    written to;
    diffedit_status status = written_begin(&to, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    fputs("line,id,state,picture,category,from,to", to.stream);
    write_names(to.stream, of);
    fputs(",message\n", to.stream);
    for (size_t i = 0; i < of->count; i++)
        write_row(to.stream, of, &of->rows[i]);
    return written_end(&to, status, error);
}

/* ---- means ---- */

typedef double statistic(const summary *of);

static double mean(const summary *of)
{
    return of->mean;
}

static double median(const summary *of)
{
    return of->median;
}

static double count(const summary *of)
{
    return (double)of->count;
}

static double infinite(const summary *of)
{
    return (double)of->infinite;
}

static void write_group(FILE *to, const figures *of, const figures_groups *groups,
                        const figures_group *group)
{
    static const struct {
        const char *name;
        statistic *of;
    } rows[] = {{"mean", mean}, {"median", median}, {"count", count}, {"infinite", infinite}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        write_text(to, !group->name ? "(all)" : group->name[0] ? group->name : "(none)");
        fprintf(to, ",%s", rows[row].name);
        for (size_t i = 0; i < of->column_count; i++) {
            summary found = figures_summary(of, i, groups, group);
            write_number(to, rows[row].of(&found));
        }
        fputs("\n", to);
    }
}

diffedit_status csv_write_means(const figures *of, const figures_groups *groups, const char *path,
                                diffedit_error *error)
{
    written to;
    diffedit_status status = written_begin(&to, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    fputs("category,statistic", to.stream);
    write_names(to.stream, of);
    fputs("\n", to.stream);
    for (size_t i = 0; i < groups->count; i++)
        if (i == 0 || figures_groups_differ(groups))
            write_group(to.stream, of, groups, &groups->groups[i]);
    return written_end(&to, status, error);
}
