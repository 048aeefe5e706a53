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

static float squares_of(const de_i16_rows *rows, int64_t row, float factor, float *largest)
{
    de_floats sums[VECTORS], most[VECTORS], factors = de_splat(factor);
    for (int v = 0; v < VECTORS; v++)
        sums[v] = most[v] = de_splat(0);
    for (int64_t part = 0; part < rows->parts; part++) {
        const float *x = rows->pieces[row + part * rows->stride];
        int64_t i = 0;
        for (; i + 16 <= rows->depth; i += 16)
            add_squares(x + i, 16, factors, sums, most);
        if (i < rows->depth)
            add_squares(x + i, rows->depth - i, factors, sums, most);
    }
    for (int half = VECTORS / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++) {
            sums[v] = de_add(sums[v], sums[v + half]);
            most[v] = de_max(most[v], most[v + half]);
        }
    *largest = de_largest_lane(most[0]);
    return de_sum_lanes(sums[0]);
}

static void round_to(const de_i16_rows *rows, int64_t row, float factor, int16_t *out)
{
    de_floats factors = de_splat(factor);
    for (int64_t part = 0; part < rows->parts; part++, out += rows->depth) {
        const float *x = rows->pieces[row + part * rows->stride];
        int64_t i = 0;
        for (; i + DE_LANES <= rows->depth; i += DE_LANES)
            de_store_shorts(out + i, de_ints_of(de_mul(de_load(x + i), factors)));
        if (i < rows->depth) {
            int16_t last[DE_LANES];
            int64_t left = rows->depth - i;
            de_store_shorts(last, de_ints_of(de_mul(de_load_first(x + i, left), factors)));
            memcpy(out + i, last, (size_t)left * sizeof *out);
        }
    }
}

void DE_KERNEL(de_quantise)(const de_i16_rows *rows, int16_t *out, int64_t out_stride,
                            float *scales)
{
    de_i16_quantise(rows, squares_of, round_to, out, out_stride, scales);
}

/* ---- the columns of a panel: a lane is a column ---- */

/* DE_LANES columns, from `lane` on. */
DE_INLINE void quantise_lanes(const void *panel, const de_kind kind, int64_t depth, int64_t lane,
                              int16_t *out, float *scales)
{
    const de_floats zero = de_splat(0);
    de_floats largest = zero, squares = zero;
    for (int64_t k = 0; k < depth; k++)
        largest = de_max(de_abs(de_load_panel(panel, kind, k * DE_PANEL + lane)), largest);
    /* squares of values near 1 stay in the range of floats */
    de_floats inverse = de_select(de_greater(largest, de_splat(DE_I16_TINY)),
                                  de_div(de_splat(1), largest), zero);
    for (int64_t k = 0; k < depth; k++) {
        de_floats value = de_mul(de_load_panel(panel, kind, k * DE_PANEL + lane), inverse);
        squares = de_add(squares, de_mul(value, value));
    }
    de_floats ratio = de_sqrt(squares); /* at least 1; 0: too small; a NaN: not finite */
    de_mask usable = de_greater(ratio, zero);
    de_floats most = de_min(de_div(de_splat(DE_I16_NORM), ratio), de_splat(DE_I16_MOST));
    de_floats factor = de_div(most, largest);
    for (int64_t k = 0; k < depth; k += 2) {
        de_floats even = de_load_panel(panel, kind, k * DE_PANEL + lane), odd = zero;
        if (k + 1 < depth)
            odd = de_load_panel(panel, kind, (k + 1) * DE_PANEL + lane);
        de_store_pairs(out + k * DE_PANEL + 2 * lane,
                       de_ints_of(de_select(usable, de_mul(even, factor), zero)),
                       de_ints_of(de_select(usable, de_mul(odd, factor), zero)));
    }
    de_store(scales + lane, de_select(usable, de_div(largest, most), ratio));
}

void DE_KERNEL(de_quantise_panel)(const void *panel, de_kind kind, int64_t depth, int16_t *out,
                                  float *scales)
{
    for (int64_t lane = 0; lane < DE_PANEL; lane += DE_LANES) {
        if (kind == DE_KIND_F16)
            quantise_lanes(panel, DE_KIND_F16, depth, lane, out, scales);
        else
            quantise_lanes(panel, DE_KIND_F32, depth, lane, out, scales);
    }
}
