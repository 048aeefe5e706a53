#include <stdlib.h>

#include "ops/vulkan/gpu_ops.h"
#include "ops/vulkan/gpu_product.h"

typedef struct gpu_convolution {
    de_convolution base;
    de_gpu_weights weights;
    uint32_t size; /* k */
} gpu_convolution;

diffedit_status de_vulkan_convolution_new(de_convolution **convolution, de_device *device,
                                          const de_weight *weight, const de_weight *bias,
                                          de_resampling resampling, diffedit_arithmetic arithmetic,
                                          diffedit_error *error)
{
    (void)resampling;
    gpu_convolution *made = calloc(1, sizeof *made);
    if (!made)
        return de_fail_memory(error, sizeof *made, "a convolution");
    made->base.device = device;
    made->size = (uint32_t)weight->shape[2];
    diffedit_status status = de_gpu_weights_new(&made->weights, device, weight, bias, 1, arithmetic,
                                                error);
    if (status != DIFFEDIT_OK) {
        de_vulkan_convolution_free(&made->base);
        return status;
    }
    *convolution = &made->base;
    return DIFFEDIT_OK;
}

void de_vulkan_convolution_free(de_convolution *convolution)
{
    gpu_convolution *made = (gpu_convolution *)convolution;
    de_gpu_weights_free(&made->weights, convolution->device);
    free(made);
}

void de_vulkan_convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                               de_convolution_shape shape, de_epilogue epilogue, de_tensor y)
{
    const gpu_convolution *made = (const gpu_convolution *)convolution;
    de_convolution_push push = {.product = de_product_push_of(&made->weights, x, epilogue, y),
                                .h = (uint32_t)x.h,
                                .w = (uint32_t)x.w,
                                .c = (uint32_t)x.c,
                                .out_w = (uint32_t)y.w,
                                .size = made->size,
                                .stride = (uint32_t)shape.stride,
                                .up_h = (uint32_t)(shape.up_h ? shape.up_h : x.h),
                                .up_w = (uint32_t)(shape.up_w ? shape.up_w : x.w),
                                .pad_top = shape.pad_top,
                                .pad_left = shape.pad_left};
    de_record_product(context, DE_SHADER_convolution, &made->weights, x.c, &push.product,
                      sizeof push);
}
