/* What attention_simd.c multiplies: floats; or, where it is compiled for a table that has them,
 * pairs of bf16, two keys or two columns at a time, which are summed in f32. */
#ifndef DE_ATTENTION_OPERANDS_H
#define DE_ATTENTION_OPERANDS_H

#include <float.h>

#include "base/base.h"
#include "kernels/functions_simd.h"
#include "kernels/vector.h"

#ifdef DE_HAVE_BF16

#define ATTENTION DE_KERNEL(de_attention_bf16)
enum { ABREAST = 2 }; /* operands of a lane that are multiplied at once */
typedef uint16_t operand;
typedef de_bf16_pairs operands;

DE_INLINE operands load_operands(const operand *x)
{
    return de_load_bf16_pairs(x);
}
/* x[0], .. x[ABREAST - 1] in every lane */
DE_INLINE operands splat_operands(const operand *x)
{
    return de_splat_bf16_pair(x);
}
DE_INLINE void store_operands(operand *y, operands x)
{
    de_store_bf16_pairs(y, x);
}
/* sums + x y */
DE_INLINE de_floats add_product(de_floats sums, operands x, operands y)
{
    return de_dot_bf16_pairs(sums, x, y);
}
/* sums + what x has in a lane */
DE_INLINE de_floats add_all(de_floats sums, operands x)
{
    static const uint16_t ones[] = {0x3f80, 0x3f80};
    return de_dot_bf16_pairs(sums, x, de_splat_bf16_pair(ones));
}
/* x [ABREAST] of vectors */
DE_INLINE operands operands_of(const de_floats *x)
{
    return de_zip_bf16(x[0], x[1]);
}
DE_INLINE de_floats power_of_two(de_floats x)
{
    return de_exp2_coarse(x);
}
/* Finite numbers stay finite when they are rounded. */
DE_INLINE de_floats within_bf16(de_floats x)
{
    const float largest = 0x1.fep127f;
    de_floats within = de_max(de_splat(-largest), de_min(de_splat(largest), x));
    return de_select(de_greater(de_abs(x), de_splat(FLT_MAX)), x, within);
}
/* The next `left` floats of a row, as many as fit, times `scale`: their bits. */
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

#define ATTENTION DE_KERNEL(de_attention)
enum { ABREAST = 1 };
typedef float operand;
typedef de_floats operands;

DE_INLINE operands load_operands(const operand *x)
{
    return de_load(x);
}
DE_INLINE operands splat_operands(const operand *x)
{
    return de_splat_at(x);
}
DE_INLINE void store_operands(operand *y, operands x)
{
    de_store(y, x);
}
DE_INLINE de_floats add_product(de_floats sums, operands x, operands y)
{
    return de_mul_add(x, y, sums);
}
DE_INLINE de_floats add_all(de_floats sums, operands x)
{
    return de_add(sums, x);
}
DE_INLINE operands operands_of(const de_floats *x)
{
    return x[0];
}
DE_INLINE de_floats power_of_two(de_floats x)
{
    return de_exp2(x);
}
DE_INLINE de_floats load_row(const float *x, int64_t left, de_floats scale)
{
    return de_mul(de_load_first(x, left), scale);
}
DE_INLINE void store_row(operand *y, de_floats x)
{
    de_store(y, x);
}

#endif
#endif
