#include "kernels/avx2.h"
#include "kernels/functions_avx2.h"

/* The sums of a tile stay in registers over all taps and the whole depth: 6 rows x 2 vectors take
 * 12 of the 16 registers, two hold weights and one the value of x. Every k costs 8 loads and 12
 * FMAs, so the two FMA units are the limit. A last panel of at most 8 columns is done 8 rows x 1
 * vector at a time. */
enum { TILE_ROWS = 6, NARROW_ROWS = 8, MAX_VECTORS = 2 };

/* Where sums go: y [rows, 16] = sums + bias + add. */
typedef struct tile_output {
    const float *bias;
    const float *add; /* NULL, or with y's rows */
    float *y;
    int64_t stride;
} tile_output;

static inline __attribute__((always_inline)) __m256 load_weights(const void *panel, bool half,
                                                                 int64_t at)
{
    if (half)
        return _mm256_cvtph_ps(
            _mm_load_si128((const __m128i *)(const void *)((const uint16_t *)panel + at)));
    return _mm256_load_ps((const float *)panel + at);
}

/* The loop of all products. `rows`, `vectors` and `half` are constants where it is called. */
static inline __attribute__((always_inline)) void sum_tile(const de_gemm *gemm, const void *panel,
                                                           int64_t first, const int rows,
                                                           const int vectors, const bool half,
                                                           const tile_output *out)
{
    __m256 sums[NARROW_ROWS][MAX_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sums[r][v] = _mm256_loadu_ps(out->bias + v * DE_LANES);

    const int64_t depth = gemm->depth;
    for (int64_t tap = 0; tap < gemm->taps; tap++) {
        const float *x[NARROW_ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
            x[r] = gemm->x[tap * gemm->rows + first + r];
            /* Unrolled further by hand, gcc would fold the loads of x into the FMAs, at half the
             * speed. */
#pragma GCC unroll 8
        for (int64_t k = 0; k < depth; k++) {
            __m256 w[MAX_VECTORS];
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                w[v] = load_weights(panel, half, (tap * depth + k) * DE_PANEL + v * DE_LANES);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                __m256 value = _mm256_broadcast_ss(x[r] + k);
#pragma GCC unroll 2
                for (int v = 0; v < vectors; v++)
                    sums[r][v] = _mm256_fmadd_ps(value, w[v], sums[r][v]);
            }
        }
    }

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            int64_t at = r * out->stride + v * DE_LANES;
            if (out->add)
                sums[r][v] = _mm256_add_ps(sums[r][v], _mm256_loadu_ps(out->add + at));
            _mm256_storeu_ps(out->y + at, sums[r][v]);
        }
    }
}

/* Tiles below each other in one call: at a depth of 40 a call for each would be a twentieth. */
static inline __attribute__((always_inline)) void sum_tiles(const de_gemm *gemm, const void *panel,
                                                            int64_t first, int64_t tiles,
                                                            const int rows, const int vectors,
                                                            const bool half, const tile_output *out)
{
    tile_output tile = *out;
    for (int64_t i = 0; i < tiles; i++) {
        sum_tile(gemm, panel, first + i * rows, rows, vectors, half, &tile);
        tile.y += rows * tile.stride;
        if (tile.add)
            tile.add += rows * tile.stride;
    }
}

static inline __attribute__((always_inline)) void sum_rows(const de_gemm *gemm, const void *panel,
                                                           int64_t first, int64_t tiles, int rows,
                                                           int vectors, const bool half,
                                                           const tile_output *out)
{
    if (vectors == 1) {
        switch (rows) {
        case 8: sum_tiles(gemm, panel, first, tiles, 8, 1, half, out); return;
        case 7: sum_tiles(gemm, panel, first, tiles, 7, 1, half, out); return;
        case 6: sum_tiles(gemm, panel, first, tiles, 6, 1, half, out); return;
        case 5: sum_tiles(gemm, panel, first, tiles, 5, 1, half, out); return;
        case 4: sum_tiles(gemm, panel, first, tiles, 4, 1, half, out); return;
        case 3: sum_tiles(gemm, panel, first, tiles, 3, 1, half, out); return;
        case 2: sum_tiles(gemm, panel, first, tiles, 2, 1, half, out); return;
        default: sum_tiles(gemm, panel, first, tiles, 1, 1, half, out); return;
        }
    }
    switch (rows) {
    case 6: sum_tiles(gemm, panel, first, tiles, 6, 2, half, out); return;
    case 5: sum_tiles(gemm, panel, first, tiles, 5, 2, half, out); return;
    case 4: sum_tiles(gemm, panel, first, tiles, 4, 2, half, out); return;
    case 3: sum_tiles(gemm, panel, first, tiles, 3, 2, half, out); return;
    case 2: sum_tiles(gemm, panel, first, tiles, 2, 2, half, out); return;
    default: sum_tiles(gemm, panel, first, tiles, 1, 2, half, out); return;
    }
}

static void sum_rows_f32(const de_gemm *gemm, const void *panel, int64_t first, int64_t tiles,
                         int rows, int vectors, const tile_output *out)
{
    sum_rows(gemm, panel, first, tiles, rows, vectors, false, out);
}

static void sum_rows_f16(const de_gemm *gemm, const void *panel, int64_t first, int64_t tiles,
                         int rows, int vectors, const tile_output *out)
{
    sum_rows(gemm, panel, first, tiles, rows, vectors, true, out);
}

/* Rows first.. of one panel, whose `width` columns begin at `column`: sums in `tile` [rows, 16] to
 * y. */
static inline __attribute__((always_inline)) void finish(const de_gemm *gemm, int64_t first,
                                                         int rows, int64_t column, int64_t width,
                                                         const float *tile, const float *gates,
                                                         const de_activation activation)
{
    for (int r = 0; r < rows; r++) {
        for (int64_t c = 0; c < width; c += DE_LANES) {
            int64_t at = (first + r) * gemm->y_stride + column + c;
            __m256 value = de_activate_avx2(_mm256_loadu_ps(tile + r * DE_PANEL + c), activation);
            if (gates)
                value = _mm256_mul_ps(value,
                                      de_gelu_avx2(_mm256_loadu_ps(gates + r * DE_PANEL + c)));
            if (gemm->residual)
                value = _mm256_add_ps(value, de_load_first(gemm->residual + at, width - c));
            de_store_first(gemm->y + at, width - c, value);
        }
    }
}

/* Gates have a loop of their own, which asks for no activation: 2 % of GEGLU at a depth of 320. */
static void finish_tile(const de_gemm *gemm, int64_t first, int rows, int64_t column, int64_t width,
                        const float *tile, const float *gates)
{
    if (gates)
        finish(gemm, first, rows, column, width, tile, gates, DE_NONE);
    else
        finish(gemm, first, rows, column, width, tile, NULL, gemm->activation);
}

typedef struct panel_view {
    const void *panel, *gate; /* gate NULL without one */
    const float *bias;        /* [16] */
    int64_t column, width;
} panel_view;

typedef void sum_function(const de_gemm *gemm, const void *panel, int64_t first, int64_t tiles,
                          int rows, int vectors, const tile_output *out);

/* Tiles of `rows` rows from row `first` on. */
static void run_tiles(const de_gemm *gemm, const panel_view *view, int64_t first, int64_t tiles,
                      int rows)
{
    float tile[NARROW_ROWS * DE_PANEL] __attribute__((aligned(32)));
    float gates[NARROW_ROWS * DE_PANEL] __attribute__((aligned(32)));
    int vectors = view->width > DE_LANES ? 2 : 1;
    sum_function *sum = gemm->half ? sum_rows_f16 : sum_rows_f32;
    if (gemm->activation == DE_NONE && !view->gate && view->width == vectors * DE_LANES) {
        int64_t at = first * gemm->y_stride + view->column;
        const float *add = gemm->residual ? gemm->residual + at : NULL;
        sum(gemm, view->panel, first, tiles, rows, vectors,
            &(tile_output){view->bias, add, gemm->y + at, gemm->y_stride});
        return;
    }
    for (; tiles > 0; tiles--, first += rows) {
        sum(gemm, view->panel, first, 1, rows, vectors,
            &(tile_output){view->bias, NULL, tile, DE_PANEL});
        if (view->gate)
            sum(gemm, view->gate, first, 1, rows, vectors,
                &(tile_output){gemm->gate_bias + view->column, NULL, gates, DE_PANEL});
        finish_tile(gemm, first, rows, view->column, view->width, tile, view->gate ? gates : NULL);
    }
}

/* All rows of a panel: whole tiles, and a small rest shared out (6 + 1 rows become 4 + 3), because
 * a tile of few rows waits for its own sums. */
static void run_panel(const de_gemm *gemm, const panel_view *view)
{
    int most = view->width > DE_LANES ? TILE_ROWS : NARROW_ROWS;
    int64_t rest = gemm->rows % most, tiles = gemm->rows / most;
    if (rest && tiles) {
        tiles--;
        rest += most;
    }
    int64_t first = tiles * most;
    run_tiles(gemm, view, 0, tiles, most);
    if (rest > most) {
        int upper = (int)(rest + 1) / 2;
        run_tiles(gemm, view, first, 1, upper);
        first += upper;
        rest -= upper;
    }
    if (rest)
        run_tiles(gemm, view, first, 1, (int)rest);
}

void de_gemm_avx2(const de_gemm *gemm)
{
    static const float no_bias[DE_PANEL];
    int64_t panel_bytes = gemm->taps * gemm->depth * DE_PANEL * (gemm->half ? 2 : 4);
    for (int64_t panel = 0; panel * DE_PANEL < gemm->columns; panel++) {
        panel_view view = {(const char *)gemm->panels + panel * panel_bytes,
                           gemm->gate ? (const char *)gemm->gate + panel * panel_bytes : NULL,
                           gemm->bias ? gemm->bias + panel * DE_PANEL : no_bias, panel * DE_PANEL,
                           gemm->columns - panel * DE_PANEL};
        if (view.width > DE_PANEL)
            view.width = DE_PANEL;
        run_panel(gemm, &view);
    }
}
