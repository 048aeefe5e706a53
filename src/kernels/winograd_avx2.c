#include "kernels/avx2.h"
#include "kernels/functions_avx2.h"
#include "kernels/winograd.h"

enum { TAPS = 3, IN = DE_WINOGRAD_IN, OUT = DE_WINOGRAD_OUT };

/* The rows between the two passes of a transform are kept for this many channels: 6 x 6 of them stay in the first
 * level cache. */
enum { CHANNEL_BLOCK = 64 };

static inline __m256 constant(float value)
{
    return _mm256_set1_ps(value);
}

/* ---- weights ---- */

static inline __m256 load_weights(const void *panel, bool half, int64_t at)
{
    if (half)
        return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)(const void *)((const uint16_t *)panel + at)));
    return _mm256_load_ps((const float *)panel + at);
}

/* The two points of a pair from g [3]: 0 and infinity, or +-p with n = 1 / (product of differences). */
static inline void weights_pair(const __m256 *g, int pair, __m256 *points)
{
    if (pair == 0) {
        points[0] = _mm256_mul_ps(constant(DE_N_0), g[0]);
        points[1] = g[2];
        return;
    }
    float n = pair == 1 ? DE_N_P : DE_N_Q, p = pair == 1 ? DE_P : DE_Q;
    __m256 even = _mm256_mul_ps(constant(n), _mm256_fmadd_ps(constant(p * p), g[2], g[0]));
    points[0] = _mm256_fmadd_ps(constant(n * p), g[1], even);
    points[1] = _mm256_fnmadd_ps(constant(n * p), g[1], even);
}

/* Eight columns of one channel: panel [9] of them, panel_stride values apart, -> out [2, 6], out_stride apart. */
static inline __attribute__((always_inline)) void weights_lanes(const void *panel, const bool half, int64_t at,
                                                                int64_t panel_stride, const int pair, float *out,
                                                                int64_t out_stride)
{
    static const int places[3][2] = {{0, 5}, {1, 2}, {3, 4}};
    __m256 rows[2][TAPS];
#pragma GCC unroll 3
    for (int x = 0; x < TAPS; x++) {
        __m256 g[TAPS], two[2];
#pragma GCC unroll 3
        for (int y = 0; y < TAPS; y++)
            g[y] = load_weights(panel, half, (y * TAPS + x) * panel_stride + at);
        weights_pair(g, pair, two);
        rows[0][x] = two[0];
        rows[1][x] = two[1];
    }
#pragma GCC unroll 2
    for (int row = 0; row < 2; row++) {
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) {
            __m256 two[2];
            weights_pair(rows[row], i, two);
            _mm256_store_ps(out + (row * IN + places[i][0]) * out_stride, two[0]);
            _mm256_store_ps(out + (row * IN + places[i][1]) * out_stride, two[1]);
        }
    }
}

static inline __attribute__((always_inline)) void weights_of_pair(const void *panel, const bool half,
                                                                  int64_t channels, int64_t begin, int64_t count,
                                                                  const int pair, float *out,
                                                                  int64_t point_stride)
{
    for (int64_t i = 0; i < count * DE_PANEL; i += DE_LANES)
        weights_lanes(panel, half, begin * DE_PANEL + i, channels * DE_PANEL, pair, out + i, point_stride);
}

void de_winograd_weights_avx2(const void *panel, bool half, int64_t channels, int64_t begin, int64_t count,
                              int pair, float *out, int64_t point_stride)
{
    switch (pair + (half ? 3 : 0)) {
    case 0: weights_of_pair(panel, false, channels, begin, count, 0, out, point_stride); return;
    case 1: weights_of_pair(panel, false, channels, begin, count, 1, out, point_stride); return;
    case 2: weights_of_pair(panel, false, channels, begin, count, 2, out, point_stride); return;
    case 3: weights_of_pair(panel, true, channels, begin, count, 0, out, point_stride); return;
    case 4: weights_of_pair(panel, true, channels, begin, count, 1, out, point_stride); return;
    default: weights_of_pair(panel, true, channels, begin, count, 2, out, point_stride); return;
    }
}

/* ---- input ---- */

/* B^T d */
static inline void transform_input(const __m256 *d, __m256 *points)
{
    __m256 p_even = _mm256_fnmadd_ps(constant(DE_Q2), d[2], d[4]);
    __m256 p_odd = _mm256_mul_ps(constant(DE_P), _mm256_fnmadd_ps(constant(DE_Q2), d[1], d[3]));
    __m256 q_even = _mm256_fnmadd_ps(constant(DE_P2), d[2], d[4]);
    __m256 q_odd = _mm256_mul_ps(constant(DE_Q), _mm256_fnmadd_ps(constant(DE_P2), d[1], d[3]));
    points[0] = _mm256_fmadd_ps(constant(DE_P2Q2), d[0], _mm256_fnmadd_ps(constant(DE_P2 + DE_Q2), d[2], d[4]));
    points[1] = _mm256_add_ps(p_even, p_odd);
    points[2] = _mm256_sub_ps(p_even, p_odd);
    points[3] = _mm256_add_ps(q_even, q_odd);
    points[4] = _mm256_sub_ps(q_even, q_odd);
    points[5] = _mm256_fmadd_ps(constant(DE_P2Q2), d[1], _mm256_fnmadd_ps(constant(DE_P2 + DE_Q2), d[3], d[5]));
}

/* One column of six pixels, channels begin..end: rows [6] of [CHANNEL_BLOCK], IN * CHANNEL_BLOCK floats apart. */
static void input_column(const float *const *pixels, int64_t begin, int64_t end, float *rows)
{
    const float *x[IN];
    for (int y = 0; y < IN; y++)
        x[y] = pixels[y * IN];
    for (int64_t c = begin; c < end; c += DE_LANES) {
        __m256 d[IN], points[IN];
#pragma GCC unroll 6
        for (int y = 0; y < IN; y++)
            d[y] = de_load_first(x[y] + c, end - c);
        transform_input(d, points);
#pragma GCC unroll 6
        for (int y = 0; y < IN; y++)
            _mm256_store_ps(rows + y * IN * CHANNEL_BLOCK + c - begin, points[y]);
    }
}

/* One row of six points of the first pass, `count` channels, to the six points of the second. */
static void input_row(const float *row, int64_t count, float *out, int64_t point_stride)
{
    for (int64_t c = 0; c < count; c += DE_LANES) {
        __m256 d[IN], points[IN];
#pragma GCC unroll 6
        for (int x = 0; x < IN; x++)
            d[x] = _mm256_load_ps(row + x * CHANNEL_BLOCK + c);
        transform_input(d, points);
#pragma GCC unroll 6
        for (int x = 0; x < IN; x++)
            _mm256_storeu_ps(out + x * point_stride + c, points[x]);
    }
}

void de_winograd_input_avx2(const float *const *pixels, int64_t channels, float *out, int64_t point_stride)
{
    float rows[IN][IN][CHANNEL_BLOCK] __attribute__((aligned(32)));
    for (int64_t begin = 0; begin < channels; begin += CHANNEL_BLOCK) {
        int64_t end = channels - begin < CHANNEL_BLOCK ? channels : begin + CHANNEL_BLOCK;
        for (int x = 0; x < IN; x++)
            input_column(pixels + x, begin, end, rows[0][x]);
        for (int y = 0; y < IN; y++)
            input_row(rows[y][0], end - begin, out + y * IN * point_stride + begin, point_stride);
    }
}

/* ---- output ---- */

/* A^T m */
static inline void transform_output(const __m256 *m, __m256 *y)
{
    __m256 p_even = _mm256_add_ps(m[1], m[2]), p_odd = _mm256_sub_ps(m[1], m[2]);
    __m256 q_even = _mm256_add_ps(m[3], m[4]), q_odd = _mm256_sub_ps(m[3], m[4]);
    y[0] = _mm256_add_ps(_mm256_add_ps(m[0], p_even), q_even);
    y[1] = _mm256_fmadd_ps(constant(DE_Q), q_odd, _mm256_mul_ps(constant(DE_P), p_odd));
    y[2] = _mm256_fmadd_ps(constant(DE_Q2), q_even, _mm256_mul_ps(constant(DE_P2), p_even));
    y[3] = _mm256_fmadd_ps(constant(DE_Q3), q_odd, _mm256_fmadd_ps(constant(DE_P3), p_odd, m[5]));
}

/* One column of six products, `count` channels: rows [4] of [CHANNEL_BLOCK], IN * CHANNEL_BLOCK floats apart. */
static void output_column(const float *products, int64_t point_stride, int64_t count, float *rows)
{
    for (int64_t c = 0; c < count; c += DE_LANES) {
        __m256 m[IN], points[OUT];
#pragma GCC unroll 6
        for (int y = 0; y < IN; y++)
            m[y] = _mm256_loadu_ps(products + y * IN * point_stride + c);
        transform_output(m, points);
#pragma GCC unroll 4
        for (int y = 0; y < OUT; y++)
            _mm256_store_ps(rows + y * IN * CHANNEL_BLOCK + c, points[y]);
    }
}

/* One row of the tile, channels begin..begin + count, from the first pass's row. */
static void output_row(const de_winograd_output *tile, const float *row, int y, int64_t begin, int64_t count)
{
    const float *residual = tile->residual ? tile->residual + y * tile->row_stride + begin : NULL;
    float *out = tile->y + y * tile->row_stride + begin;
    for (int64_t c = 0; c < count; c += DE_LANES) {
        __m256 m[IN], points[OUT], bias = _mm256_loadu_ps(tile->bias + begin + c);
#pragma GCC unroll 6
        for (int x = 0; x < IN; x++)
            m[x] = _mm256_load_ps(row + x * CHANNEL_BLOCK + c);
        transform_output(m, points);
#pragma GCC unroll 4
        for (int x = 0; x < OUT; x++) {
            if (x >= tile->width)
                break;
            int64_t at = x * tile->channels + c;
            __m256 value = de_activate_avx2(_mm256_add_ps(points[x], bias), tile->activation);
            if (residual)
                value = _mm256_add_ps(value, de_load_first(residual + at, count - c));
            de_store_first(out + at, count - c, value);
        }
    }
}

void de_winograd_output_avx2(const de_winograd_output *tile)
{
    float rows[OUT][IN][CHANNEL_BLOCK] __attribute__((aligned(32)));
    for (int64_t begin = 0; begin < tile->channels; begin += CHANNEL_BLOCK) {
        int64_t count = tile->channels - begin < CHANNEL_BLOCK ? tile->channels - begin : CHANNEL_BLOCK;
        for (int x = 0; x < IN; x++)
            output_column(tile->products + x * tile->point_stride + begin, tile->point_stride, count, rows[0][x]);
        for (int y = 0; y < tile->height; y++)
            output_row(tile, rows[y][0], y, begin, count);
    }
}
