/* The integers of a product of int16.
 *
 * A vector of floats, a row of activations or a column of weights, becomes integers q with x ~ q
 * times a scale. The scale is as small as two limits allow: integers are at most 32767, and their
 * L2 norm at most DE_I16_NORM. By the Cauchy-Schwarz inequality no partial sum of the products of
 * two such vectors then leaves int32: 46080^2, and what rounding adds to the norms of up to 250,000
 * values, is below 2^31. So sums are exact in any order, and have the same bits in every table. */
#ifndef DE_I16_H
#define DE_I16_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"

enum { DE_I16_MOST = 32767, DE_I16_NORM = 46080 };
/* Values that are all smaller than this become zeros, and so does their scale. */
#define DE_I16_TINY 1e-30f

/* What the values are multiplied with before they are rounded; `ratio` is their L2 norm by the
 * largest of their sizes. */
static inline float de_i16_factor(float largest, float ratio, float *scale)
{
    float most = DE_I16_NORM / ratio;
    if (most > DE_I16_MOST)
        most = DE_I16_MOST;
    *scale = largest / most;
    return most / largest;
}

/* Of a row's values times `factor`: the sum of squares, and the largest size. The sum is that of 16
 * sums, each of every 16th value of a piece, of which the first half is added to the second until
 * one is left. */
typedef float de_i16_squares_fn(const de_i16_rows *rows, int64_t row, float factor, float *largest);
/* out = the row's values times `factor`, rounded to the nearest, of two equally near the even one
 */
typedef void de_i16_round_fn(const de_i16_rows *rows, int64_t row, float factor, int16_t *out);

/* What a row is multiplied with; 0 where its integers are zeros. */
static inline __attribute__((always_inline)) float
de_i16_settle(const de_i16_rows *rows, int64_t row, float squares, float largest,
              de_i16_squares_fn *squares_of, float *scale)
{
    float scaled, ratio = sqrtf(squares) / largest;
    /* Squares that may have left the range of floats are taken again of values near 1. */
    if (!(largest > 1e-15f && largest < 1e15f) && largest >= DE_I16_TINY)
        ratio = sqrtf(squares_of(rows, row, 1 / largest, &scaled));
    float factor = de_i16_factor(largest, ratio, scale);
    if (isfinite(factor) && largest >= DE_I16_TINY)
        return factor;
    /* too small to divide by; or not finite */
    *scale = isnan(squares) || isinf(largest) ? NAN : 0;
    return 0;
}

/* What `quantise` of every table is. Some rows go through each step together, so that none waits
 * for its own root and quotients. */
static inline __attribute__((always_inline)) void
de_i16_quantise(const de_i16_rows *rows, de_i16_squares_fn *squares_of, de_i16_round_fn *round_to,
                int16_t *out, int64_t out_stride, float *scales)
{
    enum { TOGETHER = 12 };
    int64_t count = rows->parts * rows->depth;
    for (int64_t first = 0; first < rows->rows; first += TOGETHER) {
        int64_t some = rows->rows - first < TOGETHER ? rows->rows - first : TOGETHER;
        float squares[TOGETHER], largest[TOGETHER], factors[TOGETHER];
        for (int64_t r = 0; r < some; r++)
            squares[r] = squares_of(rows, first + r, 1, &largest[r]);
        for (int64_t r = 0; r < some; r++)
            factors[r] = de_i16_settle(rows, first + r, squares[r], largest[r], squares_of,
                                       &scales[first + r]);
        for (int64_t r = 0; r < some; r++) {
            int16_t *values = out + (first + r) * out_stride;
            if (factors[r] > 0)
                round_to(rows, first + r, factors[r], values);
            else
                memset(values, 0, (size_t)count * sizeof *values);
            if (count % 2)
                values[count] = 0;
        }
    }
}

/* The scale of a column of weights, from the largest size and the sum of squares of its `count`
 * values. */
static inline float de_i16_scale_of(float largest, float squares, int64_t count)
{
    bool squared = largest > 1e-15f && largest < 1e15f;
    float scale, factor = de_i16_factor(
                     largest, squared ? sqrtf(squares) / largest : sqrtf((float)count), &scale);
    if (isfinite(factor))
        return scale;
    return isnan(squares) || !isfinite(largest) ? NAN : 0;
}

/* What values are multiplied with whose scale is known. */
static inline float de_i16_factor_of(float scale)
{
    float factor = 1 / scale;
    return isfinite(factor) ? factor : 0;
}

#endif
