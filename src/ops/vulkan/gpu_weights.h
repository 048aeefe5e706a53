/* Weights in a GPU's memory. */
#ifndef DE_GPU_WEIGHTS_H
#define DE_GPU_WEIGHTS_H

#include "ops/vulkan/gpu_device.h"
#include "weights/weight.h"

/* Rows [columns, taps, depth] as docs/GPU.md says: what multiplies the depth values of each tap of
 * an input to make a column of the output. 64-byte aligned, without gaps. */
typedef struct de_gpu_weights {
    uintptr_t values; /* f16 or, if `wide`, f32 */
    uintptr_t bias;   /* f32 [columns]; 0: none */
    bool wide;
    int64_t columns, taps, depth;
} de_gpu_weights;

/* weights[i] [out_i, depth, taps], laid one below the other: columns = the sum of out_i. `biases`
 * may be NULL. Exact: f16 where all of them are stored as f16, else f32. Quick: f16, rounded to
 * nearest, unless a value is beyond its range: then f32. What is read and no finite number is noted
 * (de_weight_look_at). Needs a few megabytes of the host at a time. Errors: DEVICE, MEMORY. */
diffedit_status de_gpu_weights_new(de_gpu_weights *made, de_device *device,
                                   const de_weight *weights, const de_weight *biases, int parts,
                                   diffedit_arithmetic arithmetic, diffedit_error *error);
/* Also after de_gpu_weights_new() failed */
void de_gpu_weights_free(de_gpu_weights *weights, de_device *device);

/* The address of a vector's values, f32 */
uintptr_t de_gpu_vector_at(const de_vector *vector);

#endif
