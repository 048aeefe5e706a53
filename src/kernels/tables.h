/* The functions of each table, by the table's name; kernels.h says what each does. */
#ifndef DE_TABLES_H
#define DE_TABLES_H

#include "kernels/kernels.h"

#define DE_DECLARE_KERNELS(table) \
    void de_gemm_##table(const de_gemm *gemm); \
    void de_quantise_##table(const de_i16_rows *rows, int16_t *out, int64_t out_stride, \
                             float *scales); \
    void de_quantise_panel_##table(const void *panel, de_kind kind, int64_t depth, int16_t *out, \
                                   float *scales); \
    void de_winograd_weights_##table(const de_winograd_weights *weights); \
    void de_winograd_scales_##table(const de_winograd_weights *weights, float *scales); \
    void de_winograd_input_##table(const float *const *pixels, const float *const *next, \
                                   int64_t channels, float *out, int64_t point_stride); \
    void de_winograd_output_##table(const de_winograd_output *tile); \
    void de_attention_##table(const de_attention_block *block); \
    void de_attention_quick_##table(const de_attention_block *block); \
    void de_attention_pack_quick_##table(const de_attention_rows *rows); \
    void de_channel_sums_##table(const float *x, int64_t rows, int64_t c, double *sum, \
                                 double *square); \
    void de_scale_shift_##table(const float *x, int64_t rows, int64_t c, const float *scale, \
                                const float *shift, de_activation activation, float *y); \
    void de_layer_norm_##table(const float *x, int64_t rows, int64_t c, float eps, \
                               const float *scale, const float *shift, float *y); \
    void de_activate_array_##table(const float *x, int64_t count, de_activation activation, \
                                   float *y); \
    double de_multiply_add_##table(int64_t rounds); \
    double de_multiply_add_pairs_##table(int64_t rounds)

DE_DECLARE_KERNELS(c);
DE_DECLARE_KERNELS(avx2);
DE_DECLARE_KERNELS(avxvnni);
DE_DECLARE_KERNELS(avx512);
DE_DECLARE_KERNELS(neon);

#endif
