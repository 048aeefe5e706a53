#include "ops/cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

static void stay_open(de_device *device)
{
    (void)device;
}

static const char *family(const de_device *device)
{
    (void)device;
    return de_kernels_get()->name;
}

static uintptr_t allocate(de_device *device, size_t bytes, bool shared)
{
    (void)device;
    (void)shared;
    return (uintptr_t)de_aligned_alloc(bytes);
}

static void deallocate(de_device *device, uintptr_t memory)
{
    (void)device;
    free((void *)memory);
}

static void write_floats(de_context *context, const float *from, de_tensor to)
{
    (void)context;
    memcpy(de_cpu_floats(to), from, (size_t)de_tensor_count(to) * sizeof *from);
}

static void read_floats(de_context *context, de_tensor from, float *to)
{
    (void)context;
    memcpy(to, de_cpu_floats(from), (size_t)de_tensor_count(from) * sizeof *to);
}

static const de_backend backend = {
    .family = family,
    .close = stay_open,
    .allocate = allocate,
    .deallocate = deallocate,
    .write = write_floats,
    .read = read_floats,
    .vector_new = de_cpu_vector_new,
    .vector_free = de_cpu_vector_free,
    .linear_new = de_cpu_linear_new,
    .linear_free = de_cpu_linear_free,
    .linear_run = de_cpu_linear_run,
    .linear_geglu_run = de_cpu_linear_geglu_run,
    .convolution_new = de_cpu_convolution_new,
    .convolution_free = de_cpu_convolution_free,
    .convolution_run = de_cpu_convolution_run,
    .group_norm = de_cpu_group_norm,
    .layer_norm = de_cpu_layer_norm,
    .attention = de_cpu_attention,
    .repeat = de_cpu_repeat,
    .concatenate = de_cpu_concatenate,
    .measure_peak = de_cpu_measure_peak,
};

diffedit_status de_cpu_open(de_device **device, diffedit_arithmetic arithmetic,
                            diffedit_error *error)
{
    /* They hold nothing: one of each for everybody. */
    static de_device exact = {
        .backend = &backend, .arithmetic = DIFFEDIT_ARITHMETIC_EXACT, .element = sizeof(float)};
    static de_device quick = {
        .backend = &backend, .arithmetic = DIFFEDIT_ARITHMETIC_QUICK, .element = sizeof(float)};
    const char *problem = de_kernels_problem();
    if (problem)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s", problem);
    *device = arithmetic == DIFFEDIT_ARITHMETIC_QUICK ? &quick : &exact;
    return DIFFEDIT_OK;
}
