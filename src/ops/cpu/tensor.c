#include <string.h>

#include "kernels/kernels.h"
#include "ops/cpu/threads.h"

/* Values of a chunk that a thread takes; what moving one of them costs. */
enum { GRAIN = 16 * 1024, OPERATIONS = 16 };

de_tensor de_tensor_new(de_context *context, int64_t n, int64_t h, int64_t w, int64_t c)
{
    return (de_tensor){n, h, w, c, de_arena_floats(&context->arena, n * h * w * c)};
}

typedef struct concatenation {
    const float *a, *b;
    int64_t a_c, b_c, b_rows;
    float *y;
} concatenation;

static void concatenate_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const concatenation *job = user;
    (void)thread;
    for (int64_t row = begin; row < end; row++) {
        float *y = job->y + row * (job->a_c + job->b_c);
        memcpy(y, job->a + row * job->a_c, (size_t)job->a_c * sizeof *y);
        memcpy(y + job->a_c, job->b + row % job->b_rows * job->b_c, (size_t)job->b_c * sizeof *y);
    }
}

void de_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    concatenation job = {
        .a = a.data, .b = b.data, .a_c = a.c, .b_c = b.c, .b_rows = b.n * b.h * b.w, .y = y.data};
    int threads = de_threads_for(context, OPERATIONS * (double)de_tensor_count(y));
    if (!context->arena.measuring)
        de_parallel_for(threads, a.n * a.h * a.w, de_divide_up(GRAIN, y.c), concatenate_rows, &job);
}

void de_repeat(de_context *context, de_tensor x, de_tensor y)
{
    int64_t count = x.h * x.w * x.c;
    for (int64_t image = 0; image < y.n && !context->arena.measuring; image++)
        if (y.data + image * count != x.data)
            memcpy(y.data + image * count, x.data, (size_t)count * sizeof *y.data);
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
