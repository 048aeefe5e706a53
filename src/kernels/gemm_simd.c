#include "kernels/functions_simd.h"
#include "kernels/tables.h"
#include "kernels/vector.h"

/* The sums of a tile stay in registers over all taps and the whole depth: 12 of AVX2's 16 registers
 * are sums, two hold weights and one the value of x. Every k costs 8 loads and 12 FMAs there, so
 * the two FMA units are the limit. The last columns are done fewer vectors and more rows at a time.
 */
enum { MAX_ROWS = DE_NARROW_ROWS, TILE_COLUMNS = DE_TILE_VECTORS * DE_LANES };

/* The weights of some columns, and what becomes of their sums. */
typedef struct panels_side {
    const char *panel;   /* of the first column */
    int64_t panel_bytes; /* from one panel to the next */
    const float *scales; /* int16: [columns] */
    const float *bias;   /* [columns] */
} panels_side;

/* Where sums go: y [rows, columns] = sums + bias + add. */
typedef struct tile_output {
    const float *add; /* NULL, or with y's rows */
    float *y;
    int64_t stride;
} tile_output;

/* Where vector v of a row of panels is, as bytes: row k of panel 0 begins at 0. */
DE_INLINE const char *vector_of(const panels_side *side, int v, int64_t lane_bytes)
{
    return side->panel + v / DE_PANEL_VECTORS * side->panel_bytes +
           v % DE_PANEL_VECTORS * DE_LANES * lane_bytes;
}

/* `rows`, `vectors` and `kind` are constants wherever they are parameters. */
DE_INLINE void sum_floats(const de_gemm *gemm, const panels_side *side, int64_t first,
                          const int rows, const int vectors, const de_kind kind,
                          de_floats (*sums)[DE_TILE_VECTORS])
{
    const char *weights[DE_TILE_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        weights[v] = vector_of(side, v, kind == DE_KIND_F16 ? 2 : 4);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sums[r][v] = de_load(side->bias + v * DE_LANES);

    const int64_t depth = gemm->depth;
    for (int64_t tap = 0; tap < gemm->taps; tap++) {
        const float *x[MAX_ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
            x[r] = gemm->x[tap * gemm->rows + first + r];
#pragma GCC unroll 8
        for (int64_t k = 0; k < depth; k++) {
            /* Unrolled further, by hand, gcc would fold the loads of x into the FMAs, at half the
             * speed. */
            de_floats w[DE_TILE_VECTORS];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                w[v] = de_load_panel(weights[v], kind, (tap * depth + k) * DE_PANEL);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                de_floats value = de_splat_at(x[r] + k);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; v++)
                    sums[r][v] = de_mul_add(value, w[v], sums[r][v]);
            }
        }
    }
}

/* The same of int16, whose sums become floats at the end. */
DE_INLINE void sum_pairs(const de_gemm *gemm, const panels_side *side, int64_t first,
                         const int rows, const int vectors, de_floats (*sums)[DE_TILE_VECTORS])
{
    de_ints whole[MAX_ROWS][DE_TILE_VECTORS];
    const int16_t *x[MAX_ROWS];
    const char *weights[DE_TILE_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        weights[v] = vector_of(side, v, 4);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        x[r] = gemm->x[first + r];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            whole[r][v] = de_no_ints();
    }

    const int64_t pairs = (gemm->depth + 1) / 2;
#pragma GCC unroll 4
    for (int64_t k = 0; k < pairs; k++) {
        de_pairs w[DE_TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            w[v] = de_load_pairs((const int16_t *)(const void *)weights[v] + k * 2 * DE_PANEL);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            de_pairs value = de_splat_pair(x[r] + 2 * k);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                whole[r][v] = de_dot_pairs(whole[r][v], value, w[v]);
        }
    }

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        de_floats row_scale = de_splat_at(gemm->row_scales + first + r);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            de_floats scale = de_mul(row_scale, de_load(side->scales + v * DE_LANES));
            sums[r][v] = de_add(de_mul(de_floats_of(whole[r][v]), scale),
                                de_load(side->bias + v * DE_LANES));
        }
    }
}

/* The tile of all products. */
DE_INLINE void sum_tile(const de_gemm *gemm, const panels_side *side, int64_t first, const int rows,
                        const int vectors, const de_kind kind, const tile_output *out)
{
    de_floats sums[MAX_ROWS][DE_TILE_VECTORS];
    if (kind == DE_KIND_I16)
        sum_pairs(gemm, side, first, rows, vectors, sums);
    else
        sum_floats(gemm, side, first, rows, vectors, kind, sums);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            int64_t at = r * out->stride + v * DE_LANES;
            if (out->add)
                sums[r][v] = de_add(sums[r][v], de_load(out->add + at));
            de_store(out->y + at, sums[r][v]);
        }
    }
}

/* Tiles below each other in one call: at a depth of 40 a call for each would be a twentieth. */
DE_INLINE void sum_tiles(const de_gemm *gemm, const panels_side *side, int64_t first, int64_t tiles,
                         const int rows, const int vectors, const de_kind kind,
                         const tile_output *out)
{
    tile_output tile = *out;
    for (int64_t i = 0; i < tiles; i++) {
        sum_tile(gemm, side, first + i * rows, rows, vectors, kind, &tile);
        tile.y += rows * tile.stride;
        if (tile.add)
            tile.add += rows * tile.stride;
    }
}

/* Fewer vectors than a whole tile. */
DE_INLINE void sum_narrow(const de_gemm *gemm, const panels_side *side, int64_t first,
                          int64_t tiles, int rows, const int vectors, const de_kind kind,
                          const tile_output *out)
{
    switch (rows) {
    case 8: sum_tiles(gemm, side, first, tiles, 8, vectors, kind, out); return;
    case 7: sum_tiles(gemm, side, first, tiles, 7, vectors, kind, out); return;
    case 6: sum_tiles(gemm, side, first, tiles, 6, vectors, kind, out); return;
    case 5: sum_tiles(gemm, side, first, tiles, 5, vectors, kind, out); return;
    case 4: sum_tiles(gemm, side, first, tiles, 4, vectors, kind, out); return;
    case 3: sum_tiles(gemm, side, first, tiles, 3, vectors, kind, out); return;
    case 2: sum_tiles(gemm, side, first, tiles, 2, vectors, kind, out); return;
    default: sum_tiles(gemm, side, first, tiles, 1, vectors, kind, out); return;
    }
}

DE_INLINE void sum_rows(const de_gemm *gemm, const panels_side *side, int64_t first, int64_t tiles,
                        int rows, int vectors, const de_kind kind, const tile_output *out)
{
    enum { WHOLE = DE_TILE_VECTORS };
    if (vectors < WHOLE) {
        if (WHOLE > 2 && vectors == 2)
            sum_narrow(gemm, side, first, tiles, rows, 2, kind, out);
        else
            sum_narrow(gemm, side, first, tiles, rows, 1, kind, out);
        return;
    }
    switch (rows) {
    case 6: sum_tiles(gemm, side, first, tiles, 6, WHOLE, kind, out); return;
    case 5: sum_tiles(gemm, side, first, tiles, 5, WHOLE, kind, out); return;
    case 4: sum_tiles(gemm, side, first, tiles, 4, WHOLE, kind, out); return;
    case 3: sum_tiles(gemm, side, first, tiles, 3, WHOLE, kind, out); return;
    case 2: sum_tiles(gemm, side, first, tiles, 2, WHOLE, kind, out); return;
    default: sum_tiles(gemm, side, first, tiles, 1, WHOLE, kind, out); return;
    }
}

typedef void sum_function(const de_gemm *gemm, const panels_side *side, int64_t first,
                          int64_t tiles, int rows, int vectors, const tile_output *out);

static void sum_rows_f32(const de_gemm *gemm, const panels_side *side, int64_t first, int64_t tiles,
                         int rows, int vectors, const tile_output *out)
{
    sum_rows(gemm, side, first, tiles, rows, vectors, DE_KIND_F32, out);
}

static void sum_rows_f16(const de_gemm *gemm, const panels_side *side, int64_t first, int64_t tiles,
                         int rows, int vectors, const tile_output *out)
{
    sum_rows(gemm, side, first, tiles, rows, vectors, DE_KIND_F16, out);
}

static void sum_rows_i16(const de_gemm *gemm, const panels_side *side, int64_t first, int64_t tiles,
                         int rows, int vectors, const tile_output *out)
{
    sum_rows(gemm, side, first, tiles, rows, vectors, DE_KIND_I16, out);
}

static sum_function *const sum_functions[] = {
    [DE_KIND_F32] = sum_rows_f32, [DE_KIND_F16] = sum_rows_f16, [DE_KIND_I16] = sum_rows_i16};

/* Rows first.. of `width` columns from `column` on: sums in `tile` [rows, TILE_COLUMNS] to y. */
DE_INLINE void finish(const de_gemm *gemm, int64_t first, int rows, int64_t column, int64_t width,
                      const float *tile, const float *gates, const de_activation activation)
{
    for (int r = 0; r < rows; r++) {
        for (int64_t c = 0; c < width; c += DE_LANES) {
            int64_t at = (first + r) * gemm->y_stride + column + c;
            de_floats value = de_activate(de_load(tile + r * TILE_COLUMNS + c), activation);
            if (gates)
                value = de_mul(value, de_gelu(de_load(gates + r * TILE_COLUMNS + c)));
            if (gemm->residual)
                value = de_add(value, de_load_first(gemm->residual + at, width - c));
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

/* Columns that are done together. */
typedef struct column_strip {
    panels_side values, gates;
    int64_t column, width;
    int vectors;
} column_strip;

/* Tiles of `rows` rows from row `first` on. */
static void run_tiles(const de_gemm *gemm, const column_strip *strip, int64_t first, int64_t tiles,
                      int rows)
{
    float tile[MAX_ROWS * TILE_COLUMNS] __attribute__((aligned(64)));
    float gates[MAX_ROWS * TILE_COLUMNS] __attribute__((aligned(64)));
    sum_function *sum = sum_functions[gemm->kind];
    if (gemm->activation == DE_NONE && !gemm->gate && strip->width == strip->vectors * DE_LANES) {
        int64_t at = first * gemm->y_stride + strip->column;
        const float *add = gemm->residual ? gemm->residual + at : NULL;
        sum(gemm, &strip->values, first, tiles, rows, strip->vectors,
            &(tile_output){add, gemm->y + at, gemm->y_stride});
        return;
    }
    for (; tiles > 0; tiles--, first += rows) {
        sum(gemm, &strip->values, first, 1, rows, strip->vectors,
            &(tile_output){NULL, tile, TILE_COLUMNS});
        if (gemm->gate)
            sum(gemm, &strip->gates, first, 1, rows, strip->vectors,
                &(tile_output){NULL, gates, TILE_COLUMNS});
        finish_tile(gemm, first, rows, strip->column, strip->width, tile,
                    gemm->gate ? gates : NULL);
    }
}

/* All rows of a strip: whole tiles in one go, and then what de_tile_rows() makes of the rest. */
static void run_strip(const de_gemm *gemm, const column_strip *strip)
{
    int most = strip->vectors == DE_TILE_VECTORS ? DE_TILE_ROWS : DE_NARROW_ROWS;
    int64_t tiles = gemm->rows / most, rows;
    if (gemm->rows % most && tiles)
        tiles--;
    run_tiles(gemm, strip, 0, tiles, most);
    for (int64_t first = tiles * most; first < gemm->rows; first += rows) {
        rows = de_tile_rows(gemm->rows - first, most);
        run_tiles(gemm, strip, first, 1, (int)rows);
    }
}

static panels_side side_from(const de_gemm *gemm, const void *panels, const float *scales,
                             const float *bias, int64_t column)
{
    static const float no_bias[TILE_COLUMNS];
    bool i16 = gemm->kind == DE_KIND_I16;
    int64_t value_bytes = gemm->kind == DE_KIND_F32 ? 4 : 2,
            depth = i16 ? de_round_up(gemm->depth, 2) : gemm->taps * gemm->depth,
            lane_bytes = i16 ? 4 : value_bytes, panel_bytes = depth * DE_PANEL * value_bytes;
    return (panels_side){
        .panel = (const char *)panels + column / DE_PANEL * panel_bytes +
                 column % DE_PANEL * lane_bytes,
        .panel_bytes = panel_bytes,
        .scales = i16 ? scales + column : NULL,
        .bias = bias ? bias + column : no_bias,
    };
}

/* As many vectors as a tile has, or as the columns that are left still fill: 4, 2 or 1. */
static int vectors_of(int64_t columns)
{
    int64_t most = (columns + DE_LANES - 1) / DE_LANES;
    if (most >= DE_TILE_VECTORS)
        return DE_TILE_VECTORS;
    return most >= 2 ? 2 : 1;
}

void DE_KERNEL(de_gemm)(const de_gemm *gemm)
{
    int64_t width;
    for (int64_t column = 0; column < gemm->columns; column += width) {
        column_strip strip = {.column = column, .vectors = vectors_of(gemm->columns - column)};
        width = strip.vectors * DE_LANES;
        strip.width = gemm->columns - column < width ? gemm->columns - column : width;
        strip.values = side_from(gemm, gemm->panels, gemm->column_scales, gemm->bias, column);
        if (gemm->gate)
            strip.gates = side_from(gemm, gemm->gate, gemm->gate_scales, gemm->gate_bias, column);
        run_strip(gemm, &strip);
    }
}
