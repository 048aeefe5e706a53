#include "ops/vulkan/gpu_device.h"

#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "ops/vulkan/gpu_ops.h"
#include "ops/vulkan/recording.h"

static void close_device(de_device *device)
{
    de_gpu_close(de_vulkan_of(device)->gpu);
    free(device->wide);
    free(device);
}

static bool is_lost(const de_device *device)
{
    return de_vulkan_of(device)->gpu->lost;
}

static const char *family(const de_device *device)
{
    return de_vulkan_of(device)->matrix ? "matrix" : "scalar";
}

static uint64_t room(const de_device *device)
{
    return de_gpu_room(de_vulkan_of(device)->gpu->info);
}

static uintptr_t allocate(de_device *device, size_t bytes, bool shared)
{
    return de_gpu_allocate(de_vulkan_of(device)->gpu, bytes, shared);
}

static void deallocate(de_device *device, uintptr_t memory)
{
    de_gpu_deallocate(de_vulkan_of(device)->gpu, memory);
}

static void write_floats(de_context *context, const float *from, de_tensor to)
{
    int64_t count = de_tensor_count(to);
    void *host = de_gpu_host(de_vulkan_of(context->device)->gpu, to.data.at);
    uint16_t *halves = host;
    if (de_vulkan_wide(context))
        memcpy(host, from, (size_t)count * sizeof *from);
    else
        for (int64_t i = 0; i < count; i++)
            halves[i] = de_float_to_half(from[i]);
}

static void read_floats(de_context *context, de_tensor from, float *to)
{
    int64_t count = de_tensor_count(from);
    const void *host = de_gpu_host(de_vulkan_of(context->device)->gpu, from.data.at);
    const uint16_t *halves = host;
    if (de_vulkan_wide(context))
        memcpy(to, host, (size_t)count * sizeof *to);
    else
        for (int64_t i = 0; i < count; i++)
            to[i] = de_half_to_float(halves[i]);
}

static const de_backend backend = {
    .close = close_device,
    .lost = is_lost,
    .family = family,
    .room = room,
    .allocate = allocate,
    .deallocate = deallocate,
    .write = write_floats,
    .read = read_floats,
    .record = de_vulkan_record,
    .replay = de_vulkan_replay,
    .forget = de_vulkan_forget,
    .seconds = de_vulkan_seconds,
    .vector_new = de_vulkan_vector_new,
    .vector_free = de_vulkan_vector_free,
    .linear_new = de_vulkan_linear_new,
    .linear_free = de_vulkan_linear_free,
    .linear_run = de_vulkan_linear_run,
    .linear_geglu_run = de_vulkan_linear_geglu_run,
    .convolution_new = de_vulkan_convolution_new,
    .convolution_free = de_vulkan_convolution_free,
    .convolution_run = de_vulkan_convolution_run,
    .group_norm = de_vulkan_group_norm,
    .layer_norm = de_vulkan_layer_norm,
    .attention = de_vulkan_attention,
    .repeat = de_vulkan_repeat,
    .concatenate = de_vulkan_concatenate,
    .measure_peak = de_vulkan_measure_peak,
};

/* The family that DIFFEDIT_VULKAN asks for, or the fastest that the GPU has */
static diffedit_status choose_family(bool *matrix, const de_gpu *gpu, diffedit_error *error)
{
    const char *forced = getenv("DIFFEDIT_VULKAN");
    *matrix = gpu->info->matrix.m > 0;
    if (!forced || !*forced)
        return DIFFEDIT_OK;
    if (strcmp(forced, "scalar") != 0 && strcmp(forced, "matrix") != 0)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "DIFFEDIT_VULKAN: expected scalar or matrix, found \"%s\"", forced);
    if (strcmp(forced, "matrix") == 0 && !*matrix)
        return de_fail(error, DIFFEDIT_ERROR_DEVICE,
                       "DIFFEDIT_VULKAN asks for cooperative matrices (f16 x f16 -> f32), which "
                       "%s does not have",
                       gpu->name);
    *matrix = strcmp(forced, "matrix") == 0;
    return DIFFEDIT_OK;
}

/* A tenth of a second at 10^12 operations a second. An integrated GPU reaches a few times less than
 * that and stays below a second; those with matrices reach ten times as much. A submission costs
 * some 20 microseconds. */
static const double job_of_scalars = 1e11, job_of_matrices = 1e12;

static de_device *new_device(de_gpu *gpu, diffedit_arithmetic arithmetic, bool matrix,
                             size_t element)
{
    de_vulkan_device *new = calloc(1, sizeof *new);
    if (!new)
        return NULL;
    *new = (de_vulkan_device){.base = {.backend = &backend,
                                       .arithmetic = arithmetic,
                                       .element = element,
                                       .title = gpu->name,
                                       .memory = gpu->info->memory,
                                       .largest = gpu->info->largest},
                              .gpu = gpu,
                              .matrix = matrix,
                              .job = matrix ? job_of_matrices : job_of_scalars};
    return &new->base;
}

diffedit_status de_vulkan_open(de_device **device, int index, diffedit_arithmetic arithmetic,
                               diffedit_error *error)
{
    bool quick = arithmetic == DIFFEDIT_ARITHMETIC_QUICK, matrix;
    de_gpu *gpu;
    diffedit_status status = de_gpu_open(&gpu, index, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = choose_family(&matrix, gpu, error);
    de_device *new = NULL, *wide = NULL;
    if (status == DIFFEDIT_OK) {
        new = new_device(gpu, arithmetic, quick && matrix,
                         quick ? sizeof(uint16_t) : sizeof(float));
        if (quick)
            wide = new_device(gpu, arithmetic, false, sizeof(float));
        if (!new || (quick && !wide))
            status = de_fail_memory(error, sizeof(de_vulkan_device), "a device");
    }
    if (status != DIFFEDIT_OK) {
        free(new);
        free(wide);
        de_gpu_close(gpu);
        return status;
    }
    new->wide = wide;
    *device = new;
    return DIFFEDIT_OK;
}
