#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/threads.h"

/* Keys and values are copied for some heads at a time, head by head: so many that every thread has
 * work, but no more than stay near the processor. */
enum { COPIED_BYTES = 16 * 1024 * 1024, TASKS_PER_THREAD = 4, COPIED_ROWS = DE_ATTENTION_KEYS };

typedef struct attention {
    de_tensor q, k, v, y;
    int64_t tq, tk, heads, d;
    bool causal;
    int64_t query_blocks, copy_blocks;
    int64_t first_pair; /* (image, head) pairs first_pair.. are at work */
    /* for each pair at work: keys, values, and scales of both, as the kernel wants them */
    char *copies;
    int64_t key_bytes, value_bytes, pair_bytes;
    float *scratch; /* for each thread */
    void (*kernel)(const de_attention_block *block);
    void (*pack)(const de_attention_rows *rows); /* NULL: floats, which are copied */
} attention;

/* k [rows, d] -> dense */
static void copy_keys(const float *k, int64_t rows, int64_t stride, int64_t d, float *y)
{
    for (int64_t r = 0; r < rows; r++)
        memcpy(y + r * d, k + r * stride, (size_t)d * sizeof *y);
}

/* v [rows, d] -> rows first.. of each group of columns [keys, columns] */
static void copy_values(const float *v, int64_t rows, int64_t stride, int64_t d, int64_t first,
                        int64_t keys, float *y)
{
    int64_t columns;
    for (int64_t column = 0; column < d; column += columns, v += columns) {
        columns = de_attention_group(d - column);
        float *group = y + column * keys + first * columns;
        for (int64_t r = 0; r < rows; r++) {
            if (columns == DE_ATTENTION_GROUP) /* a constant size is a few instructions */
                memcpy(group + r * columns, v + r * stride, DE_ATTENTION_GROUP * sizeof *y);
            else
                memcpy(group + r * columns, v + r * stride, (size_t)columns * sizeof *y);
        }
    }
}

/* Some keys and values of one pair. */
static void copy_blocks(void *user, int64_t begin, int64_t end, int thread)
{
    const attention *job = user;
    int64_t d = job->d;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t pair = i / job->copy_blocks, first = i % job->copy_blocks * COPIED_ROWS;
        int64_t image = (job->first_pair + pair) / job->heads,
                head = (job->first_pair + pair) % job->heads;
        int64_t rows = de_min_i64(COPIED_ROWS, job->tk - first), row = image * job->tk + first;
        const float *k = de_cpu_floats(job->k) + row * job->k.stride + head * d,
                    *v = de_cpu_floats(job->v) + row * job->v.stride + head * d;
        char *keys = job->copies + pair * job->pair_bytes, *values = keys + job->key_bytes;
        if (job->pack) {
            float *scales = (float *)(void *)(values + job->value_bytes);
            job->pack(&(de_attention_rows){rows, d, k, v, job->k.stride, job->v.stride, first,
                                           job->tk, keys, values, scales, scales + job->tk});
            continue;
        }
        copy_keys(k, rows, job->k.stride, d, (float *)(void *)keys + first * d);
        copy_values(v, rows, job->v.stride, d, first, job->tk, (float *)(void *)values);
    }
}

/* One block of the queries of one pair. */
static void run_blocks(void *user, int64_t begin, int64_t end, int thread)
{
    const attention *job = user;
    int64_t d = job->d;
    for (int64_t i = begin; i < end; i++) {
        int64_t pair = i / job->query_blocks, first = i % job->query_blocks * DE_ATTENTION_QUERIES;
        int64_t image = (job->first_pair + pair) / job->heads,
                head = (job->first_pair + pair) % job->heads;
        int64_t row = image * job->tq + first;
        const char *keys = job->copies + pair * job->pair_bytes;
        const float *scales = (const float *)(const void *)(keys + job->key_bytes +
                                                            job->value_bytes);
        de_attention_block block = {
            .queries = de_min_i64(DE_ATTENTION_QUERIES, job->tq - first),
            .keys = job->tk,
            .d = d,
            .q = de_cpu_floats(job->q) + row * job->q.stride + head * d,
            .q_stride = job->q.stride,
            .scale = 1.44269504f / sqrtf((float)d),
            .k = keys,
            .v = keys + job->key_bytes,
            .k_scales = scales,
            .v_scales = scales + job->tk,
            .causal = job->causal,
            .first_query = first,
            .scratch = job->scratch + thread * de_attention_scratch(d),
            .y = de_cpu_floats(job->y) + row * job->y.stride + head * d,
            .y_stride = job->y.stride,
        };
        job->kernel(&block);
    }
}

/* Which kernel, and the memory that it wants keys and values in. */
static void choose_kernel(attention *job, diffedit_arithmetic arithmetic)
{
    const de_kernels *kernels = de_kernels_get();
    int64_t floats = sizeof(float), halves = sizeof(int16_t), scale_bytes = 0;
    job->kernel = kernels->attention;
    job->key_bytes = job->value_bytes = job->tk * job->d * floats;
    if (arithmetic == DIFFEDIT_ARITHMETIC_QUICK && kernels->attention_quick && !job->causal) {
        job->kernel = kernels->attention_quick;
        job->pack = kernels->attention_pack_quick;
        job->key_bytes = job->tk * de_round_up(job->d, 2) * halves;
        job->value_bytes = de_round_up(job->tk, 2) * job->d * halves;
        scale_bytes = (job->tk + job->copy_blocks * job->d) * floats;
    }
    job->pair_bytes = job->key_bytes + job->value_bytes + scale_bytes;
}

void de_cpu_attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                      de_tensor v, de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    attention job = {.q = q,
                     .k = k,
                     .v = v,
                     .y = y,
                     .tq = de_tensor_rows(q),
                     .tk = de_tensor_rows(k),
                     .heads = heads,
                     .d = q.c / heads,
                     .causal = causal};
    job.query_blocks = de_divide_up(job.tq, DE_ATTENTION_QUERIES);
    job.copy_blocks = de_divide_up(job.tk, COPIED_ROWS);
    choose_kernel(&job, context->device->arithmetic);
    int64_t pairs = q.n * heads;
    int64_t at_once = de_max_i64(
        COPIED_BYTES / job.pair_bytes,
        de_divide_up((int64_t)context->threads * TASKS_PER_THREAD, job.query_blocks));
    at_once = de_min_i64(at_once, pairs);
    job.copies = (char *)de_arena_take(&context->arena, (size_t)(at_once * job.pair_bytes));
    job.scratch = de_arena_floats(&context->arena, context->threads * de_attention_scratch(job.d));
    int threads = de_threads_for(context, 4.0 * (double)(pairs * job.tq * job.tk * job.d));
    for (int64_t pair = 0; pair < pairs && !context->arena.measuring; pair += at_once) {
        int64_t count = de_min_i64(at_once, pairs - pair);
        job.first_pair = pair;
        de_parallel_for(threads, count * job.copy_blocks, 1, copy_blocks, &job);
        de_parallel_for(threads, count * job.query_blocks, 1, run_blocks, &job);
    }
    de_arena_release(&context->arena, mark);
}
