#include <math.h>

#include "kernels/tables.h"
#include "kernels/vector.h"
#include "kernels/functions_simd.h"

/* Adds the channels of four rows at a time, so that the sums are fetched and stored once for four
 * rows. */
enum { SUM_ROWS = 4 };

DE_INLINE void add_rows(const float *x, const int rows, int64_t c, double *sum, double *square)
{
    int64_t i = 0;
    for (; i + DE_DOUBLES <= c; i += DE_DOUBLES) {
        de_doubles s = de_load_doubles(sum + i), q = de_load_doubles(square + i);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            de_doubles value = de_load_as_doubles(x + r * c + i);
            s = de_add_doubles(s, value);
            q = de_add_squares(q, value);
        }
        de_store_doubles(sum + i, s);
        de_store_doubles(square + i, q);
    }
    for (; i < c; i++) {
        for (int r = 0; r < rows; r++) {
            double value = x[r * c + i];
            sum[i] += value;
            square[i] += value * value;
        }
    }
}

void DE_KERNEL(de_channel_sums)(const float *x, int64_t rows, int64_t c, double *sum,
                                double *square)
{
    int64_t r = 0;
    for (; r + SUM_ROWS <= rows; r += SUM_ROWS)
        add_rows(x + r * c, SUM_ROWS, c, sum, square);
    for (; r < rows; r++)
        add_rows(x + r * c, 1, c, sum, square);
}

/* The first `count` channels of a vector. */
DE_INLINE void scale_shift_lanes(const float *x, int64_t count, const float *scale,
                                 const float *shift, const de_activation activation, float *y)
{
    de_floats value = de_mul_add(de_load_first(x, count), de_load_first(scale, count),
                                 de_load_first(shift, count));
    de_store_first(y, count, de_activate(value, activation));
}

DE_INLINE void scale_shift_rows(const float *x, int64_t rows, int64_t c, const float *scale,
                                const float *shift, const de_activation activation, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += c, y += c) {
        int64_t i = 0;
        for (; i + DE_LANES <= c; i += DE_LANES)
            scale_shift_lanes(x + i, DE_LANES, scale + i, shift + i, activation, y + i);
        if (i < c)
            scale_shift_lanes(x + i, c - i, scale + i, shift + i, activation, y + i);
    }
}

void DE_KERNEL(de_scale_shift)(const float *x, int64_t rows, int64_t c, const float *scale,
                               const float *shift, de_activation activation, float *y)
{
    switch (activation) {
    case DE_NONE: scale_shift_rows(x, rows, c, scale, shift, DE_NONE, y); return;
    case DE_SILU: scale_shift_rows(x, rows, c, scale, shift, DE_SILU, y); return;
    case DE_GELU: scale_shift_rows(x, rows, c, scale, shift, DE_GELU, y); return;
    case DE_QUICK_GELU: scale_shift_rows(x, rows, c, scale, shift, DE_QUICK_GELU, y); return;
    }
}

/* mean and 1 / sqrt(variance + eps) of x [c] */
static void moments(const float *x, int64_t c, float eps, float *mean, float *factor)
{
    de_floats sum = de_splat(0), deviations = sum, squares = sum;
    for (int64_t i = 0; i < c; i += DE_LANES)
        sum = de_add(sum, de_load_first(x + i, c - i));
    float first = de_sum_lanes(sum) / (float)c;
    for (int64_t i = 0; i < c; i += DE_LANES) {
        de_floats deviation = de_sub(de_load_first(x + i, c - i), de_splat(first));
        deviation = de_keep_first(deviation, c - i);
        deviations = de_add(deviations, deviation);
        squares = de_mul_add(deviation, deviation, squares);
    }
    /* what rounding left in the first mean, where that is far from zero */
    float rest = de_sum_lanes(deviations) / (float)c;
    *mean = first + rest;
    *factor = 1.0f / sqrtf(de_sum_lanes(squares) / (float)c - rest * rest + eps);
}

void DE_KERNEL(de_layer_norm)(const float *x, int64_t rows, int64_t c, float eps,
                              const float *scale, const float *shift, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += c, y += c) {
        float mean, factor;
        moments(x, c, eps, &mean, &factor);
        for (int64_t i = 0; i < c; i += DE_LANES) {
            de_floats value = de_sub(de_load_first(x + i, c - i), de_splat(mean));
            value = de_mul(value, de_splat(factor));
            value = de_mul_add(value, de_load_first(scale + i, c - i),
                               de_load_first(shift + i, c - i));
            de_store_first(y + i, c - i, value);
        }
    }
}

DE_INLINE void activate_all(const float *x, int64_t count, const de_activation activation, float *y)
{
    int64_t i = 0;
    for (; i + DE_LANES <= count; i += DE_LANES)
        de_store(y + i, de_activate(de_load(x + i), activation));
    if (i < count)
        de_store_first(y + i, count - i, de_activate(de_load_first(x + i, count - i), activation));
}

void DE_KERNEL(de_activate_array)(const float *x, int64_t count, de_activation activation, float *y)
{
    switch (activation) {
    case DE_NONE: activate_all(x, count, DE_NONE, y); return;
    case DE_SILU: activate_all(x, count, DE_SILU, y); return;
    case DE_GELU: activate_all(x, count, DE_GELU, y); return;
    case DE_QUICK_GELU: activate_all(x, count, DE_QUICK_GELU, y); return;
    }
}
