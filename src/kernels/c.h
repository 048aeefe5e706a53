/* The plain C kernels, by family; see kernels.h for what each does. */
#ifndef DE_KERNELS_C_H
#define DE_KERNELS_C_H

#include "kernels/kernels.h"

void de_gemm_c(const de_gemm *gemm);
void de_winograd_weights_c(const de_winograd_weights *weights);
void de_winograd_input_c(const float *const *pixels, int64_t channels, float *out,
                         int64_t point_stride);
void de_winograd_output_c(const de_winograd_output *tile);
void de_attention_c(const de_attention_block *block);
void de_channel_sums_c(const float *x, int64_t rows, int64_t c, double *sum, double *square);
void de_scale_shift_c(const float *x, int64_t rows, int64_t c, const float *scale,
                      const float *shift, de_activation activation, float *y);
void de_layer_norm_c(const float *x, int64_t rows, int64_t c, float eps, const float *scale,
                     const float *shift, float *y);
void de_activate_array_c(const float *x, int64_t count, de_activation activation, float *y);
double de_multiply_add_c(int64_t rounds);

#endif
