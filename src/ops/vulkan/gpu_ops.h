/* The ops of the table (gpu_device.c): each records its dispatches. */
#ifndef DE_GPU_OPS_H
#define DE_GPU_OPS_H

#include "ops/vulkan/gpu_device.h"

diffedit_status de_vulkan_vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                                     diffedit_error *error);
void de_vulkan_vector_free(de_vector *vector);
diffedit_status de_vulkan_linear_new(de_linear **linear, de_device *device,
                                     const de_weight *weights, const de_weight *biases, int parts,
                                     diffedit_arithmetic arithmetic, diffedit_error *error);
void de_vulkan_linear_free(de_linear *linear);
void de_vulkan_linear_run(de_context *context, const de_linear *linear, de_tensor x,
                          de_epilogue epilogue, de_tensor y);
void de_vulkan_linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x,
                                de_tensor y);
diffedit_status de_vulkan_convolution_new(de_convolution **convolution, de_device *device,
                                          const de_weight *weight, const de_weight *bias,
                                          de_resampling resampling, diffedit_arithmetic arithmetic,
                                          diffedit_error *error);
void de_vulkan_convolution_free(de_convolution *convolution);
void de_vulkan_convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                               de_convolution_shape shape, de_epilogue epilogue, de_tensor y);
void de_vulkan_group_norm(de_context *context, de_tensor x, int groups, float eps,
                          const de_vector *scale, const de_vector *shift, de_activation activation,
                          de_tensor y);
void de_vulkan_layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                          const de_vector *shift, de_tensor y);
void de_vulkan_attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                         de_tensor v, de_tensor y);
void de_vulkan_repeat(de_context *context, de_tensor x, de_tensor y);
void de_vulkan_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y);
diffedit_status de_vulkan_measure_peak(double *reached, de_device *device, int threads,
                                       diffedit_error *error);

#endif
