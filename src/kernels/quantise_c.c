#include "kernels/i16.h"
#include "kernels/tables.h"

enum { SUMS = 16 };

static float squares_of(const de_i16_row *row, float factor, float *largest)
{
    float sums[SUMS] = {0}, most[SUMS] = {0};
    for (int64_t part = 0; part < row->parts; part++) {
        const float *x = row->pieces[part * row->stride];
        for (int64_t i = 0; i < row->depth; i += SUMS) {
            int64_t count = row->depth - i < SUMS ? row->depth - i : SUMS;
            for (int64_t j = 0; j < count; j++) {
                float value = x[i + j] * factor, size = fabsf(value);
                sums[j] += value * value;
                most[j] = size > most[j] ? size : most[j];
            }
        }
    }
    for (int half = SUMS / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) {
            sums[j] += sums[j + half];
            most[j] = most[j + half] > most[j] ? most[j + half] : most[j];
        }
    *largest = most[0];
    return sums[0];
}

static void round_to(const de_i16_row *row, float factor, int16_t *out)
{
    for (int64_t part = 0; part < row->parts; part++, out += row->depth)
        for (int64_t i = 0; i < row->depth; i++)
            out[i] = (int16_t)lrintf(row->pieces[part * row->stride][i] * factor);
}

float de_quantise_c(const float *const *pieces, int64_t parts, int64_t stride, int64_t depth,
                    int16_t *out)
{
    de_i16_row row = {pieces, parts, stride, depth};
    return de_i16_quantise(&row, squares_of, round_to, out);
}
