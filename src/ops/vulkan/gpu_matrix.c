#include "ops/vulkan/gpu_matrix.h"

/* f16 values of a row that stand in shared memory (a step, and what keeps rows in different banks),
 * and bytes of a convolution's window; as shaders/matrix_tile.glsl and window.glsl have them. */
enum { ROW = DE_MATRIX_STEP + 8, WINDOW = 12 };
/* GPUs have 20 to 150 cores, each of which works on a tile or a few at a time. */
enum { CORES = 64 };

/* The smallest invocations of `tile` that are not below `fewest` and whose parts are of whole
 * matrices, two beside each other where there are `pairs`: 64 sums in an invocation are as many as
 * leave room in its registers. Parts are square or twice as wide as high. */
static bool divide(de_matrix_tile *tile, const de_gpu_info *gpu, bool pairs)
{
    uint32_t columns = gpu->matrix.n * (pairs ? 2 : 1);
    for (; tile->invocations >= gpu->subgroup; tile->invocations /= 2) {
        uint32_t sums = tile->rows * tile->columns / (tile->invocations / gpu->subgroup);
        tile->part_columns = 1;
        while (tile->part_columns * tile->part_columns < sums)
            tile->part_columns *= 2;
        if (tile->part_columns > tile->columns)
            tile->part_columns = tile->columns;
        tile->part_rows = sums / tile->part_columns;
        if (tile->part_rows >= gpu->matrix.m && tile->part_columns >= columns)
            return true;
    }
    return false;
}

static uint32_t shared_bytes(const de_matrix_tile *tile, const de_gpu_info *gpu)
{
    uint32_t subgroups = tile->invocations / gpu->subgroup;
    return (tile->rows + tile->columns) * ROW * (uint32_t)sizeof(uint16_t) + tile->rows * WINDOW +
           subgroups * gpu->matrix.m * gpu->matrix.n * (uint32_t)sizeof(float);
}

/* How long it takes, in sums: the larger a tile is, the fewer values pass through shared memory for
 * each sum, but the more of them may lie beyond the product, and the fewer tiles there are for the
 * cores. */
static double cost(const de_matrix_tile *tile, int64_t rows, int64_t columns, double speed)
{
    int64_t tiles = de_divide_up(rows, tile->rows) * de_divide_up(columns, tile->columns);
    return (double)de_divide_up(tiles, CORES) * tile->rows * tile->columns / speed;
}

de_matrix_tile de_matrix_tile_choose(const de_gpu_info *gpu, int64_t rows, int64_t columns,
                                     bool pairs)
{
    static const struct {
        de_matrix_tile tile;
        double speed;
    } tiles[] = {{{.rows = 128, .columns = 128, .invocations = 256}, 1},
                 {{.rows = 128, .columns = 64, .invocations = 128}, 0.85},
                 {{.rows = 64, .columns = 64, .invocations = 128}, 0.7}};
    de_matrix_tile best = {0};
    double lowest = 0;
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        de_matrix_tile tile = tiles[i].tile;
        double spent = cost(&tile, rows, columns, tiles[i].speed);
        if (divide(&tile, gpu, pairs) && shared_bytes(&tile, gpu) <= gpu->shared_memory &&
            (!best.rows || spent < lowest)) {
            best = tile;
            lowest = spent;
        }
    }
    return best;
}

uint32_t de_matrix_width(int64_t count)
{
    return count % 8 == 0 ? 8 : count % 4 == 0 ? 4 : 1;
}

/* ---- attention ---- */

/* The subgroups of a workgroup, queries that they share and keys at a time */
enum { SUBGROUPS = 4, ROWS = 16, KEYS = 32 };
/* Columns that pass through shared memory at a time; sums of an invocation, which are as many as
 * leave room in its registers; and bytes that leave a core room for some workgroups. */
enum { MOST_PIECE = 96, MOST_SUMS = 72, MOST_BYTES = 32 << 10 };

static uint32_t round_up(uint32_t count, uint32_t unit)
{
    return (uint32_t)de_divide_up(count, unit) * unit;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* As shaders/attention_matrix.comp declares it */
static uint32_t attention_bytes(const de_attention_tile *tile, const de_gpu_info *gpu, uint32_t d)
{
    enum { PADDING = 8 };
    const de_matrix_shape *matrix = &gpu->matrix;
    uint32_t queries = SUBGROUPS / tile->parts * tile->rows;
    uint32_t halves = queries * (round_up(d, matrix->k) + PADDING) +
                      tile->keys * (tile->piece + PADDING) + queries * (tile->keys + PADDING);
    uint32_t words = SUBGROUPS * (matrix->m * matrix->n + 3 * tile->rows) + 1;
    return halves * (uint32_t)sizeof(uint16_t) + words * (uint32_t)sizeof(float);
}

/* Divides keys and columns among so many subgroups. Values have a column more than d. */
static void divide_attention(de_attention_tile *tile, const de_matrix_shape *matrix, uint32_t parts,
                             uint32_t d)
{
    uint32_t unit = larger(parts * matrix->n, matrix->k);
    uint32_t pieces = (uint32_t)de_divide_up(d + 1, larger(MOST_PIECE / unit * unit, unit));
    tile->parts = parts;
    tile->keys = larger(parts * matrix->n, KEYS);
    tile->piece = round_up((uint32_t)de_divide_up(d + 1, pieces), unit);
}

de_attention_tile de_attention_tile_choose(const de_gpu_info *gpu, uint32_t d)
{
    de_attention_tile tile = {.invocations = SUBGROUPS * gpu->subgroup,
                              .rows = larger(ROWS, gpu->matrix.m)};
    uint32_t most = MOST_SUMS * gpu->subgroup, sums;
    for (uint32_t parts = 1; parts <= SUBGROUPS; parts *= 2) {
        divide_attention(&tile, &gpu->matrix, parts, d);
        sums = tile.rows * round_up(d + 1, parts * gpu->matrix.n) / parts;
        if (sums <= most && attention_bytes(&tile, gpu, d) <= MOST_BYTES)
            return tile;
    }
    if (sums > most)
        tile.rows = gpu->matrix.m;
    if (attention_bytes(&tile, gpu, d) > gpu->shared_memory)
        tile.rows = 0;
    return tile;
}
