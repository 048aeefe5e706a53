#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/threads.h"

/* Keys and values are copied for some heads at a time, head by head: so many that every thread has
 * work, but no more than stay near the processor. */
enum { COPIED_FLOATS = 4 * 1024 * 1024, TASKS_PER_THREAD = 4, COPIED_ROWS = 128 };

typedef struct attention {
    de_tensor q, k, v, y;
    int64_t tq, tk, heads, d;
    bool causal;
    int64_t query_blocks, copy_blocks;
    int64_t first_pair; /* (image, head) pairs first_pair.. are at work */
    float *copies;      /* for each pair at work: keys, then values, as the kernel wants them */
    float *queries;     /* for each thread: a block's, as the kernel wants them */
    float *scratch;     /* for each thread */
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
        float *keys = job->copies + 2 * pair * job->tk * d, *values = keys + job->tk * d;
        copy_keys(de_cpu_floats(job->k) + row * job->k.stride + head * d, rows, job->k.stride, d,
                  keys + first * d);
        copy_values(de_cpu_floats(job->v) + row * job->v.stride + head * d, rows, job->v.stride, d,
                    first, job->tk, values);
    }
}

/* q [queries, d] -> [ceil(queries / 16), d, 16], scaled */
static void pack_queries(const attention *job, const float *q, int64_t queries, float *packed)
{
    int64_t d = job->d;
    float scale = 1.44269504f / sqrtf((float)d); /* the kernel takes powers of two */
    for (int64_t panel = 0; panel < queries; panel += DE_PANEL) {
        int64_t count = de_min_i64(DE_PANEL, queries - panel);
        float *out = packed + panel * d;
        if (count < DE_PANEL)
            memset(out, 0, (size_t)(d * DE_PANEL) * sizeof *out);
        for (int64_t j = 0; j < count; j++)
            for (int64_t i = 0; i < d; i++)
                out[i * DE_PANEL + j] = q[(panel + j) * job->q.stride + i] * scale;
    }
}

/* One block of the queries of one pair. */
static void run_blocks(void *user, int64_t begin, int64_t end, int thread)
{
    const attention *job = user;
    int64_t d = job->d;
    float *queries = job->queries + thread * DE_ATTENTION_QUERIES * d;
    for (int64_t i = begin; i < end; i++) {
        int64_t pair = i / job->query_blocks, first = i % job->query_blocks * DE_ATTENTION_QUERIES;
        int64_t image = (job->first_pair + pair) / job->heads,
                head = (job->first_pair + pair) % job->heads;
        int64_t row = image * job->tq + first;
        const float *keys = job->copies + 2 * pair * job->tk * d;
        de_attention_block block = {
            .queries = de_min_i64(DE_ATTENTION_QUERIES, job->tq - first),
            .keys = job->tk,
            .d = d,
            .q = queries,
            .k = keys,
            .v = keys + job->tk * d,
            .causal = job->causal,
            .first_query = first,
            .scratch = job->scratch + thread * de_attention_scratch(d),
            .y = de_cpu_floats(job->y) + row * job->y.stride + head * d,
            .y_stride = job->y.stride,
        };
        pack_queries(job, de_cpu_floats(job->q) + row * job->q.stride + head * d, block.queries,
                     queries);
        de_kernels_get()->attention(&block);
    }
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
    int64_t pairs = q.n * heads, pair_floats = 2 * job.tk * job.d;
    int64_t at_once = de_max_i64(
        COPIED_FLOATS / pair_floats,
        de_divide_up((int64_t)context->threads * TASKS_PER_THREAD, job.query_blocks));
    at_once = de_min_i64(at_once, pairs);
    job.copies = de_arena_floats(&context->arena, at_once * pair_floats);
    job.queries = de_arena_floats(&context->arena, context->threads * DE_ATTENTION_QUERIES * job.d);
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
