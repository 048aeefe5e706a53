/* What attention_simd.c multiplies. It is compiled for floats; with DE_ATTENTION_QUICK for what
 * quick arithmetic takes: pairs of bf16 where the table has them, else pairs of int16, two columns
 * of a key or two keys at a time. Products of bf16 are summed in f32, those of int16 in int32,
 * which scales make floats. */
#ifndef DE_ATTENTION_OPERANDS_H
#define DE_ATTENTION_OPERANDS_H

#include <float.h>

#include "base/base.h"
#include "kernels/functions_simd.h"
#include "kernels/i16.h"
#include "kernels/vector.h"

#if !defined DE_ATTENTION_QUICK

#define ATTENTION DE_KERNEL(de_attention)
enum {
    ABREAST = 1, /* operands of a lane that are multiplied at once */
    SCALED = 0,  /* whether scales are needed */
    WEIGHTS_ABREAST = 1
};
typedef float operand;
typedef de_floats operands; /* a vector of them */
typedef de_floats tile_sum;
/* Weights as they are computed, a vector of WEIGHTS_ABREAST keys at a time */
typedef operand weight;

DE_INLINE operands load_operands(const operand *x)
{
    return de_load(x);
}
/* x[0], .. x[ABREAST - 1] in every lane */
DE_INLINE operands splat_operands(const operand *x)
{
    return de_splat_at(x);
}
/* sums + x y */
DE_INLINE tile_sum add_product(tile_sum sums, operands x, operands y)
{
    return de_mul_add(x, y, sums);
}
DE_INLINE de_floats power_of_two(de_floats x)
{
    return de_exp2(x);
}
/* Stores weights [WEIGHTS_ABREAST], and adds them to a total. */
DE_INLINE de_floats store_weights(weight *y, const de_floats *weights, de_floats total)
{
    de_store(y, weights[0]);
    return de_add(total, weights[0]);
}
/* The next operands of a row of queries, as many as fit of `left` floats, as bits */
DE_INLINE de_floats load_row(const float *x, int64_t left, de_floats scale)
{
    return de_mul(de_load_first(x, left), scale);
}
DE_INLINE void store_row(operand *y, de_floats bits)
{
    de_store(y, bits);
}

#elif defined DE_HAVE_BF16

#define ATTENTION DE_KERNEL(de_attention_quick)
enum { ABREAST = 2, SCALED = 0, WEIGHTS_ABREAST = 2 };
typedef uint16_t operand;
typedef de_bf16_pairs operands;
typedef de_floats tile_sum;
typedef operand weight;

DE_INLINE operands load_operands(const operand *x)
{
    return de_load_bf16_pairs(x);
}
DE_INLINE operands splat_operands(const operand *x)
{
    return de_splat_bf16_pair(x);
}
DE_INLINE tile_sum add_product(tile_sum sums, operands x, operands y)
{
    return de_dot_bf16_pairs(sums, x, y);
}
DE_INLINE de_floats power_of_two(de_floats x)
{
    return de_exp2_coarse(x);
}
/* The total is of the rounded weights, so that where one key wins its rounding cancels. */
DE_INLINE de_floats store_weights(weight *y, const de_floats *weights, de_floats total)
{
    static const uint16_t ones[] = {0x3f80, 0x3f80};
    de_bf16_pairs rounded = de_zip_bf16(weights[0], weights[1]);
    de_store_bf16_pairs(y, rounded);
    return de_dot_bf16_pairs(total, rounded, de_splat_bf16_pair(ones));
}
/* Finite numbers stay finite when they are rounded. */
DE_INLINE de_floats within_bf16(de_floats x)
{
    const float largest = 0x1.fep127f;
    de_floats within = de_max(de_splat(-largest), de_min(de_splat(largest), x));
    return de_select(de_greater(de_abs(x), de_splat(FLT_MAX)), x, within);
}
DE_INLINE de_floats load_row(const float *x, int64_t left, de_floats scale)
{
    de_floats first = de_load_first(x, left),
              second = left > DE_LANES ? de_load_first(x + DE_LANES, left - DE_LANES) : de_splat(0);
    return (de_floats)de_join_bf16(within_bf16(de_mul(first, scale)),
                                   within_bf16(de_mul(second, scale)));
}
DE_INLINE void store_row(operand *y, de_floats bits)
{
    de_store_bf16_pairs(y, (de_bf16_pairs)bits);
}

#else

#define DE_ATTENTION_I16
#define ATTENTION DE_KERNEL(de_attention_quick)
enum { ABREAST = 2, SCALED = 1, WEIGHTS_ABREAST = 1 };
typedef int16_t operand;
typedef de_pairs operands;
typedef de_ints tile_sum;
typedef float weight; /* until a block's total is known */

DE_INLINE operands load_operands(const operand *x)
{
    return de_load_pairs(x);
}
DE_INLINE operands splat_operands(const operand *x)
{
    return de_splat_pair(x);
}
DE_INLINE tile_sum add_product(tile_sum sums, operands x, operands y)
{
    return de_dot_pairs(sums, x, y);
}
DE_INLINE de_floats power_of_two(de_floats x)
{
    return de_exp2_coarse(x);
}
DE_INLINE de_floats store_weights(weight *y, const de_floats *weights, de_floats total)
{
    de_store(y, weights[0]);
    return de_add(total, weights[0]);
}

#endif

/* What a score's sum begins with, and what becomes of it: the score less the reference. */
#ifndef DE_ATTENTION_I16
DE_INLINE tile_sum begin_score(de_floats reference)
{
    return de_sub(de_splat(0), reference);
}
DE_INLINE de_floats end_score(tile_sum sum, de_floats unit, de_floats reference)
{
    (void)unit;
    (void)reference;
    return sum;
}
/* The same of a sum of values. */
DE_INLINE tile_sum begin_sum(const float *sums)
{
    return de_load(sums);
}
DE_INLINE void end_sum(float *sums, tile_sum sum, de_floats unit)
{
    (void)unit;
    de_store(sums, sum);
}
#else
DE_INLINE tile_sum begin_score(de_floats reference)
{
    (void)reference;
    return de_no_ints();
}
DE_INLINE de_floats end_score(tile_sum sum, de_floats unit, de_floats reference)
{
    return de_mul_sub(de_floats_of(sum), unit, reference);
}
DE_INLINE tile_sum begin_sum(const float *sums)
{
    (void)sums;
    return de_no_ints();
}
DE_INLINE void end_sum(float *sums, tile_sum sum, de_floats unit)
{
    de_store(sums, de_mul_add(de_floats_of(sum), unit, de_load(sums)));
}
#endif

#endif
