#include "pie_mask.h"

#include <string.h>

enum { PIXELS = PIE_SIDE * PIE_SIDE };

bool pie_mask_is(const char *text)
{
    size_t length = strlen(text);
    return length > 1 && text[0] == '[' && text[length - 1] == ']';
}

/* The number at `index`; -1: it is none, or negative. */
static json_int_t number_at(const json_t *runs, size_t index)
{
    const json_t *value = json_array_get(runs, index);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                    : -1;
}

static void add_border(uint8_t *mask)
{
    memset(mask, 1, PIE_SIDE);
    memset(mask + PIXELS - PIE_SIDE, 1, PIE_SIDE);
    for (int y = 0; y < PIE_SIDE; y++)
        mask[y * PIE_SIDE] = mask[y * PIE_SIDE + PIE_SIDE - 1] = 1;
}

diffedit_status pie_mask_decode(uint8_t *mask, const json_t *runs, diffedit_error *error)
{
    size_t count = json_array_size(runs);
    if (!json_is_array(runs) || count % 2 != 0)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "expected run lengths, pairs of a start and a length, found %s",
                       json_is_array(runs) ? "a number too many" : "no array");
    memset(mask, 0, PIXELS);
    for (size_t i = 0; i < count; i += 2) {
        json_int_t start = number_at(runs, i), length = number_at(runs, i + 1);
        if (start < 0 || length < 0 || start >= PIXELS)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "run %zu: expected a start below %d and a length, two whole numbers",
                           i / 2 + 1, PIXELS);
        memset(mask + start, 1, (size_t)(length < PIXELS - start ? length : PIXELS - start));
    }
    add_border(mask);
    return DIFFEDIT_OK;
}

diffedit_status pie_mask_read(uint8_t *mask, const char *text, diffedit_error *error)
{
    json_error_t wrong;
    json_t *runs = json_loads(text, 0, &wrong);
    if (!runs)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "expected run lengths, found no JSON: %.120s", wrong.text);
    diffedit_status status = pie_mask_decode(mask, runs, error);
    json_decref(runs);
    return status;
}
