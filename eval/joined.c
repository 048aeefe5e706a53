#include "joined.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

#include "common/read_all.h"

enum {
    MOST_COLUMNS = 256,
    LONGEST_NAME = 64, /* bytes of a column's name */
    LONGEST_VALUE = 64,
    LEFT_OUT = -1, /* what a column of the file can be, instead of one of the figures */
    KEY = -2
};

/* The edits by their task's id or their line's number. */
typedef struct entry {
    const char *id;
    int64_t number;
    size_t row;
    bool given;
} entry;

typedef struct reader {
    figures *to;
    const char *path;
    struct csv_parser parser;
    entry *entries; /* [to->count], sorted by what the file names edits by */
    bool by_number;
    int targets[MOST_COLUMNS]; /* [columns]: a column of the table, KEY or LEFT_OUT */
    int columns, column;       /* of the header, of the line so far */
    double values[MOST_COLUMNS];
    char key[LONGEST_VALUE];
    bool in_header;
    int64_t line; /* of the file */
    diffedit_status status;
    diffedit_error *error;
} reader;

static void fail(reader *in, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What follows has the file and the line before it. */
static void fail(reader *in, const char *format, ...)
{
    char sentence[400];
    va_list arguments;
    va_start(arguments, format);
    de_sentence_list(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (in->status == DIFFEDIT_OK)
        in->status = de_fail(in->error, DIFFEDIT_ERROR_FILE, "%.300s: line %jd: %s", in->path,
                             (intmax_t)in->line, sentence);
}

/* ---- the header ---- */

static bool is_taken(const reader *in, const char *name)
{
    static const char *const texts[] = {"id",       "line", "state", "picture",
                                        "category", "from", "to",    "message"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i], name) == 0)
            return true;
    for (size_t i = 0; i < in->to->column_count; i++)
        if (strcmp(in->to->columns[i].name, name) == 0)
            return true;
    return false;
}

static bool has_key(const reader *in)
{
    for (int i = 0; i < in->columns; i++)
        if (in->targets[i] == KEY)
            return true;
    return false;
}

/* What the table does with a column of the file. */
static int target_of(reader *in, const char *name)
{
    if (name[0] == '_')
        return LEFT_OUT;
    if (strcmp(name, "id") == 0 || strcmp(name, "line") == 0) {
        if (has_key(in))
            fail(in, "expected one of `id` and `line`, found two");
        in->by_number = name[0] == 'l';
        return KEY;
    }
    if (!name[0])
        fail(in, "column %d has no name", in->columns + 1);
    else if (is_taken(in, name))
        fail(in, "the table has a column \"%s\" already; a name that begins with _ is left out",
             name);
    else if (in->status == DIFFEDIT_OK &&
             figures_add_column(in->to, name, in->error) != DIFFEDIT_OK)
        in->status = DIFFEDIT_ERROR_MEMORY;
    return (int)in->to->column_count - 1;
}

static void read_name(reader *in, const char *text, size_t size)
{
    char name[LONGEST_NAME + 1];
    if (in->columns == MOST_COLUMNS) {
        fail(in, "expected at most %d columns", MOST_COLUMNS);
    } else if (size > LONGEST_NAME) {
        fail(in, "the name of column %d is longer than %d bytes", in->columns + 1, LONGEST_NAME);
    } else {
        char raw[LONGEST_NAME + 1];
        memcpy(raw, text, size);
        raw[size] = '\0';
        de_sentence(name, sizeof name, "%s", raw);
        if (strcmp(name, raw) != 0 || strlen(raw) != size)
            fail(in, "the name of column %d is not plain UTF-8", in->columns + 1);
        in->targets[in->columns] = in->status == DIFFEDIT_OK ? target_of(in, name) : LEFT_OUT;
        in->columns++;
    }
}

/* ---- edits by name ---- */

static int compare_ids(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return strcmp(x->id, y->id);
}

static int compare_numbers(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static void end_header(reader *in)
{
    if (in->status == DIFFEDIT_OK && !has_key(in))
        fail(in, "expected a column `id` or `line`, which says whose the values are");
    for (size_t i = 0; i < in->to->count; i++)
        in->entries[i] = (entry){in->to->rows[i].id, in->to->rows[i].number, i, false};
    if (in->to->count)
        qsort(in->entries, in->to->count, sizeof *in->entries,
              in->by_number ? compare_numbers : compare_ids);
}

/* The first entry of the key, of those that sort equal; NULL: there is none. */
static entry *find(const reader *in)
{
    char *end;
    entry wanted = {.id = in->key, .number = strtoll(in->key, &end, 10)};
    int (*compare)(const void *, const void *) = in->by_number ? compare_numbers : compare_ids;
    if (in->by_number && (*end || end == in->key))
        return NULL;
    entry *found = in->to->count
                       ? bsearch(&wanted, in->entries, in->to->count, sizeof wanted, compare)
                       : NULL;
    while (found && found > in->entries && compare(found - 1, &wanted) == 0)
        found--;
    return found;
}

/* ---- values ---- */

static void read_value(reader *in, const char *text, size_t size)
{
    char value[LONGEST_VALUE], *end = value;
    int target = in->column < in->columns ? in->targets[in->column] : LEFT_OUT;
    if (target == LEFT_OUT)
        return;
    if (size >= sizeof value || memchr(text, '\0', size)) {
        fail(in, "the value of column %d is longer than %d bytes, or is no text", in->column + 1,
             LONGEST_VALUE - 1);
        return;
    }
    memcpy(value, text, size);
    value[size] = '\0';
    if (target == KEY) {
        memcpy(in->key, value, size + 1);
        return;
    }
    in->values[in->column] = size ? strtod(value, &end) : NAN;
    if (*end || (size && end == value))
        fail(in, "`%s`: expected a number, found \"%s\"", in->to->columns[target].name, value);
}

static void end_line(reader *in)
{
    if (in->column == 1 && in->columns > 1 && !in->key[0])
        return; /* an empty line */
    if (in->column != in->columns)
        fail(in, "expected %d values, as the first line has, found %d", in->columns, in->column);
    entry *found = in->status == DIFFEDIT_OK ? find(in) : NULL;
    if (!found)
        fail(in, "the batch has no edit whose `%s` is \"%s\"", in->by_number ? "line" : "id",
             in->key);
    else if (found->given)
        fail(in, "`%s` \"%s\" stands in an earlier line too", in->by_number ? "line" : "id",
             in->key);
    if (in->status != DIFFEDIT_OK)
        return;
    entry first = *found; /* lines of one task stand side by side */
    for (; found < in->entries + in->to->count &&
           (in->by_number ? found->number == first.number : strcmp(found->id, first.id) == 0);
         found++) {
        found->given = true;
        for (int i = 0; i < in->columns; i++)
            if (in->targets[i] >= 0)
                in->to->rows[found->row].values[in->targets[i]] = in->values[i];
    }
}

static void on_value(void *text, size_t size, void *user)
{
    reader *in = user;
    if (in->status != DIFFEDIT_OK)
        return;
    if (in->in_header)
        read_name(in, text ? text : "", text ? size : 0);
    else
        read_value(in, text ? text : "", text ? size : 0);
    in->column++;
}

static void on_line(int end, void *user)
{
    reader *in = user;
    (void)end;
    if (in->status != DIFFEDIT_OK)
        return;
    if (in->in_header)
        end_header(in);
    else
        end_line(in);
    in->in_header = false;
    in->column = 0;
    in->key[0] = '\0';
}

/* ---- the file ---- */

/* Line by line, so that messages know the number. */
static diffedit_status parse(reader *in, const char *bytes, size_t size)
{
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3;
        size -= 3;
    }
    for (size_t at = 0; at < size && in->status == DIFFEDIT_OK; in->line++) {
        const char *end = memchr(bytes + at, '\n', size - at);
        size_t length = end ? (size_t)(end - bytes) + 1 - at : size - at;
        if (csv_parse(&in->parser, bytes + at, length, on_value, on_line, in) != length)
            fail(in, csv_error(&in->parser) == CSV_EPARSE
                         ? "a quote stands in the middle of a value"
                         : "out of memory for a value");
        at += length;
    }
    if (in->status == DIFFEDIT_OK && csv_fini(&in->parser, on_value, on_line, in) != 0)
        fail(in, "a quote is missing at the end of a value");
    if (in->status == DIFFEDIT_OK && in->in_header)
        fail(in, "expected a header line with a column `id` or `line`, found an empty file");
    return in->status;
}

diffedit_status joined_read(figures *to, const char *path, diffedit_error *error)
{
    void *bytes = NULL;
    size_t size = 0;
    diffedit_status status = de_read_file(&bytes, &size, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    reader *in = calloc(1, sizeof *in);
    entry *entries = calloc(to->count + 1, sizeof *entries);
    if (!in || !entries || csv_init(&in->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        status = de_fail_memory(error, size, "a table");
    } else {
        struct csv_parser parser = in->parser;
        *in = (reader){.to = to,
                       .path = path,
                       .parser = parser,
                       .entries = entries,
                       .in_header = true,
                       .line = 1,
                       .error = error};
        status = parse(in, bytes, size);
        csv_free(&in->parser);
    }
    free(entries);
    free(in);
    free(bytes);
    return status;
}
