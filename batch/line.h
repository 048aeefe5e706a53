/* A line of a list of edits: the values that were given, by field. The command line's defaults for
 * every line have the same form. */
#ifndef BATCH_LINE_H
#define BATCH_LINE_H

#include <stdint.h>

#include "common/error.h"

/* Fields. From LINE_OPTIONS on they are the library's options, by their place in its table. */
enum {
    LINE_PICTURE,    /* file */
    LINE_MASK,       /* file: used for the edit, as `edit --mask` */
    LINE_CORRECTION, /* file: likewise, as `edit --correction` */
    LINE_PRESET,
    LINE_TRUE_MASK, /* what only `eval` uses: a file, or run lengths as JSON */
    LINE_CATEGORY,
    LINE_OPTIONS,
    LINE_FIELDS = LINE_OPTIONS + 64 /* more than there are options */
};

typedef struct batch_line {
    int64_t number;            /* in its list, from 1, where it begins */
    char *values[LINE_FIELDS]; /* owned, UTF-8; NULL: not given */
} batch_line;

/* Frees the values and makes all NULL. */
void line_clear(batch_line *line);
/* The field of this name, in which _ may stand for -; -1: there is none. */
int line_field(const char *name);
/* "mask-threshold"; static storage. */
const char *line_field_name(int field);
/* Fails for a name that is no field's, and suggests the nearest. */
diffedit_status line_fail_unknown(const char *name, diffedit_error *error);
/* Copies a value of `size` bytes; an empty text is a value too. Errors: ARGUMENT (given twice, not
 * UTF-8, has a byte 0), MEMORY. */
diffedit_status line_set(batch_line *line, int field, const char *value, size_t size,
                         diffedit_error *error);

#endif
