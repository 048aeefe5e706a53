/* What attention_simd.c multiplies. It is compiled for floats; with DE_ATTENTION_QUICK for pairs of
 * int16, two columns of a key or two keys at a time, whose sums are int32 and become floats by
 * scales. */
#ifndef DE_ATTENTION_OPERANDS_H
#define DE_ATTENTION_OPERANDS_H

#include "base/base.h"
#include "kernels/functions_simd.h"
#include "kernels/i16.h"
#include "kernels/vector.h"

#ifndef DE_ATTENTION_QUICK

#define ATTENTION DE_KERNEL(de_attention)
enum {
    ABREAST = 1, /* operands of a lane that are multiplied at once */
    SCALED = 0   /* whether scales are needed */
};
typedef float operand;
typedef de_floats operands; /* a vector of them */
typedef de_floats tile_sum;

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
/* What a score's sum begins with, and what becomes of it: the score less the reference. */
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

#define ATTENTION DE_KERNEL(de_attention_quick)
enum { ABREAST = 2, SCALED = 1 };
typedef int16_t operand;
typedef de_pairs operands;
typedef de_ints tile_sum;

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
