#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/ops.h"

/* Keys and values are packed for some heads at a time, so many that every thread has work and the packed arrays
 * stay near the processor. */
enum { PACKED_FLOATS = 4 * 1024 * 1024 };

typedef struct attention {
    de_attention_shape shape;
    const float *q, *k, *v;
    float *y;
    int64_t key_rows;             /* tk rounded up to 16 */
    int64_t key_floats, value_floats; /* packed, of one head */
    int64_t first_pair;           /* (image, head) pairs first_pair.. are at work */
    float *packed;                /* for each pair at work: keys, values */
    int64_t blocks;               /* of queries */
    float *scratch;
} attention;

/* k [keys, d] -> [keys / 16, d, 16], scaled */
static void pack_keys(const attention *job, const float *k, float *packed)
{
    int64_t d = job->shape.d;
    float scale = 1.44269504f / sqrtf((float)d); /* the kernel takes powers of two */
    for (int64_t panel = 0; panel < job->key_rows; panel += DE_PANEL) {
        int64_t count = de_min_i64(DE_PANEL, job->shape.tk - panel);
        float *out = packed + panel * d;
        if (count < DE_PANEL)
            memset(out, 0, (size_t)(d * DE_PANEL) * sizeof *out);
        for (int64_t j = 0; j < count; j++)
            for (int64_t i = 0; i < d; i++)
                out[i * DE_PANEL + j] = k[(panel + j) * job->shape.k_stride + i] * scale;
    }
}

/* v [keys, d] -> for each block of keys [d / 16, keys of the block, 16] */
static void pack_values(const attention *job, const float *v, float *packed)
{
    int64_t d = job->shape.d, padded = de_round_up(d, DE_PANEL);
    for (int64_t begin = 0; begin < job->shape.tk; begin += DE_ATTENTION_KEYS) {
        int64_t keys = de_min_i64(DE_ATTENTION_KEYS, job->shape.tk - begin);
        for (int64_t column = 0; column < d; column += DE_PANEL) {
            int64_t count = de_min_i64(DE_PANEL, d - column);
            float *out = packed + begin * padded + column * keys;
            for (int64_t key = 0; key < keys; key++) {
                memcpy(out + key * DE_PANEL, v + (begin + key) * job->shape.v_stride + column,
                       (size_t)count * sizeof *out);
                memset(out + key * DE_PANEL + count, 0, (size_t)(DE_PANEL - count) * sizeof *out);
            }
        }
    }
}

static void pack_pairs(void *user, int64_t begin, int64_t end, int thread)
{
    const attention *job = user;
    const de_attention_shape *shape = &job->shape;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = (job->first_pair + i) / shape->heads, head = (job->first_pair + i) % shape->heads;
        int64_t row = shape->shared_keys ? 0 : image * shape->tk;
        float *packed = job->packed + i * (job->key_floats + job->value_floats);
        pack_keys(job, job->k + row * shape->k_stride + head * shape->d, packed);
        pack_values(job, job->v + row * shape->v_stride + head * shape->d, packed + job->key_floats);
    }
}

static void run_blocks(void *user, int64_t begin, int64_t end, int thread)
{
    const attention *job = user;
    const de_attention_shape *shape = &job->shape;
    for (int64_t i = begin; i < end; i++) {
        int64_t pair = i / job->blocks, first = i % job->blocks * DE_ATTENTION_QUERIES;
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
                     .key_rows = de_round_up(shape.tk, DE_PANEL),
                     .blocks = de_divide_up(shape.tq, DE_ATTENTION_QUERIES)};
    job.key_floats = job.key_rows * shape.d;
    job.value_floats = shape.tk * de_round_up(shape.d, DE_PANEL);
    int64_t pairs = shape.n * shape.heads, pair_floats = job.key_floats + job.value_floats;
    int64_t at_once = de_max_i64(context->threads, PACKED_FLOATS / pair_floats);
    at_once = de_min_i64(at_once, pairs);
    job.packed = de_arena_floats(&context->arena, at_once * pair_floats);
    job.scratch = de_arena_floats(&context->arena, context->threads * de_attention_scratch(shape.d));
    for (int64_t pair = 0; pair < pairs && !context->arena.measuring; pair += at_once) {
        int64_t count = de_min_i64(at_once, pairs - pair);
        job.first_pair = pair;
        de_parallel_for(context->threads, count, 1, pack_pairs, &job);
        de_parallel_for(context->threads, count * job.blocks, 1, run_blocks, &job);
    }
    de_arena_release(&context->arena, mark);
}
