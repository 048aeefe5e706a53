#include <math.h>
#include <string.h>

#include "base/base.h"
#include "kernels/attention_operands.h"
#include "kernels/tables.h"

/* A vector lane is a query. Both products are tiles of some rows x TILE_QUERIES, like the GEMM's:
 * scores of some keys, which become weights in the registers they were summed in, then sums of some
 * columns of the values. The weights of a panel of queries with a block of keys lie between them, 8
 * to 16 KB in the first level cache. */
enum {
    TILE_ROWS = DE_ATTENTION_ROWS,
    VECTORS = DE_ATTENTION_VECTORS,
    TILE_QUERIES = VECTORS * DE_LANES,
    PANELS = DE_ATTENTION_QUERIES / TILE_QUERIES,
    BLOCK_KEYS = SCALED ? DE_ATTENTION_KEYS : DE_ATTENTION_KEYS / TILE_ROWS * TILE_ROWS,
    /* operands in a row of TILE_QUERIES lanes, and in a vector of it */
    ROW = TILE_QUERIES * ABREAST,
    VECTOR = DE_LANES * ABREAST
};

/* Softmax is kept running over the blocks of keys (Milakov and Gimelshein 2018), but a weight is a
 * power of two relative to the score with the first key, not to the highest one: floating-point
 * numbers are as accurate far from 1 as near it. Only a score this much higher raises what weights
 * are relative to, long before a sum of weights would overflow. */
#define MOST_ABOVE 64.0f

typedef struct query_panel {
    operand *q;  /* [steps, ROW] */
    float *sums; /* [d, TILE_QUERIES], of the values times their weights */
    /* 2^(score - reference) [keys of a block, TILE_QUERIES]; all panels use the same */
    float *weights;
    operand *factors; /* the weights, as they are multiplied: [BLOCK_KEYS / ABREAST, ROW] */
    de_floats scales[VECTORS]; /* if SCALED, of the queries */
    de_floats units[VECTORS];  /* and of the factors */
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

/* Products are summed ABREAST operands at a time: so many steps for `count` operands. */
static inline int64_t steps_of(int64_t count)
{
    return (count + ABREAST - 1) / ABREAST;
}

/* tile [rows, TILE_QUERIES] += x [rows] times w [steps, ROW], for both products. From a row of x to
 * the next are row_step operands, from a step to the next column_step. */
DE_INLINE void add_products(tile_sum (*tile)[VECTORS], const int rows, const operand *x,
                            int64_t row_step, int64_t column_step, const operand *w, int64_t steps)
{
#pragma GCC unroll 2
    for (int64_t i = 0; i < steps; i++) {
        operands lanes[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            lanes[v] = load_operands(w + i * ROW + v * VECTOR);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            operands value = splat_operands(x + i * column_step + r * row_step);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                tile[r][v] = add_product(tile[r][v], value, lanes[v]);
        }
    }
}

/* Yes in the lanes of queries that do not see a key. */
static inline de_mask ahead(const query_panel *panel, int64_t key, int v)
{
    return de_greater(de_splat((float)key), panel->last_seen[v]);
}

/* What an integer sum is multiplied with to be a score. */
DE_INLINE de_floats score_unit(const de_attention_block *block, const query_panel *panel,
                               int64_t key, int v)
{
    return SCALED ? de_mul(de_splat_at(block->k_scales + key), panel->scales[v]) : de_splat(1);
}

/* The scores of `rows` keys, less the reference. */
DE_INLINE void score_tile(const de_attention_block *block, const query_panel *panel, int64_t key,
                          const int rows, bool masked, de_floats (*scores)[VECTORS])
{
    const operand *keys = block->k;
    int64_t steps = steps_of(block->d);
    tile_sum tile[TILE_ROWS][VECTORS];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            tile[r][v] = begin_score(panel->reference[v]);
    add_products(tile, rows, keys + key * steps * ABREAST, steps * ABREAST, ABREAST, panel->q,
                 steps);
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            scores[r][v] = end_score(tile[r][v], score_unit(block, panel, key + r, v),
                                     panel->reference[v]);
    if (masked) {
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                scores[r][v] = de_select(ahead(panel, key + r, v), de_splat(-INFINITY),
                                         scores[r][v]);
    }
}

/* The weights of `rows` keys, a constant where it is called. */
DE_INLINE void weigh_tile(const de_attention_block *block, const query_panel *panel, int64_t key,
                          const int rows, bool masked, float *weights, block_sums *sums)
{
    de_floats scores[TILE_ROWS][VECTORS];
    score_tile(block, panel, key, rows, masked, scores);
    block_sums tile;
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
        tile.total[v] = de_splat(0);
        tile.highest[v] = scores[0][v];
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            de_floats weight = power_of_two(scores[r][v]);
            if (masked) /* not 2^-126 */
                weight = de_select(ahead(panel, key + r, v), de_splat(0), weight);
            tile.highest[v] = de_max(tile.highest[v], scores[r][v]);
            tile.total[v] = de_add(tile.total[v], weight);
            de_store(weights + r * TILE_QUERIES + v * DE_LANES, weight);
        }
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
        sums->highest[v] = de_max(sums->highest[v], tile.highest[v]);
        sums->total[v] = de_add(sums->total[v], tile.total[v]);
    }
}

/* sums [rows, TILE_QUERIES] += `rows` columns of the values, which have `scales`, times the panel's
 * factors [steps, ROW] */
DE_INLINE void add_tile(const query_panel *panel, int64_t steps, const operand *values,
                        int64_t column_step, const float *scales, const int rows, float *sums)
{
    tile_sum tile[TILE_ROWS][VECTORS];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            tile[r][v] = begin_sum(sums + r * TILE_QUERIES + v * DE_LANES);
    add_products(tile, rows, values, ABREAST, column_step, panel->factors, steps);
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            end_sum(sums + r * TILE_QUERIES + v * DE_LANES, tile[r][v],
                    SCALED ? de_mul(de_splat_at(scales + r), panel->units[v]) : de_splat(1));
}

/* A tile of as many rows as there may be: TILE(n) is what is done for n of them. */
#if DE_ATTENTION_ROWS == 12
#define FOR_ROWS(rows) \
    switch (rows) { \
        TILE(12) \
        TILE(11) TILE(10) TILE(9) TILE(8) TILE(7) TILE(6) TILE(5) TILE(4) TILE(3) TILE(2) TILE(1) \
    }
#else
#define FOR_ROWS(rows) \
    switch (rows) { \
        TILE(6) TILE(5) TILE(4) TILE(3) TILE(2) TILE(1) \
    }
#endif

/* Never inlined, so that the constants of the exponential do not take registers away from the sums.
 */
static __attribute__((noinline)) void weigh_rows(const de_attention_block *block,
                                                 const query_panel *panel, int64_t key,
                                                 int64_t rows, bool masked, float *weights,
                                                 block_sums *sums)
{
#define TILE(n) \
    case n: weigh_tile(block, panel, key, n, masked, weights, sums); return;
    FOR_ROWS(rows)
#undef TILE
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
        rows = de_tile_rows(count - i, TILE_ROWS);
        weigh_rows(block, panel, begin + i, rows, masked, panel->weights + i * TILE_QUERIES, &sums);
    }
    return sums;
}

static void add_columns(const query_panel *panel, int64_t steps, const operand *values,
                        int64_t column_step, const float *scales, int64_t rows, float *sums)
{
#define TILE(n) \
    case n: add_tile(panel, steps, values, column_step, scales, n, sums); return;
    FOR_ROWS(rows)
#undef TILE
}

static void add_values(const de_attention_block *block, const query_panel *panel, int64_t begin,
                       int64_t keys)
{
    int64_t group, rows, all_keys = de_round_up(block->keys, ABREAST);
    const float *scales = SCALED ? block->v_scales + begin / BLOCK_KEYS * block->d : NULL;
    for (int64_t column = 0; column < block->d; column += group) {
        group = de_attention_group(block->d - column);
        const operand *values = (const operand *)block->v + column * all_keys + begin * group;
        for (int64_t i = 0; i < group; i += rows) {
            rows = de_tile_rows(group - i, TILE_ROWS);
            add_columns(panel, steps_of(keys), values + i * ABREAST, group * ABREAST,
                        SCALED ? scales + column + i : NULL, rows,
                        panel->sums + (column + i) * TILE_QUERIES);
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
            float *sum = panel->sums + i * TILE_QUERIES + v * DE_LANES;
            de_store(sum, de_mul(de_load(sum), factor));
        }
    }
    return true;
}

#ifdef DE_ATTENTION_QUICK
/* A block's weights become integers whose sum is 32767, but for what rounding adds (half a unit a
 * key), so that the sum of their products with values of up to 32767 is half of what int32 holds:
 * what keys of small weight lose is little of that. */
static void make_factors(query_panel *panel, int64_t keys, const de_floats *totals)
{
    de_floats factors[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        de_mask some = de_greater(totals[v], de_splat(0x1p-100f)); /* of the first key's */
        factors[v] = de_select(some, de_div(de_splat(32767), totals[v]), de_splat(0));
        panel->units[v] = de_mul(totals[v], de_splat(1.0f / 32767));
    }
    for (int64_t key = 0; key < keys; key += ABREAST)
        for (int v = 0; v < VECTORS; v++) {
            const float *weights = panel->weights + key * TILE_QUERIES + v * DE_LANES;
            de_floats even = de_mul(de_load(weights), factors[v]), odd = de_splat(0);
            if (key + 1 < keys)
                odd = de_mul(de_load(weights + TILE_QUERIES), factors[v]);
            de_store_pairs(panel->factors + key * TILE_QUERIES + v * VECTOR, de_ints_of(even),
                           de_ints_of(odd));
        }
}
#else
/* The weights as they are */
static void make_factors(query_panel *panel, int64_t keys, const de_floats *totals)
{
    (void)keys;
    (void)totals;
    panel->factors = panel->weights;
}
#endif

static void add_keys(const de_attention_block *block, query_panel *panel, int64_t begin)
{
    int64_t count = de_min_i64(BLOCK_KEYS, block->keys - begin);
    block_sums sums = weigh_keys(block, panel, begin, count);
    if (raise_reference(panel, &sums, block->d))
        sums = weigh_keys(block, panel, begin, count);
    for (int v = 0; v < VECTORS; v++)
        panel->total[v] = de_add(panel->total[v], sums.total[v]);
    make_factors(panel, count, sums.total);
    add_values(block, panel, begin, de_min_i64(count, panel->seen - begin));
}

/* Vector v of the panel's queries, `count` of them from q on -> panel->q; zeros in other lanes. */
#ifdef DE_ATTENTION_QUICK
/* Integers with an L2 norm of at most DE_I16_NORM, as quantise() makes them of keys; where squares
 * may have left the range of floats, by the largest norm that there could be. */
static void store_integers(const de_attention_block *block, int v, de_floats largest,
                           de_floats squares, query_panel *panel)
{
    const de_floats none = de_splat(0);
    de_floats by_norm = de_mul(de_sqrt(squares), de_splat(1.0f / DE_I16_NORM)),
              at_most = de_mul(largest, de_splat(sqrtf((float)block->d) / DE_I16_NORM));
    by_norm = de_select(de_greater(squares, de_splat(1e-30f)), by_norm, at_most);
    by_norm = de_select(de_greater(de_splat(1e30f), squares), by_norm, at_most);
    de_floats scale = de_max(by_norm, de_mul(largest, de_splat(1.0f / DE_I16_MOST)));
    de_mask some = de_greater(scale, de_splat(1e-34f)); /* else too small to divide by */
    de_floats factor = de_select(some, de_div(de_splat(1), scale), none);
    panel->scales[v] = de_mul(de_select(some, scale, none), de_splat(block->scale));
    const float *rows = panel->sums;
    for (int64_t i = 0; i < block->d; i += ABREAST) {
        de_floats even = de_mul(de_load(rows + i * DE_LANES), factor), odd = none;
        if (i + 1 < block->d)
            odd = de_mul(de_load(rows + (i + 1) * DE_LANES), factor);
        de_store_pairs(panel->q + i * TILE_QUERIES + v * VECTOR, de_ints_of(even), de_ints_of(odd));
    }
}

static void pack_vector(const de_attention_block *block, const float *q, int64_t count, int v,
                        query_panel *panel)
{
    de_floats largest = de_splat(0), squares = largest, not_finite = largest;
    for (int64_t column = 0; column < block->d; column += DE_LANES) {
        de_floats rows[DE_LANES];
        for (int64_t j = 0; j < DE_LANES; j++)
            rows[j] = j < count ? de_load_first(q + j * block->q_stride + column, block->d - column)
                                : de_splat(0);
        de_transpose(rows);
        for (int64_t i = 0; i < de_min_i64(DE_LANES, block->d - column); i++) {
            largest = de_max(de_abs(rows[i]), largest);
            squares = de_mul_add(rows[i], rows[i], squares);
            not_finite = de_mul_add(rows[i], de_splat(0), not_finite);
            de_store(panel->sums + (column + i) * DE_LANES, rows[i]);
        }
    }
    store_integers(block, v, largest, squares, panel);
    panel->scales[v] = de_add(panel->scales[v], not_finite);
}
#else
static void pack_vector(const de_attention_block *block, const float *q, int64_t count, int v,
                        query_panel *panel)
{
    const de_floats scale = de_splat(block->scale);
    for (int64_t column = 0; column < block->d; column += DE_LANES) {
        de_floats rows[DE_LANES];
        int64_t left = block->d - column;
        for (int64_t j = 0; j < DE_LANES; j++)
            rows[j] = j < count
                          ? de_mul(de_load_first(q + j * block->q_stride + column, left), scale)
                          : de_splat(0);
        de_transpose(rows);
        for (int64_t i = 0; i < de_min_i64(DE_LANES, left); i++)
            de_store(panel->q + (column + i) * ROW + v * VECTOR, rows[i]);
    }
}
#endif

/* Queries first.. of the block -> panel->q */
static void pack_queries(const de_attention_block *block, int64_t first, query_panel *panel)
{
    for (int v = 0; v < VECTORS; v++) {
        int64_t query = first + v * DE_LANES, count = block->queries - query;
        pack_vector(block, block->q + query * block->q_stride, count, v, panel);
    }
}

/* Weights are relative to the score with the first key, which every query sees. */
static void start(const de_attention_block *block, int64_t first, query_panel *panel)
{
    const de_floats none = de_splat(0);
    tile_sum scores[1][VECTORS];
    pack_queries(block, first, panel);
    for (int v = 0; v < VECTORS; v++)
        scores[0][v] = begin_score(none);
    add_products(scores, 1, block->k, 0, ABREAST, panel->q, steps_of(block->d));
    for (int v = 0; v < VECTORS; v++) {
        panel->reference[v] = end_score(scores[0][v], score_unit(block, panel, 0, v), none);
        panel->total[v] = de_splat(0);
        panel->last_seen[v] = de_add(de_splat((float)(block->first_query + first + v * DE_LANES)),
                                     de_count_up());
    }
    panel->first = block->first_query + first;
    panel->seen = block->causal ? de_min_i64(block->keys, block->first_query + first + TILE_QUERIES)
                                : block->keys;
    memset(panel->sums, 0, (size_t)(block->d * TILE_QUERIES) * sizeof(float));
}

static void store(const de_attention_block *block, int64_t first, const query_panel *panel)
{
    int64_t left = block->queries - first;
    for (int v = 0; v < VECTORS; v++) {
        de_floats factor = de_div(de_splat(1.0f), panel->total[v]);
        for (int64_t column = 0; column < block->d; column += DE_LANES) {
            de_floats columns[DE_LANES];
            int64_t count = de_min_i64(DE_LANES, block->d - column);
            const float *sums = panel->sums + column * TILE_QUERIES + v * DE_LANES;
            for (int64_t i = 0; i < DE_LANES; i++)
                columns[i] = i < count ? de_mul(de_load(sums + i * TILE_QUERIES), factor)
                                       : de_splat(0);
            de_transpose(columns);
            float *y = block->y + (first + v * DE_LANES) * block->y_stride + column;
            for (int64_t j = 0; j < de_min_i64(DE_LANES, left - v * DE_LANES); j++)
                de_store_first(y + j * block->y_stride, count, columns[j]);
        }
    }
}

void ATTENTION(const de_attention_block *block)
{
    query_panel panels[PANELS];
    int64_t count = de_divide_up(block->queries, TILE_QUERIES);
    float *sums = block->scratch + DE_ATTENTION_KEYS * DE_ATTENTION_WIDEST;
    float *factors = sums + DE_ATTENTION_QUERIES * block->d;
    operand *queries = (operand *)(void *)(factors + DE_ATTENTION_KEYS * DE_ATTENTION_WIDEST / 2);
    for (int64_t p = 0; p < count; p++) {
        panels[p] = (query_panel){.q = queries + p * steps_of(block->d) * ROW,
                                  .sums = sums + p * block->d * TILE_QUERIES,
                                  .weights = block->scratch,
                                  .factors = (operand *)(void *)factors};
        start(block, p * TILE_QUERIES, &panels[p]);
    }
    for (int64_t begin = 0; begin < block->keys; begin += BLOCK_KEYS)
        for (int64_t p = 0; p < count; p++)
            if (begin < panels[p].seen)
                add_keys(block, &panels[p], begin);
    for (int64_t p = 0; p < count; p++)
        store(block, p * TILE_QUERIES, &panels[p]);
}
