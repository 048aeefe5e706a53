/* The Vulkan backend's half of the contract: the functions of its table (gpu_device.c).
 *
 * An array is a buffer device address. Its elements are f32 on a device that is exact, and on the
 * wide one of a quick device; else f16. Weights stand in memory as docs/GPU.md says. Every op is
 * one dispatch or a few (recording.h). */
#ifndef DE_GPU_DEVICE_H
#define DE_GPU_DEVICE_H

#include "ops/vulkan/gpu.h"

typedef struct de_vulkan_device {
    de_device base;
    de_gpu *gpu;
    bool matrix; /* the family of shaders: cooperative matrices, else scalar */
    double job;  /* operations, as in de_computed, of one job at most (recording.h) */
} de_vulkan_device;

static inline const de_vulkan_device *de_vulkan_of(const de_device *device)
{
    return (const de_vulkan_device *)device;
}
/* Whether the context's arrays are f32: specialisation constant 0 of the scalar shaders */
static inline bool de_vulkan_wide(const de_context *context)
{
    return context->device->element == sizeof(float);
}

/* DIFFEDIT_VULKAN=scalar|matrix forces the family. Errors: ARGUMENT, DEVICE, MEMORY. */
diffedit_status de_vulkan_open(de_device **device, int index, diffedit_arithmetic arithmetic,
                               diffedit_error *error);

#endif
