#include <string.h>

#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/threads.h"

/* Values of a chunk that a thread takes; what moving one of them costs. */
enum { GRAIN = 16 * 1024, OPERATIONS = 16 };

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

void de_cpu_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    concatenation job = {.a = de_cpu_floats(a),
                         .b = de_cpu_floats(b),
                         .a_c = a.c,
                         .b_c = b.c,
                         .b_rows = b.n * b.h * b.w,
                         .y = de_cpu_floats(y)};
    int threads = de_threads_for(context, OPERATIONS * (double)de_tensor_count(y));
    if (!context->arena.measuring)
        de_parallel_for(threads, a.n * a.h * a.w, de_divide_up(GRAIN, y.c), concatenate_rows, &job);
}

void de_cpu_repeat(de_context *context, de_tensor x, de_tensor y)
{
    int64_t count = x.h * x.w * x.c;
    const float *from = de_cpu_floats(x);
    float *to = de_cpu_floats(y);
    for (int64_t image = 0; image < y.n && !context->arena.measuring; image++, to += count)
        if (to != from)
            memcpy(to, from, (size_t)count * sizeof *to);
}
