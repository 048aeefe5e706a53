#include <math.h>
#include <string.h>

#include "base/base.h"
#include "kernels/tables.h"
#include "kernels/vector.h"
#include "kernels/functions_simd.h"

/* A vector lane is a query. Both products are tiles of 6 rows x 16 queries, like the GEMM's: scores
 * of 6 keys, which become weights in the registers they were summed in, then sums of 6 columns of
 * the values. The weights of a panel of queries with a block of keys lie between them, 8 KB in the
 * first level cache. */
enum {
    TILE_ROWS = DE_ATTENTION_GROUP,
    VECTORS = DE_PANEL / DE_LANES,
    PANELS = DE_ATTENTION_QUERIES / DE_PANEL
};

/* Softmax is kept running over the blocks of keys (Milakov and Gimelshein 2018), but a weight is a
 * power of two relative to the score with the first key, not to the highest one: floating-point
 * numbers are as accurate far from 1 as near it. Only a score this much higher raises what weights
 * are relative to, long before a sum of weights would overflow. */
#define MOST_ABOVE 64.0f

typedef struct query_panel {
    const float *q; /* [d, 16] */
    float *sums;    /* [d, 16], of the values times their weights */
    float *weights; /* [DE_ATTENTION_KEYS, 16], 2^(score - reference); all panels use the same */
    de_floats reference[VECTORS];
    de_floats total[VECTORS];     /* of the weights */
    de_floats last_seen[VECTORS]; /* if causal, the last key that each query sees */
    int64_t first;                /* if causal, the last key that the first query sees */
    int64_t seen;                 /* keys that at least one of the queries sees */
} query_panel;

/* What a block of keys adds to a panel. */
typedef struct block_sums {
    de_floats total[VECTORS];
    de_floats highest[VECTORS]; /* score - reference */
} block_sums;

/* tile [rows, 16] += x [rows, depth] w [depth, 16], for both products. From a row of x to the next
 * are row_step floats, from a column to the next column_step. */
static inline __attribute__((always_inline)) void
add_products(de_floats (*tile)[VECTORS], const int rows, const float *x, int64_t row_step,
             int64_t column_step, const float *w, int64_t depth)
{
#pragma GCC unroll 2
    for (int64_t i = 0; i < depth; i++) {
        de_floats lanes[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            lanes[v] = de_load(w + i * DE_PANEL + v * DE_LANES);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            de_floats value = de_splat_at(x + i * column_step + r * row_step);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                tile[r][v] = de_mul_add(value, lanes[v], tile[r][v]);
        }
    }
}

/* All bits set in the lanes of queries that do not see a key. */
static inline de_mask ahead(const query_panel *panel, int64_t key, int v)
{
    return de_greater(de_splat((float)key), panel->last_seen[v]);
}

/* The weights of `rows` keys, a constant where it is called. */
static inline __attribute__((always_inline)) void weigh_tile(const de_attention_block *block,
                                                             const query_panel *panel, int64_t key,
                                                             const int rows, bool masked,
                                                             float *weights, block_sums *sums)
{
    de_floats scores[TILE_ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            scores[r][v] = de_sub(de_splat(0), panel->reference[v]);
    add_products(scores, rows, block->k + key * block->d, block->d, 1, panel->q, block->d);
    if (masked) {
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                scores[r][v] = de_select(ahead(panel, key + r, v), de_splat(-INFINITY),
                                         scores[r][v]);
    }
    block_sums tile;
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
        tile.total[v] = de_splat(0);
        tile.highest[v] = scores[0][v];
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            de_floats weight = de_exp2(scores[r][v]);
            if (masked) /* not 2^-126 */
                weight = de_select(ahead(panel, key + r, v), de_splat(0), weight);
            tile.highest[v] = de_max(tile.highest[v], scores[r][v]);
            tile.total[v] = de_add(tile.total[v], weight);
            de_store(weights + r * DE_PANEL + v * DE_LANES, weight);
        }
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
        sums->highest[v] = de_max(sums->highest[v], tile.highest[v]);
        sums->total[v] = de_add(sums->total[v], tile.total[v]);
    }
}

/* sums [columns, 16] += values [keys, columns] times weights */
static inline __attribute__((always_inline)) void
add_tile(const float *weights, int64_t keys, const float *values, const int columns, float *sums)
{
    de_floats tile[TILE_ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < columns; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            tile[r][v] = de_load(sums + r * DE_PANEL + v * DE_LANES);
    add_products(tile, columns, values, 1, columns, weights, keys);
#pragma GCC unroll 6
    for (int r = 0; r < columns; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            de_store(sums + r * DE_PANEL + v * DE_LANES, tile[r][v]);
}

/* Never inlined, so that the constants of the exponential do not take registers away from the sums.
 */
static __attribute__((noinline)) void weigh_rows(const de_attention_block *block,
                                                 const query_panel *panel, int64_t key,
                                                 int64_t rows, bool masked, float *weights,
                                                 block_sums *sums)
{
    switch (rows) {
    case 6: weigh_tile(block, panel, key, 6, masked, weights, sums); return;
    case 5: weigh_tile(block, panel, key, 5, masked, weights, sums); return;
    case 4: weigh_tile(block, panel, key, 4, masked, weights, sums); return;
    case 3: weigh_tile(block, panel, key, 3, masked, weights, sums); return;
    case 2: weigh_tile(block, panel, key, 2, masked, weights, sums); return;
    default: weigh_tile(block, panel, key, 1, masked, weights, sums); return;
    }
}

/* The weights of those keys of a block that any query sees. Tiles are cut from the whole block, so
 * that a query's sums do not depend on the other queries of its panel. */
static block_sums weigh_keys(const de_attention_block *block, const query_panel *panel,
                             int64_t begin, int64_t count)
{
    bool masked = block->causal && begin + count - 1 > panel->first;
    block_sums sums;
    for (int v = 0; v < VECTORS; v++) {
        sums.total[v] = de_splat(0);
        sums.highest[v] = de_splat(-INFINITY);
    }
    int64_t rows;
    for (int64_t i = 0; i < count && begin + i < panel->seen; i += rows) {
        rows = de_attention_group(count - i);
        weigh_rows(block, panel, begin + i, rows, masked, panel->weights + i * DE_PANEL, &sums);
    }
    return sums;
}

static void add_values(const de_attention_block *block, const query_panel *panel, int64_t begin,
                       int64_t keys)
{
    int64_t columns;
    for (int64_t column = 0; column < block->d; column += columns) {
        columns = de_attention_group(block->d - column);
        const float *values = block->v + column * block->keys + begin * columns;
        float *sums = panel->sums + column * DE_PANEL;
        switch (columns) {
        case 6: add_tile(panel->weights, keys, values, 6, sums); break;
        case 5: add_tile(panel->weights, keys, values, 5, sums); break;
        case 4: add_tile(panel->weights, keys, values, 4, sums); break;
        case 3: add_tile(panel->weights, keys, values, 3, sums); break;
        case 2: add_tile(panel->weights, keys, values, 2, sums); break;
        default: add_tile(panel->weights, keys, values, 1, sums); break;
        }
    }
}

/* Makes the highest score the reference of the queries for which it is too far above it; false if
 * there is none. An infinite one makes it a NaN. Other queries are multiplied by exactly 1. */
static bool raise_reference(query_panel *panel, const block_sums *sums, int64_t d)
{
    const de_floats most = de_splat(MOST_ABOVE);
    de_floats rise[VECTORS];
    bool raised = false;
    for (int v = 0; v < VECTORS; v++) {
        de_mask above = de_greater(sums->highest[v], most);
        rise[v] = de_select(above, sums->highest[v], de_splat(0));
        raised |= de_any(above);
    }
    if (!raised)
        return false;
    for (int v = 0; v < VECTORS; v++) {
        de_floats factor = de_exp2(de_sub(de_splat(0), rise[v]));
        panel->reference[v] = de_add(panel->reference[v],
                                     de_add(rise[v], de_sub(rise[v], rise[v])));
        panel->total[v] = de_mul(panel->total[v], factor);
        for (int64_t i = 0; i < d; i++) {
            float *sum = panel->sums + i * DE_PANEL + v * DE_LANES;
            de_store(sum, de_mul(de_load(sum), factor));
        }
    }
    return true;
}

static void add_keys(const de_attention_block *block, query_panel *panel, int64_t begin)
{
    int64_t count = de_min_i64(DE_ATTENTION_KEYS, block->keys - begin);
    block_sums sums = weigh_keys(block, panel, begin, count);
    if (raise_reference(panel, &sums, block->d))
        sums = weigh_keys(block, panel, begin, count);
    for (int v = 0; v < VECTORS; v++)
        panel->total[v] = de_add(panel->total[v], sums.total[v]);
    add_values(block, panel, begin, de_min_i64(count, panel->seen - begin));
}

/* Weights are relative to the score with the first key, which every query sees. */
static void start(const de_attention_block *block, int64_t first, query_panel *panel)
{
    for (int v = 0; v < VECTORS; v++) {
        de_floats score = de_splat(0);
        for (int64_t i = 0; i < block->d; i++)
            score = de_mul_add(de_splat_at(block->k + i),
                               de_load(panel->q + i * DE_PANEL + v * DE_LANES), score);
        panel->reference[v] = score;
        panel->total[v] = de_splat(0);
        panel->last_seen[v] = de_add(de_splat((float)(block->first_query + first + v * DE_LANES)),
                                     de_count_up());
    }
    panel->first = block->first_query + first;
    panel->seen = block->causal ? de_min_i64(block->keys, block->first_query + first + DE_PANEL)
                                : block->keys;
    memset(panel->sums, 0, (size_t)(block->d * DE_PANEL) * sizeof(float));
}

static void store(const de_attention_block *block, int64_t first, const query_panel *panel)
{
    float factors[DE_PANEL];
    for (int v = 0; v < VECTORS; v++)
        de_store(factors + v * DE_LANES, de_div(de_splat(1.0f), panel->total[v]));
    for (int64_t j = 0; j < de_min_i64(DE_PANEL, block->queries - first); j++)
        for (int64_t i = 0; i < block->d; i++)
            block->y[(first + j) * block->y_stride + i] = panel->sums[i * DE_PANEL + j] *
                                                          factors[j];
}

void DE_KERNEL(de_attention)(const de_attention_block *block)
{
    query_panel panels[PANELS];
    float *sums = block->scratch + DE_ATTENTION_KEYS * DE_PANEL;
    int64_t panel_floats = block->d * DE_PANEL,
            count = de_round_up(block->queries, DE_PANEL) / DE_PANEL;
    for (int64_t p = 0; p < count; p++) {
        panels[p] = (query_panel){.q = block->q + p * panel_floats,
                                  .sums = sums + p * panel_floats,
                                  .weights = block->scratch};
        start(block, p * DE_PANEL, &panels[p]);
    }
    for (int64_t begin = 0; begin < block->keys; begin += DE_ATTENTION_KEYS)
        for (int64_t p = 0; p < count; p++)
            if (begin < panels[p].seen)
                add_keys(block, &panels[p], begin);
    for (int64_t p = 0; p < count; p++)
        store(block, p * DE_PANEL, &panels[p]);
}
