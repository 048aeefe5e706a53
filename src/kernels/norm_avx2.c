#include <math.h>

#include "kernels/avx2.h"
#include "kernels/functions_avx2.h"

/* Adds eight channels of four rows at a time, so that the sums are fetched and stored once for four
 * rows. */
enum { SUM_ROWS = 4 };

static inline __attribute__((always_inline)) void add_rows(const float *x, const int rows,
                                                           int64_t c, double *sum, double *square)
{
    int64_t i = 0;
    for (; i + 4 <= c; i += 4) {
        __m256d s = _mm256_loadu_pd(sum + i), q = _mm256_loadu_pd(square + i);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            __m256d value = _mm256_cvtps_pd(_mm_loadu_ps(x + r * c + i));
            s = _mm256_add_pd(s, value);
            q = _mm256_fmadd_pd(value, value, q);
        }
        _mm256_storeu_pd(sum + i, s);
        _mm256_storeu_pd(square + i, q);
    }
    for (; i < c; i++) {
        for (int r = 0; r < rows; r++) {
            double value = x[r * c + i];
            sum[i] += value;
            square[i] += value * value;
        }
    }
}

void de_channel_sums_avx2(const float *x, int64_t rows, int64_t c, double *sum, double *square)
{
    int64_t r = 0;
    for (; r + SUM_ROWS <= rows; r += SUM_ROWS)
        add_rows(x + r * c, SUM_ROWS, c, sum, square);
    for (; r < rows; r++)
        add_rows(x + r * c, 1, c, sum, square);
}

/* The first `count` of eight channels. */
static inline __attribute__((always_inline)) void
scale_shift_lanes(const float *x, int64_t count, const float *scale, const float *shift,
                  const de_activation activation, float *y)
{
    __m256 value = _mm256_fmadd_ps(de_load_first(x, count), de_load_first(scale, count),
                                   de_load_first(shift, count));
    de_store_first(y, count, de_activate_avx2(value, activation));
}

static inline __attribute__((always_inline)) void
scale_shift_rows(const float *x, int64_t rows, int64_t c, const float *scale, const float *shift,
                 const de_activation activation, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += c, y += c) {
        int64_t i = 0;
        for (; i + DE_LANES <= c; i += DE_LANES)
            scale_shift_lanes(x + i, DE_LANES, scale + i, shift + i, activation, y + i);
        if (i < c)
            scale_shift_lanes(x + i, c - i, scale + i, shift + i, activation, y + i);
    }
}

void de_scale_shift_avx2(const float *x, int64_t rows, int64_t c, const float *scale,
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
    __m256 sum = _mm256_setzero_ps(), deviations = sum, squares = sum;
    for (int64_t i = 0; i < c; i += DE_LANES)
        sum = _mm256_add_ps(sum, de_load_first(x + i, c - i));
    float first = de_sum_lanes(sum) / (float)c;
    for (int64_t i = 0; i < c; i += DE_LANES) {
        __m256 deviation = _mm256_sub_ps(de_load_first(x + i, c - i), _mm256_set1_ps(first));
        if (c - i < DE_LANES)
            deviation = _mm256_and_ps(deviation, _mm256_castsi256_ps(de_first_lanes(c - i)));
        deviations = _mm256_add_ps(deviations, deviation);
        squares = _mm256_fmadd_ps(deviation, deviation, squares);
    }
    /* what rounding left in the first mean, where that is far from zero */
    float rest = de_sum_lanes(deviations) / (float)c;
    *mean = first + rest;
    *factor = 1.0f / sqrtf(de_sum_lanes(squares) / (float)c - rest * rest + eps);
}

void de_layer_norm_avx2(const float *x, int64_t rows, int64_t c, float eps, const float *scale,
                        const float *shift, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += c, y += c) {
        float mean, factor;
        moments(x, c, eps, &mean, &factor);
        for (int64_t i = 0; i < c; i += DE_LANES) {
            __m256 value = _mm256_sub_ps(de_load_first(x + i, c - i), _mm256_set1_ps(mean));
            value = _mm256_mul_ps(value, _mm256_set1_ps(factor));
            value = _mm256_fmadd_ps(value, de_load_first(scale + i, c - i),
                                    de_load_first(shift + i, c - i));
            de_store_first(y + i, c - i, value);
        }
    }
}

static inline __attribute__((always_inline)) void
activate_all(const float *x, int64_t count, const de_activation activation, float *y)
{
    int64_t i = 0;
    for (; i + DE_LANES <= count; i += DE_LANES)
        _mm256_storeu_ps(y + i, de_activate_avx2(_mm256_loadu_ps(x + i), activation));
    if (i < count)
        de_store_first(y + i, count - i,
                       de_activate_avx2(de_load_first(x + i, count - i), activation));
}

void de_activate_array_avx2(const float *x, int64_t count, de_activation activation, float *y)
{
    switch (activation) {
    case DE_NONE: activate_all(x, count, DE_NONE, y); return;
    case DE_SILU: activate_all(x, count, DE_SILU, y); return;
    case DE_GELU: activate_all(x, count, DE_GELU, y); return;
    case DE_QUICK_GELU: activate_all(x, count, DE_QUICK_GELU, y); return;
    }
}
