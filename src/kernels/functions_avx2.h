/* Exponentials and activations, eight values at a time. */
#ifndef DE_FUNCTIONS_AVX2_H
#define DE_FUNCTIONS_AVX2_H

#include "kernels/avx2.h"

/* c[0] x^(count - 1) + .. + c[count - 1] */
static inline __attribute__((always_inline)) __m256 de_polynomial_avx2(const float *c,
                                                                       const int count, __m256 x)
{
    __m256 p = _mm256_set1_ps(c[0]);
#pragma GCC unroll 8
    for (int i = 1; i < count; i++)
        p = _mm256_fmadd_ps(p, x, _mm256_set1_ps(c[i]));
    return p;
}

/* 2^n p for whole n of [-126, 127] and p of [1/2, 2] */
static inline __m256 de_scaled_avx2(__m256 n, __m256 p)
{
    __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

/* 2^x for x <= 127, exactly 1 at 0; 2^-126 for any x below -126, minus infinity included. The
 * polynomial is the one of degree 5 with constant term 1 and minimal relative error, 9e-8; rounding
 * makes it 1.7e-7. A NaN stays a NaN (max returns its second operand if either is one). */
static inline __m256 de_exp2_avx2(__m256 x)
{
    static const float c[] = {0.00132647285f, 0.00967151299f, 0.0555073358f,
                              0.240222424f,   0.693147004f,   1.0f};
    x = _mm256_max_ps(_mm256_set1_ps(-126.0f), x);
    __m256 n = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
           f = _mm256_sub_ps(x, n);
    return de_scaled_avx2(n, de_polynomial_avx2(c, 6, f));
}

/* e^x, with x clamped to [-87, 88]. The polynomial, of degree 6, has a relative error of 2e-9;
 * rounding makes it 1e-7. A NaN stays a NaN here too. */
static inline __m256 de_exp_avx2(__m256 x)
{
    static const float c[] = {0.0001534581242594868f,
                              0.0013399930903688073f,
                              0.009618489071726799f,
                              0.05550328642129898f,
                              0.24022646248340607f,
                              0.6931471824645996f,
                              1.0f};
    const __m256 log2_e = _mm256_set1_ps(1.44269504f),
                 log2_e_rest = _mm256_set1_ps(1.925963033500e-8f);
    x = _mm256_min_ps(_mm256_set1_ps(88.0f), _mm256_max_ps(_mm256_set1_ps(-87.0f), x));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, log2_e),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 f = _mm256_fmadd_ps(x, log2_e_rest, _mm256_fmsub_ps(x, log2_e, n));
    return de_scaled_avx2(n, de_polynomial_avx2(c, 7, f));
}

/* x / (1 + e^(-factor x)) */
static inline __m256 de_swish_avx2(__m256 x, float factor)
{
    __m256 e = de_exp_avx2(_mm256_mul_ps(x, _mm256_set1_ps(-factor)));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|), of a finite x or a NaN. Abramowitz and Stegun 7.1.26, with
 * error below 7.5e-8: Phi(-z sqrt(2)) = t (a1 + ... + a5 t^4) e^(-z^2) / 2, t = 1 / (1 + p z), for
 * z >= 0. */
static inline __m256 de_gelu_avx2(__m256 x)
{
    static const float halves[] = {0.5f * 1.061405429f, 0.5f * -1.453152027f, 0.5f * 1.421413741f,
                                   0.5f * -0.284496736f, 0.5f * 0.254829592f};
    __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); /* z sqrt(2) */
    __m256 t = _mm256_div_ps(
        _mm256_set1_ps(1.0f),
        _mm256_fmadd_ps(size, _mm256_set1_ps(0.3275911f * 0.70710678f), _mm256_set1_ps(1.0f)));
    __m256 p = de_polynomial_avx2(halves, 5, t);
    /* e^(-z^2) as a power of two; the error grows with the exponent, but the power falls faster */
    __m256 e = de_exp2_avx2(
        _mm256_mul_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(-0.5f * 1.44269504f)));
    __m256 below = _mm256_mul_ps(_mm256_mul_ps(p, t), e);
    return _mm256_fnmadd_ps(size, below, _mm256_max_ps(_mm256_setzero_ps(), x));
}

static inline __m256 de_activate_avx2(__m256 x, de_activation activation)
{
    switch (activation) {
    case DE_SILU: return de_swish_avx2(x, 1.0f);
    case DE_GELU: return de_gelu_avx2(x);
    case DE_QUICK_GELU: return de_swish_avx2(x, 1.702f);
    case DE_NONE: break;
    }
    return x;
}

#endif
