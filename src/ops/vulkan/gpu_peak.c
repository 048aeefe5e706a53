#include <math.h>

#include "ops/vulkan/gpu_ops.h"
#include "ops/vulkan/recording.h"

/* As shaders/peak.comp and peak_matrix.comp have them. */
enum { CHAINS = 8, INVOCATIONS = 256, LANES = 4 };
/* Enough to fill any GPU several times over. */
enum { GROUPS = 2048 };
enum { TIMINGS = 5, MOST_ROUNDS = 1 << 24 };
static const double long_enough = 0.01; /* seconds of a timing */

typedef struct peak_run {
    de_tensor y;
    uint32_t rounds;
} peak_run;

/* Subgroups of a workgroup */
static uint32_t subgroups(const de_gpu_info *gpu)
{
    return (uint32_t)de_divide_up(INVOCATIONS, gpu->subgroup);
}

/* Numbers that a workgroup writes */
static int64_t written(const de_vulkan_device *device)
{
    const de_gpu_info *gpu = device->gpu->info;
    return device->matrix ? (int64_t)subgroups(gpu) * gpu->matrix.m * gpu->matrix.n : INVOCATIONS;
}

/* Multiplications and additions of a round */
static double operations(const de_vulkan_device *device)
{
    const de_gpu_info *gpu = device->gpu->info;
    double products = device->matrix
                          ? (double)subgroups(gpu) * gpu->matrix.m * gpu->matrix.n * gpu->matrix.k
                          : INVOCATIONS * LANES;
    return 2 * products * CHAINS * GROUPS;
}

static void record_peak(de_context *context, void *user)
{
    const peak_run *run = user;
    const de_vulkan_device *device = de_vulkan_of(context->device);
    const de_matrix_shape shape = device->gpu->info->matrix;
    struct {
        uint64_t y;
        float scale, step;
        uint32_t rounds;
    } push = {run->y.data.at, 0.999f, 0.001f, run->rounds};
    de_shader_use use = {DE_SHADER_peak, {true}};
    if (device->matrix)
        use = (de_shader_use){DE_SHADER_peak_matrix, {true, shape.m, shape.n, shape.k}};
    de_record(
        context,
        &(de_dispatch){
            .use = use, .push = &push, .push_bytes = sizeof push, .x = GROUPS, .y = 1, .z = 1});
}

/* Seconds of the fastest of some runs: by the GPU's clock, or by ours where it has none */
static diffedit_status time_rounds(double *fastest, de_context *context, peak_run *run,
                                   diffedit_error *error)
{
    de_program *program;
    diffedit_status status = de_program_new(&program, context, record_peak, run, error);
    if (status != DIFFEDIT_OK)
        return status;
    *fastest = INFINITY;
    for (int i = 0; i < TIMINGS && status == DIFFEDIT_OK; i++) {
        double start = de_seconds();
        status = de_program_run(program, error);
        double wall = de_seconds() - start;
        double seconds = status == DIFFEDIT_OK ? de_program_computed(program).seconds : 0;
        *fastest = fmin(*fastest, seconds > 0 ? seconds : wall);
    }
    de_program_free(program);
    return status;
}

diffedit_status de_vulkan_measure_peak(double *reached, de_device *device, int threads,
                                       diffedit_error *error)
{
    const de_vulkan_device *gpu = de_vulkan_of(device);
    de_device *wide = de_device_wide(device); /* whose elements are f32, as what is written */
    de_context context = {.device = device, .threads = threads};
    peak_run run = {.rounds = 1};
    double seconds = 0;
    de_tensor shape = {.n = GROUPS, .h = 1, .w = 1, .c = written(gpu)};
    diffedit_status status = de_tensor_keep(&run.y, wide, shape, error);
    while (status == DIFFEDIT_OK && seconds < long_enough && run.rounds < MOST_ROUNDS) {
        run.rounds *= 4;
        status = time_rounds(&seconds, &context, &run, error);
    }
    if (status == DIFFEDIT_OK)
        *reached = operations(gpu) * run.rounds / seconds;
    de_tensor_drop(&run.y, wide);
    de_context_release(&context);
    return status;
}
