#include <stdlib.h>

#include "ops/vulkan/gpu_ops.h"
#include "ops/vulkan/gpu_product.h"

typedef struct gpu_linear {
    de_linear base;
    de_gpu_weights weights;
} gpu_linear;

static const de_gpu_weights *weights_of(const de_linear *linear)
{
    return &((const gpu_linear *)linear)->weights;
}

diffedit_status de_vulkan_linear_new(de_linear **linear, de_device *device,
                                     const de_weight *weights, const de_weight *biases, int parts,
                                     diffedit_arithmetic arithmetic, diffedit_error *error)
{
    gpu_linear *made = calloc(1, sizeof *made);
    if (!made)
        return de_fail_memory(error, sizeof *made, "a linear layer");
    made->base.device = device;
    diffedit_status status = de_gpu_weights_new(&made->weights, device, weights, biases, parts,
                                                arithmetic, error);
    if (status != DIFFEDIT_OK) {
        de_vulkan_linear_free(&made->base);
        return status;
    }
    *linear = &made->base;
    return DIFFEDIT_OK;
}

void de_vulkan_linear_free(de_linear *linear)
{
    gpu_linear *made = (gpu_linear *)linear;
    de_gpu_weights_free(&made->weights, linear->device);
    free(made);
}

void de_vulkan_linear_run(de_context *context, const de_linear *linear, de_tensor x,
                          de_epilogue epilogue, de_tensor y)
{
    const de_gpu_weights *weights = weights_of(linear);
    de_product_push push = de_product_push_of(weights, x, epilogue, y);
    de_record_product(context, DE_SHADER_product, weights, x.c, &push, sizeof push);
}

void de_vulkan_linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x,
                                de_tensor y)
{
    const de_gpu_weights *weights = weights_of(linear);
    de_product_push push = de_product_push_of(weights, x, (de_epilogue){0}, y);
    de_record_product(context, DE_SHADER_geglu, weights, x.c, &push, sizeof push);
}
