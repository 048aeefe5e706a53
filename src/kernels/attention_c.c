#include <math.h>
#include <string.h>

#include "kernels/c.h"
#include "kernels/functions_c.h"

/* One query at a time; softmax is kept running over blocks of keys (Milakov and Gimelshein 2018): `sums` are
 * the values weighted by exp2(score - highest), `total` the sum of those weights. */
typedef struct running {
    float highest, total;
    float *sums; /* [d rounded up to 16] */
} running;

/* scores [count rounded up to 16] of one query with `count` keys from `begin`, a multiple of 16, on; the
 * highest of the first `count` is returned */
static float find_scores(const de_attention_block *block, const float *q, int64_t begin, int64_t count,
                         float *scores)
{
    float highest = -INFINITY;
    for (int64_t key = 0; key < count; key += DE_PANEL) {
        const float *panel = block->packed_keys + (begin + key) * block->d;
        float s[DE_PANEL] = {0};
        de_add_products_c(q, block->d, panel, s);
        memcpy(scores + key, s, sizeof s);
        for (int64_t j = 0; j < DE_PANEL && key + j < count; j++)
            highest = s[j] > highest ? s[j] : highest;
    }
    return highest;
}

static void scale_sums(running *run, int64_t count, float factor)
{
    run->total *= factor;
    for (int64_t i = 0; i < count; i++)
        run->sums[i] *= factor;
}

static void add_block(const de_attention_block *block, const float *q, int64_t begin, int64_t count,
                      float *scores, running *run)
{
    int64_t padded = de_round_up(block->d, DE_PANEL), left = block->keys - begin;
    int64_t key_rows = left < DE_ATTENTION_KEYS ? left : DE_ATTENTION_KEYS;
    float highest = find_scores(block, q, begin, count, scores);
    if (highest > run->highest) {
        scale_sums(run, padded, exp2f(run->highest - highest));
        run->highest = highest;
    }
    for (int64_t key = 0; key < count; key++) {
        scores[key] = exp2f(scores[key] - run->highest);
        run->total += scores[key];
    }
    for (int64_t column = 0; column < padded; column += DE_PANEL) {
        const float *values = block->packed_values + begin * padded + column * key_rows;
        de_add_products_c(scores, count, values, run->sums + column);
    }
}

void de_attention_c(const de_attention_block *block)
{
    int64_t padded = de_round_up(block->d, DE_PANEL);
    float *scores = block->scratch;
    for (int64_t i = 0; i < block->queries; i++) {
        int64_t keys = block->keys, seen = block->first_query + i + 1;
        if (block->causal && seen < keys)
            keys = seen;
        running run = {.highest = -INFINITY, .sums = scores + DE_ATTENTION_KEYS};
        memset(run.sums, 0, (size_t)padded * sizeof(float));
        for (int64_t begin = 0; begin < keys; begin += DE_ATTENTION_KEYS) {
            int64_t count = keys - begin < DE_ATTENTION_KEYS ? keys - begin : DE_ATTENTION_KEYS;
            add_block(block, block->q + i * block->q_stride, begin, count, scores, &run);
        }
        for (int64_t j = 0; j < block->d; j++)
            block->y[i * block->y_stride + j] = run.sums[j] / run.total;
    }
}
