/* Exponentials and activations of vectors. */
#ifndef DE_FUNCTIONS_SIMD_H
#define DE_FUNCTIONS_SIMD_H

#include "kernels/vector.h"

/* c[0] x^(count - 1) + .. + c[count - 1] */
DE_INLINE de_floats de_polynomial(const float *c, const int count, de_floats x)
{
    de_floats p = de_splat(c[0]);
#pragma GCC unroll 8
    for (int i = 1; i < count; i++)
        p = de_mul_add(p, x, de_splat(c[i]));
    return p;
}

/* 2^x for x <= 127, exactly 1 at 0; 2^-126 for any x below -126, minus infinity included. The
 * polynomial is the one of degree 5 with constant term 1 and minimal relative error, 9e-8; rounding
 * makes it 1.7e-7. A NaN stays a NaN (max returns its second operand if either is one). */
static inline de_floats de_exp2(de_floats x)
{
    static const float c[] = {0.00132647285f, 0.00967151299f, 0.0555073358f,
                              0.240222424f,   0.693147004f,   1.0f};
    x = de_max(de_splat(-126.0f), x);
    de_floats n = de_round(x), f = de_sub(x, n);
    return de_scaled(n, de_polynomial(c, 6, f));
}

/* The same with a relative error of 7.5e-5, not exact at 0, and no less than 2^-125.1: for what
 * becomes 16-bit integers. */
static inline de_floats de_exp2_coarse(de_floats x)
{
    static const float c[] = {0.0551716685f, 0.24261114f, 0.693260968f, 0.999928057f};
    x = de_max(de_splat(-125.0f), x);
    de_floats n = de_round(x), f = de_sub(x, n);
    return de_scaled(n, de_polynomial(c, 4, f));
}

/* e^x, with x clamped to [-87, 88]. The polynomial, of degree 6, has a relative error of 2e-9;
 * rounding makes it 1e-7. A NaN stays a NaN here too. */
static inline de_floats de_exp(de_floats x)
{
    static const float c[] = {0.0001534581242594868f,
                              0.0013399930903688073f,
                              0.009618489071726799f,
                              0.05550328642129898f,
                              0.24022646248340607f,
                              0.6931471824645996f,
                              1.0f};
    const de_floats log2_e = de_splat(1.44269504f), log2_e_rest = de_splat(1.925963033500e-8f);
    x = de_min(de_splat(88.0f), de_max(de_splat(-87.0f), x));
    de_floats n = de_round(de_mul(x, log2_e));
    de_floats f = de_mul_add(x, log2_e_rest, de_mul_sub(x, log2_e, n));
    return de_scaled(n, de_polynomial(c, 7, f));
}

/* x / (1 + e^(-factor x)) */
static inline de_floats de_swish(de_floats x, float factor)
{
    de_floats e = de_exp(de_mul(x, de_splat(-factor)));
    return de_div(x, de_add(de_splat(1.0f), e));
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|), of a finite x or a NaN. Abramowitz and Stegun 7.1.26, with
 * error below 7.5e-8: Phi(-z sqrt(2)) = t (a1 + ... + a5 t^4) e^(-z^2) / 2, t = 1 / (1 + p z), for
 * z >= 0. */
static inline de_floats de_gelu(de_floats x)
{
    static const float halves[] = {0.5f * 1.061405429f, 0.5f * -1.453152027f, 0.5f * 1.421413741f,
                                   0.5f * -0.284496736f, 0.5f * 0.254829592f};
    de_floats size = de_abs(x); /* z sqrt(2) */
    de_floats t = de_div(de_splat(1.0f),
                         de_mul_add(size, de_splat(0.3275911f * 0.70710678f), de_splat(1.0f)));
    de_floats p = de_polynomial(halves, 5, t);
    /* e^(-z^2) as a power of two; the error grows with the exponent, but the power falls faster */
    de_floats e = de_exp2(de_mul(de_mul(x, x), de_splat(-0.5f * 1.44269504f)));
    de_floats below = de_mul(de_mul(p, t), e);
    return de_neg_mul_add(size, below, de_max(de_splat(0), x));
}

static inline de_floats de_activate(de_floats x, de_activation activation)
{
    switch (activation) {
    case DE_SILU: return de_swish(x, 1.0f);
    case DE_GELU: return de_gelu(x);
    case DE_QUICK_GELU: return de_swish(x, 1.702f);
    case DE_NONE: break;
    }
    return x;
}

#endif
