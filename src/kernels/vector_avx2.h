/* AVX2, FMA and F16C: vectors of 8. Also the documentation of what every vector_*.h defines. */
#ifndef DE_VECTOR_AVX2_H
#define DE_VECTOR_AVX2_H

#include <immintrin.h>

enum {
    DE_LANES = 8,
    /* A tile of sums is so many rows by so many vectors that it fills the 16 registers, but for the
     * operands. Fewer vectors, more rows. */
    DE_TILE_VECTORS = 2,
    DE_TILE_ROWS = 6,
    DE_NARROW_ROWS = 8
};
/* The same of attention. */
#define DE_ATTENTION_ROWS 6
#define DE_ATTENTION_VECTORS 2

typedef __m256 de_floats;
/* With its elements' type: gcc 12 would store sums of __m256i in every round of a loop. */
typedef int32_t de_ints __attribute__((vector_size(32)));
typedef __m256i de_pairs;
typedef __m256 de_mask;

/* ---- floats ---- */

DE_INLINE de_floats de_splat(float x)
{
    return _mm256_set1_ps(x);
}
/* from memory, which costs no more than a load */
DE_INLINE de_floats de_splat_at(const float *x)
{
    return _mm256_broadcast_ss(x);
}
/* 0, 1, 2, ... */
DE_INLINE de_floats de_count_up(void)
{
    return _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
}
DE_INLINE de_floats de_load(const float *x)
{
    return _mm256_loadu_ps(x);
}
DE_INLINE void de_store(float *y, de_floats x)
{
    _mm256_storeu_ps(y, x);
}
/* DE_LANES of f16 */
DE_INLINE de_floats de_load_half(const uint16_t *x)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)x));
}
DE_INLINE de_floats de_add(de_floats x, de_floats y)
{
    return _mm256_add_ps(x, y);
}
DE_INLINE de_floats de_sub(de_floats x, de_floats y)
{
    return _mm256_sub_ps(x, y);
}
DE_INLINE de_floats de_mul(de_floats x, de_floats y)
{
    return _mm256_mul_ps(x, y);
}
DE_INLINE de_floats de_div(de_floats x, de_floats y)
{
    return _mm256_div_ps(x, y);
}
/* x y + z, rounded once */
DE_INLINE de_floats de_mul_add(de_floats x, de_floats y, de_floats z)
{
    return _mm256_fmadd_ps(x, y, z);
}
/* x y - z */
DE_INLINE de_floats de_mul_sub(de_floats x, de_floats y, de_floats z)
{
    return _mm256_fmsub_ps(x, y, z);
}
/* z - x y */
DE_INLINE de_floats de_neg_mul_add(de_floats x, de_floats y, de_floats z)
{
    return _mm256_fnmadd_ps(x, y, z);
}
/* the second operand where either is a NaN */
DE_INLINE de_floats de_max(de_floats x, de_floats y)
{
    return _mm256_max_ps(x, y);
}
DE_INLINE de_floats de_min(de_floats x, de_floats y)
{
    return _mm256_min_ps(x, y);
}
DE_INLINE de_floats de_sqrt(de_floats x)
{
    return _mm256_sqrt_ps(x);
}
DE_INLINE de_floats de_abs(de_floats x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}
/* to the nearest whole number, of two equally near the even one */
DE_INLINE de_floats de_round(de_floats x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* 2^n p for whole n of [-126, 127] and p of [1/2, 2] */
DE_INLINE de_floats de_scaled(de_floats n, de_floats p)
{
    __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}
/* Of all lanes: the first half is added to the second until one is left. */
DE_INLINE float de_sum_lanes(de_floats x)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
DE_INLINE float de_largest_lane(de_floats x)
{
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

/* Lane i of vector j becomes lane j of vector i, of DE_LANES vectors. */
DE_INLINE void de_transpose(de_floats *x)
{
    __m256 twos[8], fours[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        twos[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        twos[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        fours[i] = _mm256_shuffle_ps(twos[i], twos[i + 2], 0x44);
        fours[i + 1] = _mm256_shuffle_ps(twos[i], twos[i + 2], 0xee);
        fours[i + 2] = _mm256_shuffle_ps(twos[i + 1], twos[i + 3], 0x44);
        fours[i + 3] = _mm256_shuffle_ps(twos[i + 1], twos[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
    }
}

/* ---- masks ---- */

/* x > y; no where either is a NaN */
DE_INLINE de_mask de_greater(de_floats x, de_floats y)
{
    return _mm256_cmp_ps(x, y, _CMP_GT_OQ);
}
/* x where the mask says yes, else y */
DE_INLINE de_floats de_select(de_mask mask, de_floats x, de_floats y)
{
    return _mm256_blendv_ps(y, x, mask);
}
DE_INLINE bool de_any(de_mask mask)
{
    return _mm256_movemask_ps(mask) != 0;
}

/* ---- the first `count` lanes (all, if it is larger): the end of a row ---- */

DE_INLINE __m256i de_first_lanes(int64_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count < DE_LANES ? count : DE_LANES)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* zeros in the others */
DE_INLINE de_floats de_load_first(const float *x, int64_t count)
{
    return count >= DE_LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, de_first_lanes(count));
}
DE_INLINE void de_store_first(float *y, int64_t count, de_floats values)
{
    if (count >= DE_LANES)
        _mm256_storeu_ps(y, values);
    else
        _mm256_maskstore_ps(y, de_first_lanes(count), values);
}
DE_INLINE de_floats de_keep_first(de_floats x, int64_t count)
{
    return count >= DE_LANES ? x : _mm256_and_ps(x, _mm256_castsi256_ps(de_first_lanes(count)));
}

/* ---- DE_DOUBLES doubles ---- */

enum { DE_DOUBLES = 4 };
typedef __m256d de_doubles;

DE_INLINE de_doubles de_load_doubles(const double *x)
{
    return _mm256_loadu_pd(x);
}
DE_INLINE void de_store_doubles(double *y, de_doubles x)
{
    _mm256_storeu_pd(y, x);
}
DE_INLINE de_doubles de_load_as_doubles(const float *x)
{
    return _mm256_cvtps_pd(_mm_loadu_ps(x));
}
DE_INLINE de_doubles de_add_doubles(de_doubles x, de_doubles y)
{
    return _mm256_add_pd(x, y);
}
/* sums + x x */
DE_INLINE de_doubles de_add_squares(de_doubles sums, de_doubles x)
{
    return _mm256_fmadd_pd(x, x, sums);
}

/* ---- integers ---- */

DE_INLINE de_ints de_no_ints(void)
{
    return (de_ints){0};
}
DE_INLINE de_floats de_floats_of(de_ints x)
{
    return _mm256_cvtepi32_ps((__m256i)x);
}
/* the nearest, of two equally near the even one; of [-2^31, 2^31) */
DE_INLINE de_ints de_ints_of(de_floats x)
{
    return (de_ints)_mm256_cvtps_epi32(x);
}
DE_INLINE de_pairs de_load_pairs(const int16_t *x)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)x);
}
/* the pair x[0], x[1] in every lane */
DE_INLINE de_pairs de_splat_pair(const int16_t *x)
{
    int32_t pair;
    __builtin_memcpy(&pair, x, sizeof pair);
    return _mm256_set1_epi32(pair);
}
/* sums + x[0] y[0] + x[1] y[1] in every lane; x is from de_splat_pair() */
DE_INLINE de_ints de_dot_pairs(de_ints sums, de_pairs x, de_pairs y)
{
#ifdef __AVXVNNI__
    return (de_ints)_mm256_dpwssd_avx_epi32((__m256i)sums, x, y);
#else
    return sums + (de_ints)_mm256_madd_epi16(x, y);
#endif
}
/* Of int16 range each: y[0], y[2], .. = even, y[1], y[3], .. = odd. */
DE_INLINE void de_store_pairs(int16_t *y, de_ints even, de_ints odd)
{
    __m256i pairs = _mm256_blend_epi16((__m256i)even, _mm256_slli_epi32((__m256i)odd, 16), 0xaa);
    _mm256_storeu_si256((__m256i *)(void *)y, pairs);
}
/* Of int16 range: y[0], y[1], .. */
DE_INLINE void de_store_shorts(int16_t *y, de_ints x)
{
    __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)x),
                                     _mm256_extracti128_si256((__m256i)x, 1));
    _mm_storeu_si128((__m128i *)(void *)y, shorts);
}

#endif
