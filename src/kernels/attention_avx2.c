#include <math.h>
#include <string.h>

#include "kernels/avx2.h"
#include "kernels/functions_avx2.h"

/* Both products are the GEMM's, on blocks that stay in the second level cache: scores = q k^T for all queries and
 * some keys, then sums += weights v. Between them softmax is kept running (Milakov and Gimelshein 2018). */
typedef struct running {
    float *scores;  /* [queries, DE_ATTENTION_KEYS], then the weights 2^(score - highest) */
    float *sums;    /* [queries, sums_stride], of the values times their weights */
    int64_t sums_stride;
    float *highest; /* [queries] */
    float *total;   /* [queries], of the weights */
} running;

/* the rows of a dense array */
static void name_rows(const float *x, int64_t rows, int64_t stride, const float **names)
{
    for (int64_t r = 0; r < rows; r++)
        names[r] = x + r * stride;
}

static void find_scores(const de_attention_block *block, int64_t begin, int64_t count, const running *run)
{
    const float *rows[DE_ATTENTION_QUERIES];
    name_rows(block->q, block->queries, block->q_stride, rows);
    de_gemm_avx2(&(de_gemm){
        .rows = block->queries, .taps = 1, .depth = block->d, .columns = de_round_up(count, DE_PANEL), .x = rows,
        .panels = block->packed_keys + begin * block->d,
        .y = run->scores, .y_stride = DE_ATTENTION_KEYS,
    });
}

static void scale_row(float *x, int64_t count, float factor)
{
    for (int64_t i = 0; i < count; i += DE_LANES)
        _mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(factor)));
}

/* The scores of one query with the first `seen` of `padded` keys, a multiple of 16, become weights. */
static void weigh(const running *run, int64_t query, int64_t seen, int64_t padded)
{
    float *scores = run->scores + query * DE_ATTENTION_KEYS;
    __m256 high0 = _mm256_set1_ps(-INFINITY), high1 = high0;
    for (int64_t i = seen; i < padded; i++)
        scores[i] = -INFINITY;
    for (int64_t i = 0; i < padded; i += DE_PANEL) {
        high0 = _mm256_max_ps(high0, _mm256_loadu_ps(scores + i));
        high1 = _mm256_max_ps(high1, _mm256_loadu_ps(scores + i + DE_LANES));
    }
    float highest = de_highest_lane(_mm256_max_ps(high0, high1));
    if (highest > run->highest[query]) {
        float factor = exp2f(run->highest[query] - highest);
        run->total[query] *= factor;
        scale_row(run->sums + query * run->sums_stride, run->sums_stride, factor);
        run->highest[query] = highest;
    }
    __m256 top = _mm256_set1_ps(run->highest[query]), total0 = _mm256_setzero_ps(), total1 = total0;
    for (int64_t i = 0; i < padded; i += DE_PANEL) {
        __m256 weight0 = de_exp2_avx2(_mm256_sub_ps(_mm256_loadu_ps(scores + i), top));
        __m256 weight1 = de_exp2_avx2(_mm256_sub_ps(_mm256_loadu_ps(scores + i + DE_LANES), top));
        _mm256_storeu_ps(scores + i, weight0);
        _mm256_storeu_ps(scores + i + DE_LANES, weight1);
        total0 = _mm256_add_ps(total0, weight0);
        total1 = _mm256_add_ps(total1, weight1);
    }
    run->total[query] += de_sum_lanes(_mm256_add_ps(total0, total1));
}

static void weigh_all(const de_attention_block *block, int64_t begin, int64_t count, const running *run)
{
    int64_t padded = de_round_up(count, DE_PANEL);
    for (int64_t query = 0; query < block->queries; query++) {
        int64_t seen = count;
        if (block->causal && block->first_query + query + 1 - begin < seen)
            seen = block->first_query + query + 1 - begin;
        weigh(run, query, seen > 0 ? seen : 0, padded);
    }
}

static void add_values(const de_attention_block *block, int64_t begin, int64_t count, const running *run)
{
    const float *rows[DE_ATTENTION_QUERIES];
    name_rows(run->scores, block->queries, DE_ATTENTION_KEYS, rows);
    de_gemm_avx2(&(de_gemm){
        .rows = block->queries, .taps = 1, .depth = count, .columns = de_round_up(block->d, DE_LANES), .x = rows,
        .panels = block->packed_values + begin * de_round_up(block->d, DE_PANEL),
        .residual = run->sums, .y = run->sums, .y_stride = run->sums_stride,
    });
}

static void store(const de_attention_block *block, const running *run)
{
    for (int64_t query = 0; query < block->queries; query++) {
        __m256 factor = _mm256_set1_ps(1.0f / run->total[query]);
        for (int64_t i = 0; i < block->d; i += DE_LANES) {
            __m256 sum = _mm256_loadu_ps(run->sums + query * run->sums_stride + i);
            de_store_first(block->y + query * block->y_stride + i, block->d - i, _mm256_mul_ps(sum, factor));
        }
    }
}

void de_attention_avx2(const de_attention_block *block)
{
    running run = {.scores = block->scratch, .sums_stride = de_round_up(block->d, DE_PANEL)};
    run.sums = run.scores + DE_ATTENTION_QUERIES * DE_ATTENTION_KEYS;
    run.highest = run.sums + DE_ATTENTION_QUERIES * run.sums_stride;
    run.total = run.highest + DE_ATTENTION_QUERIES;
    memset(run.sums, 0, (size_t)(block->queries * run.sums_stride) * sizeof(float));
    for (int64_t query = 0; query < block->queries; query++) {
        run.highest[query] = -INFINITY;
        run.total[query] = 0;
    }
    int64_t keys = block->keys;
    if (block->causal && block->first_query + block->queries < keys)
        keys = block->first_query + block->queries;
    for (int64_t begin = 0; begin < keys; begin += DE_ATTENTION_KEYS) {
        /* whole blocks, as the values are packed; keys that nobody sees are masked */
        int64_t left = block->keys - begin, count = left < DE_ATTENTION_KEYS ? left : DE_ATTENTION_KEYS;
        find_scores(block, begin, count, &run);
        weigh_all(block, begin, count, &run);
        add_values(block, begin, count, &run);
    }
    store(block, &run);
}
