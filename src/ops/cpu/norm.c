#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/threads.h"

typedef struct cpu_vector {
    de_vector base;
    float *values; /* [count] */
} cpu_vector;

diffedit_status de_cpu_vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                                  diffedit_error *error)
{
    (void)device;
    int64_t count = de_weight_count(weight);
    size_t bytes = (size_t)count * sizeof(float);
    cpu_vector *made = calloc(1, sizeof *made);
    float *values = de_aligned_alloc(bytes);
    if (!made || !values) {
        free(made);
        free(values);
        return de_fail_memory(error, bytes, "a norm");
    }
    de_weight_to_f32(weight, 0, count, values);
    de_weight_look_at(weight, values, count);
    made->values = values;
    *vector = &made->base;
    return DIFFEDIT_OK;
}

void de_cpu_vector_free(de_vector *vector)
{
    free(((cpu_vector *)vector)->values);
    free(vector);
}

static const float *values_of(const de_vector *vector)
{
    return ((const cpu_vector *)vector)->values;
}

/* Rows summed together. The chunks do not depend on the number of threads, so neither do the sums.
 */
enum { SUM_ROWS = 512 };
/* Values of a chunk of rows that a thread takes; what one of them costs. */
enum { ROW_GRAIN = 16 * 1024, OPERATIONS = 64 };

typedef struct group_norm {
    de_tensor x, y;
    int64_t chunks;     /* of each image */
    double *sums;       /* [n, chunks, 2, c]: of x and of x^2 */
    float *scale_shift; /* [n, 2, c] */
    de_activation activation;
} group_norm;

static void sum_chunks(void *user, int64_t begin, int64_t end, int thread)
{
    const group_norm *job = user;
    int64_t c = job->x.c, rows = job->x.h * job->x.w;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / job->chunks, first = i % job->chunks * SUM_ROWS;
        double *sums = job->sums + i * 2 * c;
        memset(sums, 0, (size_t)(2 * c) * sizeof *sums);
        de_kernels_get()->channel_sums(de_cpu_floats(job->x) + (image * rows + first) * c,
                                       de_min_i64(SUM_ROWS, rows - first), c, sums, sums + c);
    }
}

/* Turns the sums of one image into a factor and an offset for each channel. */
static void find_scale_shift(const group_norm *job, int64_t image, int groups, float eps,
                             const float *scale, const float *shift)
{
    int64_t c = job->x.c, width = c / groups;
    double count = (double)(job->x.h * job->x.w * width);
    float *factor = job->scale_shift + image * 2 * c, *offset = factor + c;
    for (int64_t group = 0; group < groups; group++) {
        double sum = 0, square = 0;
        for (int64_t chunk = 0; chunk < job->chunks; chunk++) {
            const double *sums = job->sums + (image * job->chunks + chunk) * 2 * c + group * width;
            for (int64_t i = 0; i < width; i++) {
                sum += sums[i];
                square += sums[c + i];
            }
        }
        double mean = sum / count, variance = square / count - mean * mean;
        double deviation = sqrt((variance > 0 ? variance : 0) + eps);
        for (int64_t i = group * width; i < (group + 1) * width; i++) {
            factor[i] = (float)(scale[i] / deviation);
            offset[i] = (float)(shift[i] - mean * scale[i] / deviation);
        }
    }
}

static void apply_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const group_norm *job = user;
    int64_t c = job->x.c, rows = job->x.h * job->x.w;
    (void)thread;
    while (begin < end) { /* a chunk may span images */
        int64_t image = begin / rows, count = de_min_i64(end, (image + 1) * rows) - begin;
        const float *factor = job->scale_shift + image * 2 * c;
        de_kernels_get()->scale_shift(de_cpu_floats(job->x) + begin * c, count, c, factor,
                                      factor + c, job->activation,
                                      de_cpu_floats(job->y) + begin * c);
        begin += count;
    }
}

void de_cpu_group_norm(de_context *context, de_tensor x, int groups, float eps,
                       const de_vector *scale, const de_vector *shift, de_activation activation,
                       de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    group_norm job = {
        .x = x, .y = y, .activation = activation, .chunks = de_divide_up(x.h * x.w, SUM_ROWS)};
    int64_t floats_each = sizeof(double) / sizeof(float);
    job.sums = (double *)(void *)de_arena_floats(&context->arena,
                                                 x.n * job.chunks * 2 * x.c * floats_each);
    job.scale_shift = de_arena_floats(&context->arena, x.n * 2 * x.c);
    int threads = de_threads_for(context, OPERATIONS * (double)de_tensor_count(x));
    if (!context->arena.measuring) {
        de_parallel_for(threads, x.n * job.chunks, 1, sum_chunks, &job);
        for (int64_t image = 0; image < x.n; image++)
            find_scale_shift(&job, image, groups, eps, values_of(scale), values_of(shift));
        de_parallel_for(threads, x.n * x.h * x.w, de_divide_up(ROW_GRAIN, x.c), apply_rows, &job);
    }
    de_arena_release(&context->arena, mark);
}

typedef struct layer_norm {
    de_tensor x, y;
    float eps;
    const float *scale, *shift;
} layer_norm;

static void norm_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const layer_norm *job = user;
    int64_t c = job->x.c;
    (void)thread;
    de_kernels_get()->layer_norm(de_cpu_floats(job->x) + begin * c, end - begin, c, job->eps,
                                 job->scale, job->shift, de_cpu_floats(job->y) + begin * c);
}

void de_cpu_layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                       const de_vector *shift, de_tensor y)
{
    layer_norm job = {x, y, eps, values_of(scale), values_of(shift)};
    int threads = de_threads_for(context, OPERATIONS * (double)de_tensor_count(x));
    if (!context->arena.measuring)
        de_parallel_for(threads, x.n * x.h * x.w, de_divide_up(ROW_GRAIN, x.c), norm_rows, &job);
}
