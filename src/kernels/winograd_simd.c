#include "kernels/tables.h"
#include "kernels/vector.h"
#include "kernels/functions_simd.h"
#include "kernels/i16.h"
#include "kernels/winograd_points.h"

enum { TAPS = 3, IN = DE_WINOGRAD_IN, MAX_OUT = DE_WINOGRAD_MAX_OUT, PAIR_POINTS = 2 * IN };

/* The rows between the two passes of a transform are kept for this many channels: 6 x 6 of them
 * stay in the first level cache. */
enum { CHANNEL_BLOCK = 64 };

/* ---- weights ---- */

/* g [3] becomes the two taps that it is for odd or even pixels. */
static inline void join_taps(de_floats *g, de_taps taps)
{
    if (taps == DE_TAPS_ODD) {
        g[0] = de_add(g[0], g[1]);
        g[1] = g[2];
    } else if (taps == DE_TAPS_EVEN) {
        g[1] = de_add(g[1], g[2]);
    }
}

/* The two points of a pair from g [3], or [2] if `two`: 0 and infinity, or +-p. */
static inline void weights_pair(const de_floats *g, const bool two, int pair, de_floats *points)
{
    if (pair == 0) {
        points[0] = g[0];
        points[1] = two ? g[1] : g[2];
        return;
    }
    float p = pair == 1 ? DE_P : DE_Q;
    de_floats even = two ? g[0] : de_mul_add(de_splat(p * p), g[2], g[0]);
    points[0] = de_mul_add(de_splat(p), g[1], even);
    points[1] = de_neg_mul_add(de_splat(p), g[1], even);
}

/* Rows `pair` of the points of DE_LANES columns of one channel, value `at` of the panel: in their
 * order, [2, 6]. */
DE_INLINE void points_of(const de_winograd_weights *weights, int64_t at, const int pair,
                         const de_kind kind, const bool two, de_floats *points)
{
    static const int places[3][2] = {{0, 5}, {1, 2}, {3, 4}};
    int64_t begin = weights->begin * DE_PANEL + at, stride = weights->channels * DE_PANEL;
    de_floats rows[2][TAPS];
#pragma GCC unroll 3
    for (int x = 0; x < TAPS; x++) {
        de_floats g[TAPS], both[2];
#pragma GCC unroll 3
        for (int y = 0; y < TAPS; y++)
            g[y] = de_load_panel(weights->panel, kind, (y * TAPS + x) * stride + begin);
        if (two)
            join_taps(g, weights->rows);
        weights_pair(g, two, pair, both);
        rows[0][x] = both[0];
        rows[1][x] = both[1];
    }
#pragma GCC unroll 2
    for (int row = 0; row < 2; row++) {
        if (two)
            join_taps(rows[row], weights->columns);
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) {
            de_floats both[2];
            weights_pair(rows[row], two, i, both);
            points[row * IN + places[i][0]] = both[0];
            points[row * IN + places[i][1]] = both[1];
        }
    }
}

/* f32: out [2, 6] of [count, 16] */
DE_INLINE void store_floats(const de_winograd_weights *weights, const int pair, const de_kind kind,
                            const bool two)
{
    float *out = weights->out;
    for (int64_t at = 0; at < weights->count * DE_PANEL; at += DE_LANES) {
        de_floats points[PAIR_POINTS];
        points_of(weights, at, pair, kind, two, points);
#pragma GCC unroll 12
        for (int i = 0; i < PAIR_POINTS; i++)
            de_store(out + i * weights->point_stride + at, points[i]);
    }
}

/* What the lanes of a vector of columns are multiplied with: [2, 6] of [DE_LANES]. */
static void factors_of(const de_winograd_weights *weights, int first_column, float *factors)
{
    for (int i = 0; i < PAIR_POINTS; i++)
        for (int lane = 0; lane < DE_LANES; lane++)
            factors[i * DE_LANES + lane] = de_i16_factor_of(
                weights->scales[i * weights->scale_stride + first_column + lane]);
}

/* int16: out [2, 6] of [ceil(count / 2), 16, 2] */
DE_INLINE void store_integers(const de_winograd_weights *weights, const int pair,
                              const de_kind kind, const bool two)
{
    float factors[PAIR_POINTS * DE_LANES] __attribute__((aligned(64)));
    for (int column = 0; column < DE_PANEL; column += DE_LANES) {
        int16_t *out = (int16_t *)weights->out + 2 * column;
        factors_of(weights, column, factors);
        for (int64_t k = 0; k < weights->count; k += 2) {
            de_floats points[PAIR_POINTS];
            de_ints even[PAIR_POINTS];
            points_of(weights, k * DE_PANEL + column, pair, kind, two, points);
#pragma GCC unroll 12
            for (int i = 0; i < PAIR_POINTS; i++)
                even[i] = de_ints_of(de_mul(points[i], de_load(factors + i * DE_LANES)));
            if (k + 1 < weights->count)
                points_of(weights, (k + 1) * DE_PANEL + column, pair, kind, two, points);
            else
                for (int i = 0; i < PAIR_POINTS; i++)
                    points[i] = de_splat(0);
#pragma GCC unroll 12
            for (int i = 0; i < PAIR_POINTS; i++)
                de_store_pairs(out + i * weights->point_stride + k * DE_PANEL, even[i],
                               de_ints_of(de_mul(points[i], de_load(factors + i * DE_LANES))));
        }
    }
}

/* scales [2, 6] of [16] */
DE_INLINE void measure(const de_winograd_weights *weights, const int pair, const de_kind kind,
                       const bool two, float *scales)
{
    float most[DE_LANES], squares[DE_LANES];
    for (int column = 0; column < DE_PANEL; column += DE_LANES) {
        de_floats largest[PAIR_POINTS], sums[PAIR_POINTS];
        for (int i = 0; i < PAIR_POINTS; i++)
            largest[i] = sums[i] = de_splat(0);
        for (int64_t k = 0; k < weights->count; k++) {
            de_floats points[PAIR_POINTS];
            points_of(weights, k * DE_PANEL + column, pair, kind, two, points);
#pragma GCC unroll 12
            for (int i = 0; i < PAIR_POINTS; i++) {
                largest[i] = de_max(largest[i], de_abs(points[i]));
                sums[i] = de_mul_add(points[i], points[i], sums[i]);
            }
        }
        for (int i = 0; i < PAIR_POINTS; i++) {
            de_store(most, largest[i]);
            de_store(squares, sums[i]);
            for (int lane = 0; lane < DE_LANES; lane++)
                scales[i * weights->scale_stride + column + lane] = de_i16_scale_of(
                    most[lane], squares[lane], weights->count);
        }
    }
}

/* What is done with the points. */
typedef enum weights_purpose { FLOATS, INTEGERS, SCALES } weights_purpose;

DE_INLINE void weights_of_pair(const de_winograd_weights *weights, const int pair,
                               const de_kind kind, const bool two, const weights_purpose purpose,
                               float *scales)
{
    /* A copy, which stores of vectors cannot change, stays in registers. */
    const de_winograd_weights job = *weights;
    if (purpose == FLOATS)
        store_floats(&job, pair, kind, two);
    else if (purpose == INTEGERS)
        store_integers(&job, pair, kind, two);
    else
        measure(&job, pair, kind, two, scales);
}

DE_INLINE void weights_of(const de_winograd_weights *weights, const de_kind kind, const bool two,
                          const weights_purpose purpose, float *scales)
{
    switch (weights->pair) {
    case 0: weights_of_pair(weights, 0, kind, two, purpose, scales); return;
    case 1: weights_of_pair(weights, 1, kind, two, purpose, scales); return;
    default: weights_of_pair(weights, 2, kind, two, purpose, scales); return;
    }
}

DE_INLINE void weights_for(const de_winograd_weights *weights, const weights_purpose purpose,
                           float *scales)
{
    bool two = weights->rows != DE_TAPS_ALL;
    switch ((weights->kind == DE_KIND_F16 ? 1 : 0) + (two ? 2 : 0)) {
    case 0: weights_of(weights, DE_KIND_F32, false, purpose, scales); return;
    case 1: weights_of(weights, DE_KIND_F16, false, purpose, scales); return;
    case 2: weights_of(weights, DE_KIND_F32, true, purpose, scales); return;
    default: weights_of(weights, DE_KIND_F16, true, purpose, scales); return;
    }
}

void DE_KERNEL(de_winograd_weights)(const de_winograd_weights *weights)
{
    if (weights->scales)
        weights_for(weights, INTEGERS, NULL);
    else
        weights_for(weights, FLOATS, NULL);
}

void DE_KERNEL(de_winograd_scales)(const de_winograd_weights *weights, float *scales)
{
    weights_for(weights, SCALES, scales);
}

/* ---- input ---- */

/* B^T d */
static inline void transform_input(const de_floats *d, de_floats *points)
{
    de_floats p_even = de_neg_mul_add(de_splat(DE_Q2), d[2], d[4]);
    de_floats p_odd = de_mul(de_splat(DE_P), de_neg_mul_add(de_splat(DE_Q2), d[1], d[3]));
    de_floats q_even = de_neg_mul_add(de_splat(DE_P2), d[2], d[4]);
    de_floats q_odd = de_mul(de_splat(DE_Q), de_neg_mul_add(de_splat(DE_P2), d[1], d[3]));
    points[0] = de_mul_add(de_splat(DE_N_0), d[4], de_neg_mul_add(de_splat(DE_R), d[2], d[0]));
    points[1] = de_add(p_even, p_odd);
    points[2] = de_sub(p_even, p_odd);
    points[3] = de_add(q_even, q_odd);
    points[4] = de_sub(q_even, q_odd);
    points[5] = de_mul_add(de_splat(DE_P2Q2), d[1],
                           de_neg_mul_add(de_splat(DE_P2 + DE_Q2), d[3], d[5]));
}

/* The first `count` channels of a vector, of a column of six pixels: rows [6] of [CHANNEL_BLOCK],
 * IN * CHANNEL_BLOCK floats apart. */
DE_INLINE void input_lanes(const float *const *column, const float *const *next, int64_t c,
                           int64_t count, float *rows)
{
    de_floats d[IN], points[IN];
#pragma GCC unroll 6
    for (int y = 0; y < IN; y++)
        d[y] = de_load_first(column[y] + c, count);
    if (next)
#pragma GCC unroll 6
        for (int y = 0; y < IN; y++)
            __builtin_prefetch(next[y * IN] + c, 0, 2);
    transform_input(d, points);
#pragma GCC unroll 6
    for (int y = 0; y < IN; y++)
        de_store(rows + y * IN * CHANNEL_BLOCK, points[y]);
}

/* Channels begin..end. */
static void input_column(const float *const *pixels, const float *const *next, int64_t begin,
                         int64_t end, float *rows)
{
    const float *column[IN];
    for (int y = 0; y < IN; y++)
        column[y] = pixels[y * IN];
    int64_t c = begin;
    for (; c + DE_LANES <= end; c += DE_LANES)
        input_lanes(column, next, c, DE_LANES, rows + c - begin);
    if (c < end)
        input_lanes(column, next, c, end - c, rows + c - begin);
}

/* One row of six points of the first pass, `count` channels, to the six points of the second. */
static void input_row(const float *row, int64_t count, float *out, int64_t point_stride)
{
    for (int64_t c = 0; c < count; c += DE_LANES) {
        de_floats d[IN], points[IN];
#pragma GCC unroll 6
        for (int x = 0; x < IN; x++)
            d[x] = de_load(row + x * CHANNEL_BLOCK + c);
        transform_input(d, points);
#pragma GCC unroll 6
        for (int x = 0; x < IN; x++)
            de_store(out + x * point_stride + c, points[x]);
    }
}

void DE_KERNEL(de_winograd_input)(const float *const *pixels, const float *const *next,
                                  int64_t channels, float *out, int64_t point_stride)
{
    float rows[IN][IN][CHANNEL_BLOCK] __attribute__((aligned(64)));
    for (int64_t begin = 0; begin < channels; begin += CHANNEL_BLOCK) {
        int64_t end = channels - begin < CHANNEL_BLOCK ? channels : begin + CHANNEL_BLOCK;
        for (int x = 0; x < IN; x++)
            input_column(pixels + x, next ? next + x : NULL, begin, end, rows[0][x]);
        for (int y = 0; y < IN; y++)
            input_row(rows[y][0], end - begin, out + y * IN * point_stride + begin, point_stride);
    }
}

/* ---- output ---- */

static inline de_floats scaled_sum(float a, de_floats x, float b, de_floats y)
{
    return de_mul_add(de_splat(b), y, de_mul(de_splat(a), x));
}

static inline de_floats add_scaled(float a, de_floats x, float b, de_floats y, de_floats z)
{
    return de_mul_add(de_splat(b), y, de_mul_add(de_splat(a), x, z));
}

/* A^T m, of four or five outputs */
DE_INLINE void transform_output(const de_floats *m, const int outputs, de_floats *y)
{
    de_floats p_even = de_add(m[1], m[2]), p_odd = de_sub(m[1], m[2]);
    de_floats q_even = de_add(m[3], m[4]), q_odd = de_sub(m[3], m[4]);
    y[0] = add_scaled(DE_N_P, p_even, DE_N_Q, q_even, m[0]);
    y[1] = scaled_sum(DE_N_P * DE_P, p_odd, DE_N_Q * DE_Q, q_odd);
    y[2] = scaled_sum(DE_N_P * DE_P2, p_even, DE_N_Q * DE_Q2, q_even);
    if (outputs == 4) {
        y[3] = add_scaled(DE_N_P * DE_P3, p_odd, DE_N_Q * DE_Q3, q_odd, m[5]);
    } else {
        y[3] = scaled_sum(DE_N_P * DE_P3, p_odd, DE_N_Q * DE_Q3, q_odd);
        y[4] = add_scaled(DE_N_P * DE_P4, p_even, DE_N_Q * DE_Q4, q_even, m[5]);
    }
}

/* One column of six products, `count` channels: rows [outputs] of [CHANNEL_BLOCK], IN *
 * CHANNEL_BLOCK floats apart. */
DE_INLINE void output_column(const float *products, int64_t point_stride, int64_t count,
                             const int outputs, float *rows)
{
    for (int64_t c = 0; c < count; c += DE_LANES) {
        de_floats m[IN], points[MAX_OUT];
#pragma GCC unroll 6
        for (int y = 0; y < IN; y++)
            m[y] = de_load(products + y * IN * point_stride + c);
        transform_output(m, outputs, points);
#pragma GCC unroll 5
        for (int y = 0; y < outputs; y++)
            de_store(rows + y * IN * CHANNEL_BLOCK + c, points[y]);
    }
}

/* The first `count` channels of a vector, of row y of the tile, from the first pass's row. A
 * `plain` tile keeps all its columns, and has no activation. */
DE_INLINE void output_lanes(const de_winograd_output *tile, const float *row, int y,
                            int64_t channel, int64_t count, const int outputs, const bool plain)
{
    de_floats m[IN], points[MAX_OUT], bias = de_load(tile->bias + channel);
#pragma GCC unroll 6
    for (int x = 0; x < IN; x++)
        m[x] = de_load(row + x * CHANNEL_BLOCK);
    transform_output(m, outputs, points);
#pragma GCC unroll 5
    for (int x = 0; x < outputs; x++) {
        if (!plain && (x < tile->left || x >= tile->width))
            continue;
        int64_t at = tile->first + y * tile->row_stride + x * tile->column_stride + channel;
        de_floats value = de_add(points[x], bias);
        if (!plain)
            value = de_activate(value, tile->activation);
        if (tile->residual)
            value = de_add(value, de_load_first(tile->residual + at, count));
        de_store_first(tile->y + at, count, value);
    }
}

/* Channels begin..begin + count. */
DE_INLINE void output_row(const de_winograd_output *tile, const float *row, int y, int64_t begin,
                          int64_t count, const int outputs, const bool plain)
{
    int64_t c = 0;
    for (; c + DE_LANES <= count; c += DE_LANES)
        output_lanes(tile, row + c, y, begin + c, DE_LANES, outputs, plain);
    if (c < count)
        output_lanes(tile, row + c, y, begin + c, count - c, outputs, plain);
}

DE_INLINE void output_tile(const de_winograd_output *tile, const int outputs, const bool plain)
{
    float rows[MAX_OUT][IN][CHANNEL_BLOCK] __attribute__((aligned(64)));
    for (int64_t begin = 0; begin < tile->channels; begin += CHANNEL_BLOCK) {
        int64_t count = tile->channels - begin < CHANNEL_BLOCK ? tile->channels - begin
                                                               : CHANNEL_BLOCK;
        for (int x = 0; x < IN; x++)
            output_column(tile->products + x * tile->point_stride + begin, tile->point_stride,
                          count, outputs, rows[0][x]);
        for (int y = tile->top; y < tile->height; y++)
            output_row(tile, rows[y][0], y, begin, count, outputs, plain);
    }
}

void DE_KERNEL(de_winograd_output)(const de_winograd_output *tile)
{
    const de_winograd_output job = *tile; /* in registers, as above */
    bool plain = job.left == 0 && job.width == job.outputs && job.activation == DE_NONE;
    if (job.outputs == 4 && plain)
        output_tile(&job, 4, true);
    else if (job.outputs == 4)
        output_tile(&job, 4, false);
    else if (plain)
        output_tile(&job, 5, true);
    else
        output_tile(&job, 5, false);
}
