/* The CPU's half of the contract: the functions of its table (cpu.c), and how they see memory. */
#ifndef DE_CPU_H
#define DE_CPU_H

#include "ops/backend.h"

/* ARGUMENT where DIFFEDIT_CPU asks for kernels that are not there. */
diffedit_status de_cpu_open(de_device **device, diffedit_arithmetic arithmetic,
                            diffedit_error *error);

/* As de_device_measure_peak(); `threads` are those of the CPU that compute. */
double de_measure_peak(int threads, diffedit_arithmetic arithmetic);

/* An array is a pointer to floats here; NULL: none. */
static inline float *de_cpu_floats(de_tensor tensor)
{
    return (float *)tensor.data.at;
}
/* `count` floats in the arena */
static inline float *de_arena_floats(de_arena *arena, int64_t count)
{
    return (float *)de_arena_take(arena, (size_t)count * sizeof(float));
}
/* Rows of an image */
static inline int64_t de_tensor_rows(de_tensor tensor)
{
    return tensor.h * tensor.w;
}

diffedit_status de_cpu_vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                                  diffedit_error *error);
void de_cpu_vector_free(de_vector *vector);
diffedit_status de_cpu_linear_new(de_linear **linear, de_device *device, const de_weight *weights,
                                  const de_weight *biases, int parts,
                                  diffedit_arithmetic arithmetic, diffedit_error *error);
void de_cpu_linear_free(de_linear *linear);
void de_cpu_linear_run(de_context *context, const de_linear *linear, de_tensor x,
                       de_epilogue epilogue, de_tensor y);
void de_cpu_linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x,
                             de_tensor y);
diffedit_status de_cpu_convolution_new(de_convolution **convolution, de_device *device,
                                       const de_weight *weight, const de_weight *bias,
                                       de_resampling resampling, diffedit_arithmetic arithmetic,
                                       diffedit_error *error);
void de_cpu_convolution_free(de_convolution *convolution);
void de_cpu_convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                            de_convolution_shape shape, de_epilogue epilogue, de_tensor y);
void de_cpu_group_norm(de_context *context, de_tensor x, int groups, float eps,
                       const de_vector *scale, const de_vector *shift, de_activation activation,
                       de_tensor y);
void de_cpu_layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                       const de_vector *shift, de_tensor y);
void de_cpu_attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                      de_tensor v, de_tensor y);
void de_cpu_repeat(de_context *context, de_tensor x, de_tensor y);
void de_cpu_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y);
diffedit_status de_cpu_measure_peak(double *reached, de_device *device, int threads,
                                    diffedit_error *error);

#endif
