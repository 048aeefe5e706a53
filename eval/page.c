#include "page_inside.h"

#include "base64.h"
#include "embedded.h"
#include "written.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

extern const embedded_file eval_files[]; /* written by embed.py */

struct page {
    FILE *pictures; /* without a name, gone with the program */
    pthread_mutex_t mutex;
};

diffedit_status page_begin(struct page **begun, diffedit_error *error)
{
    struct page *page = calloc(1, sizeof *page);
    if (!page)
        return de_fail_memory(error, sizeof *page, "a page");
    page->pictures = tmpfile();
    if (!page->pictures) {
        free(page);
        return de_fail(error, DIFFEDIT_ERROR_FILE, "no temporary file can be made: %s",
                       strerror(errno));
    }
    pthread_mutex_init(&page->mutex, NULL);
    *begun = page;
    return DIFFEDIT_OK;
}

void page_free(struct page *page)
{
    if (!page)
        return;
    fclose(page->pictures);
    pthread_mutex_destroy(&page->mutex);
    free(page);
}

/* ---- pictures ---- */

static void write_picture(FILE *to, const char *what, const char *address, const char *link)
{
    if (!address)
        return;
    if (link)
        fprintf(to, "<a href=\"%s\">", link);
    fprintf(to, "<img alt=\"%s\" title=\"%s\" decoding=\"async\" src=\"%s\">", what, what, address);
    if (link)
        fputs("</a>", to);
}

diffedit_status page_keep(struct page *page, figures_row *row, const page_pictures *of,
                          diffedit_error *error)
{
    pthread_mutex_lock(&page->mutex);
    FILE *to = page->pictures;
    row->pictures = ftello(to);
    write_picture(to, "input", of->input, of->input_link);
    write_picture(to, "found mask", of->found, of->found_link);
    write_picture(to, "true mask", of->truth, of->truth_link);
    write_picture(to, "result", of->result, of->result_link);
    row->pictures_size = (size_t)(ftello(to) - row->pictures);
    bool failed = ferror(to) != 0;
    pthread_mutex_unlock(&page->mutex);
    return failed ? de_fail(error, DIFFEDIT_ERROR_FILE, "a temporary file cannot be written: %s",
                            strerror(errno))
                  : DIFFEDIT_OK;
}

/* Copies the kept pictures of a row. */
static diffedit_status copy_pictures(FILE *to, struct page *page, const figures_row *row,
                                     diffedit_error *error)
{
    char bytes[1 << 14];
    size_t left = row->pictures_size;
    if (left == 0)
        return DIFFEDIT_OK;
    bool failed = fseeko(page->pictures, row->pictures, SEEK_SET) != 0;
    while (left > 0 && !failed) {
        size_t step = left < sizeof bytes ? left : sizeof bytes;
        failed = fread(bytes, 1, step, page->pictures) != step;
        if (!failed)
            fwrite(bytes, 1, step, to);
        left -= step;
    }
    return failed ? de_fail(error, DIFFEDIT_ERROR_FILE, "a temporary file cannot be read: %s",
                            strerror(errno))
                  : DIFFEDIT_OK;
}

/* ---- head ---- */

static const embedded_file *find(const char *name)
{
    const embedded_file *file = eval_files;
    while (file->name && strcmp(file->name, name) != 0)
        file++;
    return file;
}

/* Only this script runs, whatever the texts of a batch may hold. */
static void write_policy(FILE *to, const embedded_file *script)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char *address = EVP_Digest(script->bytes, script->size, hash, &length, EVP_sha256(), NULL)
                        ? base64_encode("sha256-", hash, length)
                        : NULL;
    fprintf(to,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "img-src data:; style-src 'unsafe-inline'; script-src '%s'\">\n",
            address ? address : "none");
    free(address);
}

/* A text of CSS, of whatever characters. */
static void write_css_text(FILE *to, const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at >= 0x80 || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z'))
            fputc(*at, to);
        else
            fprintf(to, "\\%06x", (unsigned)*at);
}

/* Where a row is a card, each value has its column's name before it. */
static void write_card_names(FILE *to, const figures *of)
{
    int place = 3; /* after pictures and texts; CSS counts from 1 */
    fputs("@media (max-width: 44rem) {\n", to);
    for (size_t i = 0; i < of->column_count; i++)
        if (of->present[i]) {
            fprintf(to, "#lines td:nth-child(%d)::before { content: \"", place++);
            write_css_text(to, of->columns[i].title);
            fputs("\"; }\n", to);
        }
    fputs("}\n", to);
}

static void write_head(FILE *to, const figures *of)
{
    const embedded_file *style = find("eval.css"), *script = find("eval.js");
    size_t done = figures_count(of, ROW_MEASURED);
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
          to);
    write_policy(to, script);
    fprintf(to, "<title>%zu edits measured</title>\n<style>\n", done);
    fwrite(style->bytes, 1, style->size, to);
    write_card_names(to, of);
    fprintf(to, "</style>\n</head>\n<body data-show=\"m\">\n<header><h1>%zu of %zu edits measured",
            done, of->count);
    fputs("</h1><p class=\"quiet\">", to);
    page_text(to, of->folder);
    if (of->edge > 0)
        fprintf(to, " · outside: farther than %d px from a mask", of->edge);
    fprintf(to, " · diffedit %s</p></header>\n", diffedit_version());
}

/* ---- controls ---- */

static void write_groups(FILE *to, const figures *of)
{
    fputs("<label>Columns <select id=\"show\"><option value=\"m\">main", to);
    for (int group = 0; group < COLUMN_GROUPS; group++) {
        bool any = false;
        for (size_t i = 0; i < of->column_count && !any; i++)
            any = of->columns[i].group == (column_group)group && of->present[i];
        if (any)
            fprintf(to, "<option value=\"g%d\">%s", group, column_group_name(group));
    }
    fputs("<option value=\"all\">all</select></label>\n", to);
}

static void write_controls(FILE *to, const figures *of, const figures_groups *groups)
{
    fputs("<nav aria-label=\"What is shown\">\n", to);
    write_groups(to, of);
    if (figures_groups_differ(groups)) {
        fputs("<label>Category <select id=\"category\"><option value=\"*\">all", to);
        for (size_t i = 1; i < groups->count; i++) {
            const char *name = groups->groups[i].name;
            fputs("<option value=\"=", to);
            page_text(to, name);
            fputs("\">", to);
            page_text(to, name[0] ? name : "without a category");
        }
        fputs("</select></label>\n", to);
    }
    fputs("<label>Sort by <select id=\"sort\"></select></label>\n"
          "<label>Search <input type=\"search\" id=\"search\"></label>\n"
          "<output id=\"shown\" class=\"quiet\"></output>\n</nav>\n",
          to);
}

/* ---- lines ---- */

static void write_words(FILE *to, const figures_row *row)
{
    fprintf(to, "<td class=\"w\"><b>%" PRId64 "</b> ", row->number);
    page_text(to, row->name ? row->name : "");
    fputs("<br>", to);
    page_text(to, row->from ? row->from : "");
    fputs(" → ", to);
    page_text(to, row->to ? row->to : "");
    if (row->category) {
        fputs("<br><span class=\"quiet\">", to);
        page_text(to, row->category);
        fputs("</span>", to);
    }
}

static diffedit_status write_line(FILE *to, struct page *page, const figures *of,
                                  const figures_row *row, diffedit_error *error)
{
    fputs("<tr data-c=\"", to);
    page_text(to, row->category ? row->category : "");
    fputs("\"><td class=\"p\">", to);
    diffedit_status status = copy_pictures(to, page, row, error);
    write_words(to, row);
    for (size_t i = 0; i < of->column_count; i++)
        if (of->present[i]) {
            fputs("<td class=\"", to);
            page_class(to, &of->columns[i]);
            fputs("\">", to);
            page_number(to, &of->columns[i], row->values[i]);
        }
    fputs("\n", to);
    return status;
}

static diffedit_status write_lines(FILE *to, struct page *page, const figures *of,
                                   diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    fputs("<section><h2>Lines</h2><div class=\"scroll\"><table id=\"lines\"><thead><tr>"
          "<th scope=\"col\">Input, masks, result<th scope=\"col\">Line",
          to);
    page_heads(to, of);
    fputs("</thead><tbody>\n", to);
    for (size_t i = 0; i < of->count && status == DIFFEDIT_OK; i++)
        if (of->rows[i].state == ROW_MEASURED)
            status = write_line(to, page, of, &of->rows[i], error);
    fputs("</tbody></table></div></section>\n", to);
    return status;
}

/* ---- the page ---- */

static diffedit_status write_all(FILE *to, struct page *page, const figures *of,
                                 const figures_groups *groups, diffedit_error *error)
{
    const embedded_file *script = find("eval.js");
    write_head(to, of);
    write_controls(to, of, groups);
    fputs("<main>\n", to);
    page_means(to, of, groups);
    page_unmeasured(to, of);
    diffedit_status status = write_lines(to, page, of, error);
    fputs("</main>\n<script>", to);
    fwrite(script->bytes, 1, script->size, to);
    fputs("</script>\n</body>\n</html>\n", to);
    return status;
}

diffedit_status page_write(struct page *page, const figures *of, const figures_groups *groups,
                           const char *path, diffedit_error *error)
{
    written to;
    diffedit_status status = written_begin(&to, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    return written_end(&to, write_all(to.stream, page, of, groups, error), error);
}
