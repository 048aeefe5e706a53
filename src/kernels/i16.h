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

enum { DE_I16_MOST = 32767, DE_I16_NORM = 46080 };

/* The floats of a row: `parts` pieces of `depth`, `stride` pointers apart. */
typedef struct de_i16_row {
    const float *const *pieces;
    int64_t parts, stride, depth;
} de_i16_row;

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

/* Of the values times `factor`: the sum of squares, and the largest size. The sum is that of 16
 * sums, each of every 16th value of a piece, of which the first half is added to the second until
 * one is left. */
typedef float de_i16_squares_fn(const de_i16_row *row, float factor, float *largest);
/* out = the values times `factor`, rounded to the nearest, of two equally near the even one */
typedef void de_i16_round_fn(const de_i16_row *row, float factor, int16_t *out);

/* What `quantise` of every table is. */
static inline __attribute__((always_inline)) float de_i16_quantise(const de_i16_row *row,
                                                                   de_i16_squares_fn *squares_of,
                                                                   de_i16_round_fn *round_to,
                                                                   int16_t *out)
{
    int64_t count = row->parts * row->depth;
    float largest, scaled, squares = squares_of(row, 1, &largest);
    float ratio = sqrtf(squares) / largest, scale;
    /* Squares that may have left the range of floats are taken again of values near 1. */
    if (!(largest > 1e-15f && largest < 1e15f) && largest >= DE_I16_TINY)
        ratio = sqrtf(squares_of(row, 1 / largest, &scaled));
    float factor = de_i16_factor(largest, ratio, &scale);
    if (isfinite(factor)) {
        round_to(row, factor, out);
        if (count % 2)
            out[count] = 0;
        return scale;
    }
    /* too small to divide by; or not finite */
    memset(out, 0, (size_t)(count + count % 2) * sizeof *out);
    return isnan(squares) || isinf(largest) ? NAN : 0;
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
    return isfinite(largest) ? 0 : NAN;
}

/* What values are multiplied with whose scale is known. */
static inline float de_i16_factor_of(float scale)
{
    float factor = 1 / scale;
    return isfinite(factor) ? factor : 0;
}

#endif
