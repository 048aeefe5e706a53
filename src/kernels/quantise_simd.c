#include "kernels/i16.h"
#include "kernels/tables.h"
#include "kernels/vector.h"

enum { VECTORS = 16 / DE_LANES };

/* Adds the first `count` values of x, or 16. */
DE_INLINE void add_squares(const float *x, int64_t count, de_floats factor, de_floats *sums,
                           de_floats *most)
{
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
        int64_t left = count - v * DE_LANES;
        de_floats value = de_mul(de_load_first(x + v * DE_LANES, left > 0 ? left : 0), factor);
        sums[v] = de_add(sums[v], de_mul(value, value));
        most[v] = de_max(de_abs(value), most[v]);
    }
}

static float squares_of(const de_i16_row *row, float factor, float *largest)
{
    de_floats sums[VECTORS], most[VECTORS], factors = de_splat(factor);
    for (int v = 0; v < VECTORS; v++)
        sums[v] = most[v] = de_splat(0);
    for (int64_t part = 0; part < row->parts; part++) {
        const float *x = row->pieces[part * row->stride];
        int64_t i = 0;
        for (; i + 16 <= row->depth; i += 16)
            add_squares(x + i, 16, factors, sums, most);
        if (i < row->depth)
            add_squares(x + i, row->depth - i, factors, sums, most);
    }
    for (int half = VECTORS / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++) {
            sums[v] = de_add(sums[v], sums[v + half]);
            most[v] = de_max(most[v], most[v + half]);
        }
    *largest = de_largest_lane(most[0]);
    return de_sum_lanes(sums[0]);
}

static void round_to(const de_i16_row *row, float factor, int16_t *out)
{
    de_floats factors = de_splat(factor);
    for (int64_t part = 0; part < row->parts; part++, out += row->depth) {
        const float *x = row->pieces[part * row->stride];
        int64_t i = 0;
        for (; i + DE_LANES <= row->depth; i += DE_LANES)
            de_store_shorts(out + i, de_ints_of(de_mul(de_load(x + i), factors)));
        if (i < row->depth) {
            int16_t last[DE_LANES];
            int64_t left = row->depth - i;
            de_store_shorts(last, de_ints_of(de_mul(de_load_first(x + i, left), factors)));
            memcpy(out + i, last, (size_t)left * sizeof *out);
        }
    }
}

float DE_KERNEL(de_quantise)(const float *const *pieces, int64_t parts, int64_t stride,
                             int64_t depth, int16_t *out)
{
    de_i16_row row = {pieces, parts, stride, depth};
    return de_i16_quantise(&row, squares_of, round_to, out);
}
