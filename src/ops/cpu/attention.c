#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/cpu/threads.h"

/* Keys and values are packed for some heads at a time: so many that every thread has work, but no more than
 * stay near the processor. */
enum { PACKED_FLOATS = 4 * 1024 * 1024, TASKS_PER_THREAD = 4 };

typedef struct attention {
    de_attention_shape shape;
    const float *q, *k, *v;
    float *y;
    int64_t query_blocks, key_blocks;
    int64_t key_floats, value_floats; /* packed, of one head */
    int64_t first_pair;               /* (image, head) pairs first_pair.. are at work */
    float *packed;                    /* for each pair at work: keys, values */
    float *scratch;                   /* for each thread */
} attention;

/* k [keys, d] -> [ceil(keys / 16), d, 16], scaled */
static void pack_keys(const attention *job, const float *k, int64_t keys, float *packed)
{
    int64_t d = job->shape.d;
    float scale = 1.44269504f / sqrtf((float)d); /* the kernel takes powers of two */
    for (int64_t panel = 0; panel < keys; panel += DE_PANEL) {
        int64_t count = de_min_i64(DE_PANEL, keys - panel);
        float *out = packed + panel * d;
        if (count < DE_PANEL)
            memset(out, 0, (size_t)(d * DE_PANEL) * sizeof *out);
        for (int64_t j = 0; j < count; j++)
            for (int64_t i = 0; i < d; i++)
                out[i * DE_PANEL + j] = k[(panel + j) * job->shape.k_stride + i] * scale;
    }
}

/* v [keys, d] -> [ceil(d / 16), keys, 16] */
static void pack_values(const attention *job, const float *v, int64_t keys, float *packed)
{
    for (int64_t column = 0; column < job->shape.d; column += DE_PANEL) {
        int64_t count = de_min_i64(DE_PANEL, job->shape.d - column);
        for (int64_t key = 0; key < keys; key++, packed += DE_PANEL) {
            memcpy(packed, v + key * job->shape.v_stride + column, (size_t)count * sizeof *packed);
            memset(packed + count, 0, (size_t)(DE_PANEL - count) * sizeof *packed);
        }
    }
}

/* One block of the keys of one pair. */
static void pack_blocks(void *user, int64_t begin, int64_t end, int thread)
{
    const attention *job = user;
    const de_attention_shape *shape = &job->shape;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t pair = i / job->key_blocks, first = i % job->key_blocks * DE_ATTENTION_KEYS;
        int64_t image = (job->first_pair + pair) / shape->heads, head = (job->first_pair + pair) % shape->heads;
        int64_t keys = de_min_i64(DE_ATTENTION_KEYS, shape->tk - first);
        int64_t row = image * shape->tk + first;
        float *packed = job->packed + pair * (job->key_floats + job->value_floats);
        pack_keys(job, job->k + row * shape->k_stride + head * shape->d, keys, packed + first * shape->d);
        pack_values(job, job->v + row * shape->v_stride + head * shape->d, keys,
                    packed + job->key_floats + first * de_round_up(shape->d, DE_PANEL));
    }
}

/* One block of the queries of one pair. */
static void run_blocks(void *user, int64_t begin, int64_t end, int thread)
{
    const attention *job = user;
    const de_attention_shape *shape = &job->shape;
    for (int64_t i = begin; i < end; i++) {
        int64_t pair = i / job->query_blocks, first = i % job->query_blocks * DE_ATTENTION_QUERIES;
        int64_t image = (job->first_pair + pair) / shape->heads, head = (job->first_pair + pair) % shape->heads;
        int64_t row = image * shape->tq + first;
        const float *packed = job->packed + pair * (job->key_floats + job->value_floats);
        de_attention_block block = {
            .queries = de_min_i64(DE_ATTENTION_QUERIES, shape->tq - first), .keys = shape->tk, .d = shape->d,
            .q = job->q + row * shape->q_stride + head * shape->d, .q_stride = shape->q_stride,
            .packed_keys = packed, .packed_values = packed + job->key_floats,
            .causal = shape->causal, .first_query = first,
            .scratch = job->scratch + thread * de_attention_scratch(shape->d),
            .y = job->y + row * shape->heads * shape->d + head * shape->d, .y_stride = shape->heads * shape->d,
        };
        de_kernels_get()->attention(&block);
    }
}

void de_attention(de_context *context, de_attention_shape shape, const float *q, const float *k,
                  const float *v, float *y)
{
    size_t mark = de_arena_mark(&context->arena);
    attention job = {.shape = shape, .q = q, .k = k, .v = v, .y = y,
                     .query_blocks = de_divide_up(shape.tq, DE_ATTENTION_QUERIES),
                     .key_blocks = de_divide_up(shape.tk, DE_ATTENTION_KEYS)};
    job.key_floats = de_round_up(shape.tk, DE_PANEL) * shape.d;
    job.value_floats = shape.tk * de_round_up(shape.d, DE_PANEL);
    int64_t pairs = shape.n * shape.heads, pair_floats = job.key_floats + job.value_floats;
    int64_t at_once = de_max_i64(PACKED_FLOATS / pair_floats,
                                 de_divide_up((int64_t)context->threads * TASKS_PER_THREAD, job.query_blocks));
    at_once = de_min_i64(at_once, pairs);
    job.packed = de_arena_floats(&context->arena, at_once * pair_floats);
    job.scratch = de_arena_floats(&context->arena, context->threads * de_attention_scratch(shape.d));
    int threads = de_threads_for(context, 4.0 * (double)(pairs * shape.tq * shape.tk * shape.d));
    for (int64_t pair = 0; pair < pairs && !context->arena.measuring; pair += at_once) {
        int64_t count = de_min_i64(at_once, pairs - pair);
        job.first_pair = pair;
        de_parallel_for(threads, count * job.key_blocks, 1, pack_blocks, &job);
        de_parallel_for(threads, count * job.query_blocks, 1, run_blocks, &job);
    }
    de_arena_release(&context->arena, mark);
}
