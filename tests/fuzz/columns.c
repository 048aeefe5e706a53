/* A file of columns that `eval` joins to those of a batch's lines. */
#include "fuzz.h"

#include "eval/joined.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3 };

static void add_rows(figures *to)
{
    static const char *const ids[ROWS] = {"0123456789abcdef", "fedcba9876543210",
                                          "0123456789abcdef"};
    for (int i = 0; i < ROWS; i++) {
        figures_row *row = figures_add(to);
        if (!row)
            abort();
        row->number = i + 2;
        row->id = strdup(ids[i]);
    }
}

/* Nothing but columns of numbers was added, and lines of one edit have the same ones where the file
 * names edits by id. */
static void check(const figures *of)
{
    for (size_t i = COLUMNS; i < of->column_count; i++) {
        if (!of->columns[i].name[0] || of->columns[i].group != COLUMN_OF_USER)
            abort();
        for (size_t j = 0; j < i; j++)
            if (strcmp(of->columns[i].name, of->columns[j].name) == 0)
                abort();
    }
    for (size_t row = 0; row < of->count; row++)
        for (size_t i = 0; i < COLUMNS; i++)
            if (!isnan(of->rows[row].values[i]))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    figures of;
    diffedit_error error = {.message = ""};
    snprintf(path, sizeof path, "/proc/self/fd/%s", fuzz_document(0, bytes, size));
    if (figures_begin(&of, "fuzz", 0, &error) != DIFFEDIT_OK)
        return 0;
    add_rows(&of);
    fuzz_check_error(joined_read(&of, path, &error), &error);
    check(&of);
    figures_free(&of);
    return 0;
}
