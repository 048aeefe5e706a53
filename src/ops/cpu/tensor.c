#include <string.h>

#include "kernels/kernels.h"
#include "ops/cpu/threads.h"

/* Values of a chunk that a thread takes; what one of them costs where it is computed, and where it is moved. */
enum { GRAIN = 16 * 1024, OPERATIONS = 64, MOVING_OPERATIONS = 16 };

de_tensor de_tensor_new(de_context *context, int64_t n, int64_t h, int64_t w, int64_t c)
{
    return (de_tensor){n, h, w, c, de_arena_floats(&context->arena, n * h * w * c)};
}

typedef struct elementwise {
    const float *a, *b;
    int64_t a_c, b_c;
    de_activation activation;
    float *y;
} elementwise;

static void activate_chunk(void *user, int64_t begin, int64_t end, int thread)
{
    const elementwise *job = user;
    (void)thread;
    de_kernels_get()->activate(job->a + begin, end - begin, job->activation, job->y + begin);
}

void de_activate(de_context *context, de_tensor x, de_activation activation, de_tensor y)
{
    elementwise job = {.a = x.data, .activation = activation, .y = y.data};
    int threads = de_threads_for(context, OPERATIONS * (double)de_tensor_count(x));
    if (!context->arena.measuring)
        de_parallel_for(threads, de_tensor_count(x), GRAIN, activate_chunk, &job);
}

static void add_chunk(void *user, int64_t begin, int64_t end, int thread)
{
    const elementwise *job = user;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        job->y[i] = job->a[i] + job->b[i];
}

void de_add(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    elementwise job = {.a = a.data, .b = b.data, .y = y.data};
    int threads = de_threads_for(context, MOVING_OPERATIONS * (double)de_tensor_count(a));
    if (!context->arena.measuring)
        de_parallel_for(threads, de_tensor_count(a), GRAIN, add_chunk, &job);
}

static void concatenate_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const elementwise *job = user;
    (void)thread;
    for (int64_t row = begin; row < end; row++) {
        float *y = job->y + row * (job->a_c + job->b_c);
        memcpy(y, job->a + row * job->a_c, (size_t)job->a_c * sizeof *y);
        memcpy(y + job->a_c, job->b + row * job->b_c, (size_t)job->b_c * sizeof *y);
    }
}

void de_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    elementwise job = {.a = a.data, .b = b.data, .a_c = a.c, .b_c = b.c, .y = y.data};
    int threads = de_threads_for(context, MOVING_OPERATIONS * (double)de_tensor_count(y));
    if (!context->arena.measuring)
        de_parallel_for(threads, a.n * a.h * a.w, de_divide_up(GRAIN, y.c), concatenate_rows, &job);
}

void de_channels_last(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y)
{
    for (int64_t image = 0; image < n; image++, x += c * h * w, y += c * h * w)
        for (int64_t pixel = 0; pixel < h * w; pixel++)
            for (int64_t i = 0; i < c; i++)
                y[pixel * c + i] = x[i * h * w + pixel];
}

void de_channels_first(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y)
{
    for (int64_t image = 0; image < n; image++, x += c * h * w, y += c * h * w)
        for (int64_t i = 0; i < c; i++)
            for (int64_t pixel = 0; pixel < h * w; pixel++)
                y[i * h * w + pixel] = x[pixel * c + i];
}
