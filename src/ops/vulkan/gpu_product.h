/* Products x W^T: what linear layers and convolutions are, and the choice of their shader. */
#ifndef DE_GPU_PRODUCT_H
#define DE_GPU_PRODUCT_H

#include "ops/vulkan/gpu_weights.h"
#include "ops/vulkan/recording.h"

/* The push constants of product.comp and geglu.comp: struct Product of shaders/product.glsl, which
 * says what each is */
typedef struct de_product_push {
    uint64_t x, weights, bias, image_bias, residual, y;
    uint32_t rows, columns, depth, image_rows, activation, slice;
} de_product_push;

/* Those of convolution.comp */
typedef struct de_convolution_push {
    de_product_push product;
    uint32_t h, w, c, out_w, size, stride, up_h, up_w;
    int32_t pad_top, pad_left;
} de_convolution_push;

/* The push constants of a product of x, whose rows have `weights`, with y's rows. */
de_product_push de_product_push_of(const de_gpu_weights *weights, de_tensor x, de_epilogue epilogue,
                                   de_tensor y);
/* Records the product whose push constants begin with `push` and have push_bytes. `shader` is the
 * scalar one of them; `channels` of x stand side by side. It may be done in slices of its depth,
 * whose sums stand in the arena meanwhile; not a GEGLU. */
void de_record_product(de_context *context, de_shader shader, const de_gpu_weights *weights,
                       int64_t channels, de_product_push *push, size_t push_bytes);

#endif
