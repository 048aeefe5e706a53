#include <math.h>
#include <string.h>

#include "base/base.h"
#include "kernels/avx2.h"
#include "kernels/functions_avx2.h"

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
    __m256 reference[VECTORS];
    __m256 total[VECTORS];     /* of the weights */
    __m256 last_seen[VECTORS]; /* if causal, the last key that each query sees */
    int64_t seen;              /* keys that at least one of the queries sees */
} query_panel;

/* What a block of keys adds to a panel. */
typedef struct block_sums {
    __m256 total[VECTORS];
    __m256 highest[VECTORS]; /* score - reference */
} block_sums;

/* tile [rows, 16] += x [rows, depth] w [depth, 16], for both products. From a row of x to the next
 * are row_step floats, from a column to the next column_step. */
static inline __attribute__((always_inline)) void
add_products(__m256 (*tile)[VECTORS], const int rows, const float *x, int64_t row_step,
             int64_t column_step, const float *w, int64_t depth)
{
#pragma GCC unroll 2
    for (int64_t i = 0; i < depth; i++) {
        __m256 lanes[VECTORS];
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            lanes[v] = _mm256_load_ps(w + i * DE_PANEL + v * DE_LANES);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            __m256 value = _mm256_broadcast_ss(x + i * column_step + r * row_step);
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++)
                tile[r][v] = _mm256_fmadd_ps(value, lanes[v], tile[r][v]);
        }
    }
}

/* All bits set in the lanes of queries that do not see a key. */
static inline __m256 ahead(const query_panel *panel, int64_t key, int v)
{
    return _mm256_cmp_ps(_mm256_set1_ps((float)key), panel->last_seen[v], _CMP_GT_OQ);
}

/* The weights of `rows` keys, a constant where it is called. */
static inline __attribute__((always_inline)) void weigh_tile(const de_attention_block *block,
                                                             const query_panel *panel, int64_t key,
                                                             const int rows, bool masked,
                                                             float *weights, block_sums *sums)
{
    __m256 scores[TILE_ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            scores[r][v] = _mm256_sub_ps(_mm256_setzero_ps(), panel->reference[v]);
    add_products(scores, rows, block->k + key * block->d, block->d, 1, panel->q, block->d);
    if (masked) {
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++)
                scores[r][v] = _mm256_blendv_ps(scores[r][v], _mm256_set1_ps(-INFINITY),
                                                ahead(panel, key + r, v));
    }
    block_sums tile = {{_mm256_setzero_ps(), _mm256_setzero_ps()}, {scores[0][0], scores[0][1]}};
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++) {
            __m256 weight = de_exp2_avx2(scores[r][v]);
            if (masked) /* not 2^-126 */
                weight = _mm256_andnot_ps(ahead(panel, key + r, v), weight);
            tile.highest[v] = _mm256_max_ps(tile.highest[v], scores[r][v]);
            tile.total[v] = _mm256_add_ps(tile.total[v], weight);
            _mm256_store_ps(weights + r * DE_PANEL + v * DE_LANES, weight);
        }
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) {
        sums->highest[v] = _mm256_max_ps(sums->highest[v], tile.highest[v]);
        sums->total[v] = _mm256_add_ps(sums->total[v], tile.total[v]);
    }
}

/* sums [columns, 16] += values [keys, columns] times weights */
static inline __attribute__((always_inline)) void
add_tile(const float *weights, int64_t keys, const float *values, const int columns, float *sums)
{
    __m256 tile[TILE_ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < columns; r++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            tile[r][v] = _mm256_load_ps(sums + r * DE_PANEL + v * DE_LANES);
    add_products(tile, columns, values, 1, columns, weights, keys);
#pragma GCC unroll 6
    for (int r = 0; r < columns; r++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            _mm256_store_ps(sums + r * DE_PANEL + v * DE_LANES, tile[r][v]);
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
    bool masked = block->causal &&
                  (float)(begin + count - 1) > _mm256_cvtss_f32(panel->last_seen[0]);
    block_sums sums;
    for (int v = 0; v < VECTORS; v++) {
        sums.total[v] = _mm256_setzero_ps();
        sums.highest[v] = _mm256_set1_ps(-INFINITY);
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
    const __m256 most = _mm256_set1_ps(MOST_ABOVE);
    __m256 rise[VECTORS];
    int raised = 0;
    for (int v = 0; v < VECTORS; v++) {
        __m256 above = _mm256_cmp_ps(sums->highest[v], most, _CMP_GT_OQ);
        rise[v] = _mm256_and_ps(above, sums->highest[v]);
        raised |= _mm256_movemask_ps(above);
    }
    if (!raised)
        return false;
    for (int v = 0; v < VECTORS; v++) {
        __m256 factor = de_exp2_avx2(_mm256_sub_ps(_mm256_setzero_ps(), rise[v]));
        panel->reference[v] = _mm256_add_ps(
            panel->reference[v], _mm256_add_ps(rise[v], _mm256_sub_ps(rise[v], rise[v])));
        panel->total[v] = _mm256_mul_ps(panel->total[v], factor);
        for (int64_t i = 0; i < d; i++) {
            float *sum = panel->sums + i * DE_PANEL + v * DE_LANES;
            _mm256_store_ps(sum, _mm256_mul_ps(_mm256_load_ps(sum), factor));
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
        panel->total[v] = _mm256_add_ps(panel->total[v], sums.total[v]);
    add_values(block, panel, begin, de_min_i64(count, panel->seen - begin));
}

/* Weights are relative to the score with the first key, which every query sees. */
static void start(const de_attention_block *block, int64_t first, query_panel *panel)
{
    const __m256 lanes = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    for (int v = 0; v < VECTORS; v++) {
        __m256 score = _mm256_setzero_ps();
        for (int64_t i = 0; i < block->d; i++)
            score = _mm256_fmadd_ps(_mm256_broadcast_ss(block->k + i),
                                    _mm256_load_ps(panel->q + i * DE_PANEL + v * DE_LANES), score);
        panel->reference[v] = score;
        panel->total[v] = _mm256_setzero_ps();
        panel->last_seen[v] = _mm256_add_ps(
            _mm256_set1_ps((float)(block->first_query + first + v * DE_LANES)), lanes);
    }
    panel->seen = block->causal ? de_min_i64(block->keys, block->first_query + first + DE_PANEL)
                                : block->keys;
    memset(panel->sums, 0, (size_t)(block->d * DE_PANEL) * sizeof(float));
}

static void store(const de_attention_block *block, int64_t first, const query_panel *panel)
{
    float factors[DE_PANEL];
    for (int v = 0; v < VECTORS; v++)
        _mm256_storeu_ps(factors + v * DE_LANES,
                         _mm256_div_ps(_mm256_set1_ps(1.0f), panel->total[v]));
    for (int64_t j = 0; j < de_min_i64(DE_PANEL, block->queries - first); j++)
        for (int64_t i = 0; i < block->d; i++)
            block->y[(first + j) * block->y_stride + i] = panel->sums[i * DE_PANEL + j] *
                                                          factors[j];
}

void de_attention_avx2(const de_attention_block *block)
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
