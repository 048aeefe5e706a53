/* The AVX2 + FMA + F16C kernels, by family (kernels.h says what each does), and what they share. */
#ifndef DE_KERNELS_AVX2_H
#define DE_KERNELS_AVX2_H

#include <immintrin.h>

#include "kernels/kernels.h"

enum { DE_LANES = 8 };

void de_gemm_avx2(const de_gemm *gemm);
void de_winograd_weights_avx2(const de_winograd_weights *weights);
void de_winograd_input_avx2(const float *const *pixels, int64_t channels, float *out,
                            int64_t point_stride);
void de_winograd_output_avx2(const de_winograd_output *tile);
void de_attention_avx2(const de_attention_block *block);
void de_channel_sums_avx2(const float *x, int64_t rows, int64_t c, double *sum, double *square);
void de_scale_shift_avx2(const float *x, int64_t rows, int64_t c, const float *scale,
                         const float *shift, de_activation activation, float *y);
void de_layer_norm_avx2(const float *x, int64_t rows, int64_t c, float eps, const float *scale,
                        const float *shift, float *y);
void de_activate_array_avx2(const float *x, int64_t count, de_activation activation, float *y);
double de_multiply_add_avx2(int64_t rounds);

/* All bits set in the first `count` lanes (all lanes if it is larger), for the end of a row. */
static inline __m256i de_first_lanes(int64_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count < DE_LANES ? count : DE_LANES)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline __m256 de_load_first(const float *x, int64_t count)
{
    return count >= DE_LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, de_first_lanes(count));
}

static inline void de_store_first(float *y, int64_t count, __m256 values)
{
    if (count >= DE_LANES)
        _mm256_storeu_ps(y, values);
    else
        _mm256_maskstore_ps(y, de_first_lanes(count), values);
}

static inline float de_sum_lanes(__m256 x)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

#endif
