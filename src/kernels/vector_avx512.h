/* AVX-512 F, BW, DQ, VL and VNNI: vectors of 16. vector_avx2.h says what each function does. */
#ifndef DE_VECTOR_AVX512_H
#define DE_VECTOR_AVX512_H

#include <immintrin.h>

enum {
    DE_LANES = 16,
    /* 24 of 32 registers are sums */
    DE_TILE_VECTORS = 4,
    DE_TILE_ROWS = 6,
    DE_NARROW_ROWS = 8
};
#define DE_ATTENTION_ROWS 12
#define DE_ATTENTION_VECTORS 2

typedef __m512 de_floats;
/* With its elements' type: gcc 12 would store sums of __m512i in every round of a loop. */
typedef int32_t de_ints __attribute__((vector_size(64)));
typedef __m512i de_pairs;
typedef __mmask16 de_mask;

/* ---- floats ---- */

DE_INLINE de_floats de_splat(float x)
{
    return _mm512_set1_ps(x);
}
DE_INLINE de_floats de_splat_at(const float *x)
{
    return _mm512_set1_ps(*x);
}
DE_INLINE de_floats de_count_up(void)
{
    return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
DE_INLINE de_floats de_load(const float *x)
{
    return _mm512_loadu_ps(x);
}
DE_INLINE void de_store(float *y, de_floats x)
{
    _mm512_storeu_ps(y, x);
}
DE_INLINE de_floats de_load_half(const uint16_t *x)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)x));
}
DE_INLINE de_floats de_add(de_floats x, de_floats y)
{
    return _mm512_add_ps(x, y);
}
DE_INLINE de_floats de_sub(de_floats x, de_floats y)
{
    return _mm512_sub_ps(x, y);
}
DE_INLINE de_floats de_mul(de_floats x, de_floats y)
{
    return _mm512_mul_ps(x, y);
}
DE_INLINE de_floats de_div(de_floats x, de_floats y)
{
    return _mm512_div_ps(x, y);
}
DE_INLINE de_floats de_mul_add(de_floats x, de_floats y, de_floats z)
{
    return _mm512_fmadd_ps(x, y, z);
}
DE_INLINE de_floats de_mul_sub(de_floats x, de_floats y, de_floats z)
{
    return _mm512_fmsub_ps(x, y, z);
}
DE_INLINE de_floats de_neg_mul_add(de_floats x, de_floats y, de_floats z)
{
    return _mm512_fnmadd_ps(x, y, z);
}
DE_INLINE de_floats de_max(de_floats x, de_floats y)
{
    return _mm512_max_ps(x, y);
}
DE_INLINE de_floats de_min(de_floats x, de_floats y)
{
    return _mm512_min_ps(x, y);
}
DE_INLINE de_floats de_sqrt(de_floats x)
{
    return _mm512_sqrt_ps(x);
}
DE_INLINE de_floats de_abs(de_floats x)
{
    return _mm512_abs_ps(x);
}
DE_INLINE de_floats de_round(de_floats x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
DE_INLINE de_floats de_scaled(de_floats n, de_floats p)
{
    __m512i exponent = _mm512_slli_epi32(_mm512_cvtps_epi32(n), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent));
}
DE_INLINE float de_sum_lanes(de_floats x)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}
DE_INLINE float de_largest_lane(de_floats x)
{
    return _mm512_reduce_max_ps(x);
}

DE_INLINE void de_transpose(de_floats *x)
{
    __m512 twos[16], fours[16], eights[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        twos[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        twos[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        fours[i] = _mm512_shuffle_ps(twos[i], twos[i + 2], 0x44);
        fours[i + 1] = _mm512_shuffle_ps(twos[i], twos[i + 2], 0xee);
        fours[i + 2] = _mm512_shuffle_ps(twos[i + 1], twos[i + 3], 0x44);
        fours[i + 3] = _mm512_shuffle_ps(twos[i + 1], twos[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        eights[i] = _mm512_shuffle_f32x4(fours[i], fours[i + 4], 0x88);
        eights[i + 4] = _mm512_shuffle_f32x4(fours[i], fours[i + 4], 0xdd);
        eights[i + 8] = _mm512_shuffle_f32x4(fours[i + 8], fours[i + 12], 0x88);
        eights[i + 12] = _mm512_shuffle_f32x4(fours[i + 8], fours[i + 12], 0xdd);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        x[i] = _mm512_shuffle_f32x4(eights[i], eights[i + 8], 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(eights[i], eights[i + 8], 0xdd);
    }
}

/* ---- masks ---- */

DE_INLINE de_mask de_greater(de_floats x, de_floats y)
{
    return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ);
}
DE_INLINE de_floats de_select(de_mask mask, de_floats x, de_floats y)
{
    return _mm512_mask_blend_ps(mask, y, x);
}
DE_INLINE bool de_any(de_mask mask)
{
    return mask != 0;
}

/* ---- the first `count` lanes ---- */

DE_INLINE __mmask16 de_first_lanes(int64_t count)
{
    return (__mmask16)(count < DE_LANES ? (1u << count) - 1 : 0xffff);
}
DE_INLINE de_floats de_load_first(const float *x, int64_t count)
{
    return _mm512_maskz_loadu_ps(de_first_lanes(count), x);
}
DE_INLINE void de_store_first(float *y, int64_t count, de_floats values)
{
    _mm512_mask_storeu_ps(y, de_first_lanes(count), values);
}
DE_INLINE de_floats de_keep_first(de_floats x, int64_t count)
{
    return _mm512_maskz_mov_ps(de_first_lanes(count), x);
}

/* ---- DE_DOUBLES doubles ---- */

enum { DE_DOUBLES = 8 };
typedef __m512d de_doubles;

DE_INLINE de_doubles de_load_doubles(const double *x)
{
    return _mm512_loadu_pd(x);
}
DE_INLINE void de_store_doubles(double *y, de_doubles x)
{
    _mm512_storeu_pd(y, x);
}
DE_INLINE de_doubles de_load_as_doubles(const float *x)
{
    return _mm512_cvtps_pd(_mm256_loadu_ps(x));
}
DE_INLINE de_doubles de_add_doubles(de_doubles x, de_doubles y)
{
    return _mm512_add_pd(x, y);
}
DE_INLINE de_doubles de_add_squares(de_doubles sums, de_doubles x)
{
    return _mm512_fmadd_pd(x, x, sums);
}

/* ---- integers ---- */

DE_INLINE de_ints de_no_ints(void)
{
    return (de_ints){0};
}
DE_INLINE de_floats de_floats_of(de_ints x)
{
    return _mm512_cvtepi32_ps((__m512i)x);
}
DE_INLINE de_ints de_ints_of(de_floats x)
{
    return (de_ints)_mm512_cvtps_epi32(x);
}
DE_INLINE de_pairs de_load_pairs(const int16_t *x)
{
    return _mm512_loadu_si512(x);
}
DE_INLINE de_pairs de_splat_pair(const int16_t *x)
{
    int32_t pair;
    __builtin_memcpy(&pair, x, sizeof pair);
    return _mm512_set1_epi32(pair);
}
DE_INLINE de_ints de_dot_pairs(de_ints sums, de_pairs x, de_pairs y)
{
    return (de_ints)_mm512_dpwssd_epi32((__m512i)sums, x, y);
}
DE_INLINE void de_store_pairs(int16_t *y, de_ints even, de_ints odd)
{
    __m512i pairs = _mm512_mask_blend_epi16(0xaaaaaaaa, (__m512i)even,
                                            _mm512_slli_epi32((__m512i)odd, 16));
    _mm512_storeu_si512(y, pairs);
}
DE_INLINE void de_store_shorts(int16_t *y, de_ints x)
{
    _mm256_storeu_si256((__m256i *)(void *)y, _mm512_cvtepi32_epi16((__m512i)x));
}

#endif
