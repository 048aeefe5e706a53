/* CSV: a header line with the names of the fields, then a line for each edit. Values are separated
 * by commas, semicolons or tabs, whichever the header has. */
#include "lines_inside.h"

#include <stdlib.h>
#include <string.h>

#include <csv.h>

enum { MOST_COLUMNS = 1024, LEFT_OUT = -1 };

typedef struct table {
    lines_source *source;
    struct csv_parser parser;
    int64_t number;           /* of the line of the file that is read */
    batch_line line;          /* whose number is that of its first line */
    int fields[MOST_COLUMNS]; /* [columns], or LEFT_OUT */
    int columns, column;      /* of the header, of the row so far */
    bool in_header;
    diffedit_status status; /* of what has failed */
    diffedit_error *error;
} table;

/* ---- what libcsv calls ---- */

static diffedit_status read_name(table *t, const char *text, size_t size)
{
    char name[128];
    int field = LEFT_OUT;
    if (t->columns == MOST_COLUMNS)
        return de_fail(t->error, DIFFEDIT_ERROR_ARGUMENT, "has more than %d columns", MOST_COLUMNS);
    if (size == 0) /* a spreadsheet's empty column */
        return de_fail(t->error, DIFFEDIT_ERROR_ARGUMENT, "column %d has no name", t->columns + 1);
    size_t length = size < sizeof name ? size : sizeof name - 1;
    memcpy(name, text, length);
    name[length] = '\0';
    if (name[0] != '_') {
        field = line_field(name);
        if (field < 0 && strchr(name, '.')) /* a picture */
            return de_fail(t->error, DIFFEDIT_ERROR_ARGUMENT,
                           "expected the names of the columns, found \"%.80s\"", name);
        if (field < 0)
            return line_fail_unknown(name, t->error);
        for (int i = 0; i < t->columns; i++)
            if (t->fields[i] == field)
                return de_fail(t->error, DIFFEDIT_ERROR_ARGUMENT, "`%s` stands over two columns",
                               line_field_name(field));
    }
    t->fields[t->columns++] = field;
    return DIFFEDIT_OK;
}

/* An empty value is not given. */
static diffedit_status read_value(table *t, const char *text, size_t size)
{
    if (t->column < t->columns && t->fields[t->column] != LEFT_OUT && size > 0)
        return line_set(&t->line, t->fields[t->column], text, size, t->error);
    return DIFFEDIT_OK;
}

static void on_value(void *text, size_t size, void *user)
{
    table *t = user;
    if (t->status != DIFFEDIT_OK)
        return;
    diffedit_status status = t->in_header ? read_name(t, text ? text : "", text ? size : 0)
                                          : read_value(t, text ? text : "", text ? size : 0);
    if (!t->in_header)
        t->column++;
    if (status != DIFFEDIT_OK)
        t->status = lines_fail(t->source, t->line.number, status, t->error);
}

static bool is_empty(const batch_line *line)
{
    for (int i = 0; i < LINE_FIELDS; i++)
        if (line->values[i])
            return false;
    return true;
}

static void on_row(int end, void *user)
{
    table *t = user;
    (void)end;
    if (t->status == DIFFEDIT_OK && !t->in_header && !(is_empty(&t->line) && t->column == 1)) {
        if (t->column != t->columns) {
            t->status = de_fail(t->error, DIFFEDIT_ERROR_FILE,
                                "%.300s: line %jd: expected %d values, as the first line has, "
                                "found %d",
                                t->source->path, (intmax_t)t->line.number, t->columns, t->column);
        } else if (!is_empty(&t->line)) { /* a row of a spreadsheet in which nothing stands */
            t->status = lines_give(t->source, &t->line, t->error);
        }
    }
    line_clear(&t->line);
    t->in_header = false;
    t->column = 0;
}

/* ---- the file ---- */

/* The character between the names of the first line. */
static unsigned char separator(const lines_source *source)
{
    static const char separators[] = ",;\t";
    const char *head = source->head + source->head_used;
    size_t size = source->head_size - source->head_used;
    for (size_t i = 0; i < size && head[i] != '\n' && head[i] != '\r'; i++)
        if (head[i] && strchr(separators, head[i]))
            return (unsigned char)head[i];
    return ',';
}

static diffedit_status fail_parsing(table *t)
{
    if (t->status != DIFFEDIT_OK)
        return t->status;
    if (csv_error(&t->parser) == CSV_ENOMEM)
        return de_fail_memory(t->error, LINES_LONGEST, "a line");
    return de_fail(t->error, DIFFEDIT_ERROR_FILE,
                   "%.300s: line %jd: a quote stands in the middle of a value, or is missing at "
                   "its end; a value with quotes is written \"like \"\"this\"\"\"",
                   t->source->path, (intmax_t)t->line.number);
}

/* Bytes of one line of the file, or of a part of it. */
static diffedit_status parse(table *t, const char *bytes, size_t size)
{
    if (t->parser.pstate == 0) /* no row has begun */
        t->line.number = t->number;
    if (csv_parse(&t->parser, bytes, size, on_value, on_row, t) != size)
        return fail_parsing(t);
    if (t->status == DIFFEDIT_OK && csv_get_buffer_size(&t->parser) > LINES_LONGEST)
        return de_fail(t->error, DIFFEDIT_ERROR_FILE,
                       "%.300s: line %jd: a value is longer than %d bytes", t->source->path,
                       (intmax_t)t->line.number, LINES_LONGEST);
    return t->status;
}

/* Where the first line of some bytes ends, at "\n", "\r" or the first half of "\r\n". */
static size_t line_length(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == '\n' || bytes[i] == '\r')
            return i + 1;
    return size;
}

static diffedit_status read_all(table *t, diffedit_error *error)
{
    char bytes[LINES_HEAD], before = '\0';
    size_t got = 1;
    diffedit_status status = DIFFEDIT_OK;
    while (got > 0 && status == DIFFEDIT_OK) {
        status = lines_source_read(&got, bytes, sizeof bytes, t->source, error);
        for (size_t at = 0; at < got && status == DIFFEDIT_OK;) {
            size_t length = line_length(bytes + at, got - at);
            status = parse(t, bytes + at, length);
            at += length;
            t->number += bytes[at - 1] == '\r' || (bytes[at - 1] == '\n' && before != '\r');
            before = bytes[at - 1];
        }
    }
    if (status == DIFFEDIT_OK && csv_fini(&t->parser, on_value, on_row, t) != 0)
        status = fail_parsing(t);
    if (status == DIFFEDIT_OK)
        status = t->status;
    if (status == DIFFEDIT_OK && t->columns == 0)
        status = de_fail(error, DIFFEDIT_ERROR_FILE,
                         "%.300s: expected a list of edits, found an empty file", t->source->path);
    return status;
}

diffedit_status lines_csv_read(lines_source *source, diffedit_error *error)
{
    table *t = calloc(1, sizeof *t);
    if (!t)
        return de_fail_memory(error, sizeof *t, "a list");
    *t = (table){.source = source, .number = 1, .in_header = true, .error = error};
    if (csv_init(&t->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        free(t);
        return de_fail_memory(error, sizeof *t, "a list");
    }
    csv_set_delim(&t->parser, separator(source));
    diffedit_status status = read_all(t, error);
    line_clear(&t->line);
    csv_free(&t->parser);
    free(t);
    return status;
}
