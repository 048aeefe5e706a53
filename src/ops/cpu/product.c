#include "ops/cpu/product.h"

#include <string.h>

#include "ops/cpu/cpu.h"
#include "ops/cpu/threads.h"

/* A block of rows is used for every panel of a task: it should stay in the second level cache (half
 * of 1 MB), while each panel is read from wherever it is. But each block reads all panels: at a
 * depth of 5120, where that cache would hold 24 rows, blocks of 192 are a quarter faster. Blocks
 * are of whole tiles (ROW_UNIT), and only those that share the work out evenly are smaller. */
enum {
    BLOCK_BYTES = 512 * 1024,
    MIN_ROWS = 192,
    MIN_EVEN_ROWS = 24,
    MAX_ROWS = 384,
    ROW_UNIT = 6,
    TASKS_PER_THREAD = 4
};

typedef struct task_grid {
    const de_product *product;
    const float *biases;        /* [images or 1, padded columns] */
    int64_t runs, run_rows;     /* rows that share a bias */
    int64_t block_rows, blocks; /* of each run */
    int64_t columns, panels;    /* of the output */
    int64_t group_panels, groups;
    const float **pointers; /* for each thread [taps, block_rows] */
    int16_t *integers;      /* int16: the rows of a block for each thread, or of all blocks */
    float *row_scales;      /* int16: of these rows */
    int64_t row_values;     /* int16: from a row to the next */
} task_grid;

static const float **thread_pointers(const task_grid *grid, int thread)
{
    return grid->pointers + thread * grid->product->panels->taps * grid->block_rows;
}

/* ---- rows of int16 ---- */

/* Where the columns are cut into groups, many tasks need the same rows, of which there are few: all
 * are made first. Else a task makes those of its block. */
static bool makes_rows_first(const task_grid *grid)
{
    return grid->groups > 1;
}

/* Rows first.. as integers [rows, row_values] and their scales; x [taps, rows] is for pointers. */
static void make_rows(const task_grid *grid, int64_t first, int64_t rows, const float **x,
                      int16_t *integers, float *scales)
{
    const de_product *product = grid->product;
    product->rows_fn(product->source, first, rows, x);
    de_kernels_get()->quantise(
        &(de_i16_rows){x, rows, product->panels->taps, rows, product->panels->depth}, integers,
        grid->row_values, scales);
}

static void make_all_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const task_grid *grid = user;
    const float **x = thread_pointers(grid, thread);
    int64_t step = de_min_i64(ROW_UNIT, grid->block_rows);
    for (int64_t first = begin; first < end; first += step)
        make_rows(grid, first, de_min_i64(step, end - first), x,
                  grid->integers + first * grid->row_values, grid->row_scales + first);
}

/* ---- tasks ---- */

/* The rows that a task multiplies: x [taps, rows] of floats, or [rows] of integers. */
static void set_rows(const task_grid *grid, int64_t first, int thread, de_gemm *gemm)
{
    const de_product *product = grid->product;
    const float **x = thread_pointers(grid, thread);
    gemm->x = (const void *const *)x;
    if (gemm->kind != DE_KIND_I16) {
        product->rows_fn(product->source, first, gemm->rows, x);
        return;
    }
    int64_t at = makes_rows_first(grid) ? first : thread * grid->block_rows;
    const int16_t *integers = grid->integers + at * grid->row_values;
    gemm->row_scales = grid->row_scales + at;
    if (!makes_rows_first(grid))
        make_rows(grid, first, gemm->rows, x, grid->integers + at * grid->row_values,
                  grid->row_scales + at);
    for (int64_t r = 0; r < gemm->rows; r++)
        ((const void **)x)[r] = integers + r * grid->row_values;
}

static void run_task(const task_grid *grid, int64_t task, int thread)
{
    const de_product *product = grid->product;
    const de_panels *panels = product->panels;
    int64_t group = task % grid->groups, block = task / grid->groups, run = block / grid->blocks;
    int64_t first = block % grid->blocks * grid->block_rows;
    int64_t panel = group * grid->group_panels, column = panel * DE_PANEL;
    int64_t row = run * grid->run_rows + first;
    const float *bias = grid->biases + run * de_round_up(panels->columns, DE_PANEL) + column;
    bool i16 = panels->kind == DE_KIND_I16;
    de_gemm gemm = {
        .rows = de_min_i64(grid->block_rows, grid->run_rows - first),
        .taps = i16 ? 1 : panels->taps,
        .depth = i16 ? panels->taps * panels->depth : panels->depth,
        .columns = de_min_i64(grid->columns - column, grid->group_panels * DE_PANEL),
        .kind = panels->kind,
        .panels = de_panels_at(panels, panel),
        .column_scales = i16 ? panels->scales + column : NULL,
        .bias = bias,
        .activation = product->epilogue.activation,
        .residual = de_cpu_floats(product->epilogue.residual),
        .y = product->y + row * grid->columns + column,
        .y_stride = grid->columns,
    };
    if (gemm.residual)
        gemm.residual += row * grid->columns + column;
    if (product->gated) {
        gemm.gate = de_panels_at(panels, grid->panels + panel);
        gemm.gate_scales = i16 ? panels->scales + grid->columns + column : NULL;
        gemm.gate_bias = bias + grid->columns;
    }
    set_rows(grid, row, thread, &gemm);
    de_kernels_get()->gemm(&gemm);
}

static void run_tasks(void *user, int64_t begin, int64_t end, int thread)
{
    for (int64_t task = begin; task < end; task++)
        run_task(user, task, thread);
}

static task_grid cut(const de_context *context, const de_product *product)
{
    const de_panels *panels = product->panels;
    task_grid grid = {
        .product = product, .runs = 1, .run_rows = product->images * product->image_rows};
    if (product->epilogue.image_bias.data.at) {
        grid.runs = product->images;
        grid.run_rows = product->image_rows;
    }
    grid.columns = product->gated ? panels->columns / 2 : panels->columns;
    grid.panels = de_divide_up(grid.columns, DE_PANEL);
    int64_t value_bytes = panels->kind == DE_KIND_I16 ? sizeof(int16_t) : sizeof(float);
    int64_t rows = BLOCK_BYTES / (panels->taps * panels->depth * value_bytes);
    rows = de_max_i64(MIN_ROWS, de_min_i64(MAX_ROWS, rows));
    /* Blocks of equal size, so that the last is not a small one, and as many for every thread: of
     * 11 blocks one of two threads would do 6. */
    int64_t blocks = de_divide_up(grid.run_rows, rows),
            even = de_round_up(blocks, context->threads);
    if (blocks > 1 && even * MIN_EVEN_ROWS <= grid.run_rows)
        blocks = even;
    grid.block_rows = de_min_i64(grid.run_rows,
                                 de_round_up(de_divide_up(grid.run_rows, blocks), ROW_UNIT));
    grid.blocks = de_divide_up(grid.run_rows, grid.block_rows);
    /* few rows: the columns are cut as well, so that every thread has work */
    int64_t wanted = (int64_t)context->threads * TASKS_PER_THREAD;
    int64_t groups = de_divide_up(wanted, grid.runs * grid.blocks);
    grid.group_panels = de_divide_up(grid.panels, de_min_i64(groups, grid.panels));
    grid.groups = de_divide_up(grid.panels, grid.group_panels);
    return grid;
}

float *de_product_biases(de_context *context, const float *bias, de_tensor image_bias,
                         int64_t images)
{
    int64_t columns = image_bias.c, padded = de_round_up(columns, DE_PANEL);
    const float *added = de_cpu_floats(image_bias);
    float *sums = de_arena_floats(&context->arena, images * padded);
    if (context->arena.measuring)
        return sums;
    for (int64_t i = 0; i < images; i++) {
        memcpy(sums + i * padded, bias, (size_t)padded * sizeof *sums);
        for (int64_t c = 0; c < columns; c++)
            sums[i * padded + c] += added[i * columns + c];
    }
    return sums;
}

const float **de_product_pointers(de_context *context, int64_t count)
{
    enum { FLOATS_EACH = (sizeof(void *) + sizeof(float) - 1) / sizeof(float) };
    return (const float **)(void *)de_arena_floats(&context->arena, count * FLOATS_EACH);
}

/* A cache line more than a row, which else may be a multiple of 4 KB: rows would share the same few
 * cache sets. */
static void allocate_rows(de_context *context, task_grid *grid)
{
    enum { LINE = 64 / sizeof(int16_t) };
    const de_product *product = grid->product;
    int64_t rows = makes_rows_first(grid) ? product->images * product->image_rows
                                          : context->threads * grid->block_rows;
    grid->row_values = de_round_up(de_panels_values(product->panels), LINE) + LINE;
    grid->integers = (int16_t *)de_arena_take(&context->arena, (size_t)(rows * grid->row_values) *
                                                                   sizeof *grid->integers);
    grid->row_scales = de_arena_floats(&context->arena, rows);
}

void de_product_run(de_context *context, const de_product *product)
{
    size_t mark = de_arena_mark(&context->arena);
    task_grid grid = cut(context, product);
    int64_t rows = product->images * product->image_rows;
    grid.biases = product->bias;
    if (product->epilogue.image_bias.data.at)
        grid.biases = de_product_biases(context, product->bias, product->epilogue.image_bias,
                                        product->images);
    int64_t pointers = context->threads * product->panels->taps * grid.block_rows;
    grid.pointers = de_product_pointers(context, pointers);
    bool i16 = product->panels->kind == DE_KIND_I16;
    if (i16)
        allocate_rows(context, &grid);
    double sums = (double)rows * (double)product->panels->columns;
    int threads = de_threads_for(
        context, 2.0 * sums * (double)(product->panels->taps * product->panels->depth));
    if (!context->arena.measuring) {
        if (i16 && makes_rows_first(&grid))
            de_parallel_for(threads, rows, ROW_UNIT, make_all_rows, &grid);
        de_parallel_for(threads, grid.runs * grid.blocks * grid.groups, 1, run_tasks, &grid);
    }
    de_arena_release(&context->arena, mark);
}
