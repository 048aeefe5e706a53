#include <math.h>
#include <string.h>

#include "kernels/tables.h"
#include "kernels/functions_c.h"

/* Sixteen queries at a time; softmax is kept running over blocks of keys (Milakov and Gimelshein
 * 2018): `sums` are the values weighted by exp2(score - highest), `total` the sum of those weights.
 */
typedef struct running {
    float *q; /* [d, 16], scaled */
    float highest[DE_PANEL], total[DE_PANEL];
    float *weights; /* [DE_ATTENTION_KEYS, 16]; scores at first */
    float *sums;    /* [d, 16] */
} running;

static void pack_queries(const de_attention_block *block, int64_t first, int64_t queries, float *q)
{
    if (queries < DE_PANEL)
        memset(q, 0, (size_t)(block->d * DE_PANEL) * sizeof *q);
    for (int64_t j = 0; j < queries; j++)
        for (int64_t i = 0; i < block->d; i++)
            q[i * DE_PANEL + j] = block->q[(first + j) * block->q_stride + i] * block->scale;
}

static void find_scores(const de_attention_block *block, int64_t first_query, int64_t begin,
                        int64_t count, running *run)
{
    const float *keys = block->k;
    for (int64_t key = begin; key < begin + count; key++) {
        float *scores = run->weights + (key - begin) * DE_PANEL;
        memset(scores, 0, DE_PANEL * sizeof *scores);
        de_add_products_c(keys + key * block->d, block->d, run->q, scores);
        for (int64_t j = 0; block->causal && j < DE_PANEL; j++)
            if (key > first_query + j)
                scores[j] = -INFINITY;
    }
}

static void scale_sums(running *run, int64_t d, int64_t lane, float factor)
{
    run->total[lane] *= factor;
    for (int64_t i = 0; i < d; i++)
        run->sums[i * DE_PANEL + lane] *= factor;
}

static void weigh(const de_attention_block *block, int64_t count, running *run)
{
    float highest[DE_PANEL];
    memcpy(highest, run->highest, sizeof highest);
    for (int64_t key = 0; key < count; key++)
        for (int j = 0; j < DE_PANEL; j++) {
            float score = run->weights[key * DE_PANEL + j];
            highest[j] = score > highest[j] ? score : highest[j];
        }
    for (int64_t j = 0; j < DE_PANEL; j++)
        if (highest[j] > run->highest[j]) {
            scale_sums(run, block->d, j, exp2f(run->highest[j] - highest[j]));
            run->highest[j] = highest[j];
        }
    for (int64_t key = 0; key < count; key++)
        for (int j = 0; j < DE_PANEL; j++) {
            float *weight = run->weights + key * DE_PANEL + j;
            *weight = exp2f(*weight - highest[j]);
            run->total[j] += *weight;
        }
}

static void add_values(const de_attention_block *block, int64_t begin, int64_t count, running *run)
{
    int64_t columns;
    for (int64_t column = 0; column < block->d; column += columns) {
        columns = de_attention_group(block->d - column);
        const float *values = (const float *)block->v + column * block->keys + begin * columns;
        float *sums = run->sums + column * DE_PANEL;
        for (int64_t i = 0; i < columns; i++) {
            float dense[DE_ATTENTION_KEYS];
            for (int64_t key = 0; key < count; key++)
                dense[key] = values[key * columns + i];
            de_add_products_c(dense, count, run->weights, sums + i * DE_PANEL);
        }
    }
}

void de_attention_c(const de_attention_block *block)
{
    for (int64_t first = 0; first < block->queries; first += DE_PANEL) {
        int64_t queries = block->queries - first < DE_PANEL ? block->queries - first : DE_PANEL,
                keys = block->keys;
        int64_t first_query = block->first_query + first;
        if (block->causal && first_query + queries < keys)
            keys = first_query + queries;
        running run = {.weights = block->scratch,
                       .sums = block->scratch + DE_ATTENTION_KEYS * DE_PANEL};
        run.q = run.sums + block->d * DE_PANEL;
        pack_queries(block, first, queries, run.q);
        memset(run.sums, 0, (size_t)(block->d * DE_PANEL) * sizeof(float));
        for (int64_t j = 0; j < DE_PANEL; j++)
            run.highest[j] = -INFINITY;
        for (int64_t begin = 0; begin < keys; begin += DE_ATTENTION_KEYS) {
            int64_t count = keys - begin < DE_ATTENTION_KEYS ? keys - begin : DE_ATTENTION_KEYS;
            find_scores(block, first_query, begin, count, &run);
            weigh(block, count, &run);
            add_values(block, begin, count, &run);
        }
        for (int64_t j = 0; j < queries; j++)
            for (int64_t i = 0; i < block->d; i++)
                block->y[(first + j) * block->y_stride + i] = run.sums[i * DE_PANEL + j] /
                                                              run.total[j];
    }
}
