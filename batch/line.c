#include "line.h"

#include "common/near_name.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

static const char *const names[LINE_OPTIONS] = {
    [LINE_PICTURE] = "picture", [LINE_MASK] = "mask",           [LINE_CORRECTION] = "correction",
    [LINE_PRESET] = "preset",   [LINE_TRUE_MASK] = "true-mask", [LINE_CATEGORY] = "category",
};

void line_clear(batch_line *line)
{
    for (int i = 0; i < LINE_FIELDS; i++) {
        free(line->values[i]);
        line->values[i] = NULL;
    }
}

const char *line_field_name(int field)
{
    const diffedit_option *row;
    if (field < LINE_OPTIONS)
        return names[field];
    row = diffedit_option_at((size_t)(field - LINE_OPTIONS));
    return row && field < LINE_FIELDS ? row->name : NULL;
}

/* ---- names ---- */

static bool is_named(const char *known, const char *name)
{
    while (*name && (*known == *name || (*known == '-' && *name == '_'))) {
        known++;
        name++;
    }
    return !*name && !*known;
}

int line_field(const char *name)
{
    const char *known;
    for (int i = 0; (known = line_field_name(i)); i++)
        if (is_named(known, name))
            return i;
    return -1;
}

diffedit_status line_fail_unknown(const char *name, diffedit_error *error)
{
    size_t best = SIZE_MAX;
    const char *known, *nearest = "";
    for (int i = 0; (known = line_field_name(i)); i++) {
        size_t found = de_name_distance(name, strnlen(name, DE_LONGEST_NAME), known);
        if (found < best) {
            best = found;
            nearest = known;
        }
    }
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "unknown name \"%.80s\"; did you mean \"%s\"?",
                   name, nearest);
}

/* ---- values ---- */

/* Whether bytes are UTF-8, of one character after the other. */
static bool is_utf8(const char *text, size_t size)
{
    utf8proc_int32_t character;
    for (size_t at = 0; at < size;) {
        utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                                 (utf8proc_ssize_t)(size - at), &character);
        if (step <= 0)
            return false;
        at += (size_t)step;
    }
    return true;
}

diffedit_status line_set(batch_line *line, int field, const char *value, size_t size,
                         diffedit_error *error)
{
    const char *name = line_field_name(field);
    if (line->values[field])
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`%s` is given twice", name);
    if (memchr(value, '\0', size))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`%s` has a byte 0 in it", name);
    if (!is_utf8(value, size))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`%s` is not valid UTF-8", name);
    char *copy = malloc(size + 1);
    if (!copy)
        return de_fail_memory(error, size, "a line");
    memcpy(copy, value, size);
    copy[size] = '\0';
    line->values[field] = copy;
    return DIFFEDIT_OK;
}
