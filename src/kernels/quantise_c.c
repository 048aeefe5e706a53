#include "kernels/functions_c.h"
#include "kernels/i16.h"
#include "kernels/tables.h"

enum { SUMS = 16 };

/* Adds `count` values, which is a constant where there are SUMS of them. */
static inline void add_squares(const float *x, int64_t count, float factor, float *sums,
                               float *most)
{
    for (int64_t j = 0; j < count; j++) {
        float value = x[j] * factor, size = fabsf(value);
        sums[j] += value * value;
        most[j] = size > most[j] ? size : most[j];
    }
}

static float squares_of(const de_i16_rows *rows, int64_t row, float factor, float *largest)
{
    float sums[SUMS] = {0}, most[SUMS] = {0};
    for (int64_t part = 0; part < rows->parts; part++) {
        const float *x = rows->pieces[row + part * rows->stride];
        int64_t i = 0;
        for (; i + SUMS <= rows->depth; i += SUMS)
            add_squares(x + i, SUMS, factor, sums, most);
        add_squares(x + i, rows->depth - i, factor, sums, most);
    }
    for (int half = SUMS / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) {
            sums[j] += sums[j + half];
            most[j] = most[j + half] > most[j] ? most[j + half] : most[j];
        }
    *largest = most[0];
    return sums[0];
}

static void round_to(const de_i16_rows *rows, int64_t row, float factor, int16_t *out)
{
    for (int64_t part = 0; part < rows->parts; part++, out += rows->depth) {
        const float *x = rows->pieces[row + part * rows->stride];
        for (int64_t i = 0; i < rows->depth; i++)
            out[i] = de_round_c(x[i] * factor);
    }
}

void de_quantise_c(const de_i16_rows *rows, int16_t *out, int64_t out_stride, float *scales)
{
    de_i16_quantise(rows, squares_of, round_to, out, out_stride, scales);
}

/* ---- the columns of a panel ---- */

static void quantise_column(const void *panel, de_kind kind, int64_t depth, int64_t column,
                            int16_t *out, float *scale)
{
    float largest = 0, squares = 0;
    for (int64_t k = 0; k < depth; k++) {
        float size = fabsf(de_panel_value_c(panel, kind, k * DE_PANEL + column));
        largest = size > largest ? size : largest;
    }
    /* squares of values near 1 stay in the range of floats */
    float inverse = largest > DE_I16_TINY ? 1 / largest : 0;
    for (int64_t k = 0; k < depth; k++) {
        float value = de_panel_value_c(panel, kind, k * DE_PANEL + column) * inverse;
        squares += value * value;
    }
    float ratio = sqrtf(squares), factor = 0;
    bool usable = ratio > 0; /* at least 1; 0: too small; a NaN: not finite */
    *scale = ratio;
    if (usable)
        factor = de_i16_factor(largest, ratio, scale);
    for (int64_t k = 0; k < depth + depth % 2; k++) {
        float value = usable && k < depth ? de_panel_value_c(panel, kind, k * DE_PANEL + column)
                                          : 0;
        out[k / 2 * 2 * DE_PANEL + 2 * column + k % 2] = de_round_c(value * factor);
    }
}

void de_quantise_panel_c(const void *panel, de_kind kind, int64_t depth, int16_t *out,
                         float *scales)
{
    for (int64_t column = 0; column < DE_PANEL; column++)
        quantise_column(panel, kind, depth, column, out, &scales[column]);
}
