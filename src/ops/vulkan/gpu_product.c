#include "ops/vulkan/gpu_product.h"

#include "ops/vulkan/gpu_matrix.h"

/* As in shaders/tile.glsl, and the invocations of add_slices.comp */
enum { TILE_COLUMNS = 64, ROW_LANES = 8, STEP = 16, ADDING = 256 };

/* Workgroups that keep a large GPU busy: two or three for each of its hundred or so
 * multiprocessors; of the matrix family, whose sums are soon done and then written twice, one. And
 * the steps that are worth a workgroup, and worth adding up again. */
enum { ENOUGH_GROUPS = 256, ENOUGH_OF_MATRICES = 96, LEAST_STEPS = 8 };

/* How a product is divided among workgroups */
typedef struct division {
    uint32_t rows; /* of an invocation */
    uint32_t tiles, column_tiles;
    uint32_t slice, slices; /* of the depth */
} division;

/* Divides the depth too, where there are not `enough` tiles. */
static void slice(division *into, const de_product_push *push, uint32_t enough, uint32_t step)
{
    uint32_t groups = into->tiles * into->column_tiles, least = LEAST_STEPS * step;
    if (groups >= enough || push->depth < 2 * least)
        return;
    int64_t slices = de_min_i64(de_divide_up(enough, groups), push->depth / least);
    into->slice = (uint32_t)de_divide_up(de_divide_up(push->depth, slices), step) * step;
    into->slices = (uint32_t)de_divide_up(push->depth, into->slice);
}

/* Tall tiles read least for each multiplication, where there are enough of them. What has few rows
 * (a timestep's embedding, a text's keys, the smallest pictures of a network) is divided by its
 * depth too (slice()). Columns are 64 wide whatever there are: those of the networks are multiples
 * of it, but the last layers' 3 or 4, whose padding is 1.5 % of a decoder's work. */
static division divide(const de_product_push *push)
{
    division made = {.rows = 16,
                     .column_tiles = (uint32_t)de_divide_up(push->columns, TILE_COLUMNS),
                     .slice = push->depth,
                     .slices = 1};
    for (;; made.rows /= 2) {
        made.tiles = (uint32_t)de_divide_up(push->rows, ROW_LANES * made.rows);
        bool half_empty = push->rows <= ROW_LANES * made.rows / 2;
        if (made.rows == 4 ||
            (!half_empty && (made.rows == 8 || made.tiles * made.column_tiles >= ENOUGH_GROUPS)))
            break;
    }
    return made;
}

de_product_push de_product_push_of(const de_gpu_weights *weights, de_tensor x, de_epilogue epilogue,
                                   de_tensor y)
{
    return (de_product_push){.x = x.data.at,
                             .weights = weights->values,
                             .bias = weights->bias,
                             .image_bias = epilogue.image_bias.data.at,
                             .residual = epilogue.residual.data.at,
                             .y = y.data.at,
                             .rows = (uint32_t)(y.n * y.h * y.w),
                             .columns = (uint32_t)weights->columns,
                             .depth = (uint32_t)(weights->taps * weights->depth),
                             .image_rows = (uint32_t)(y.h * y.w),
                             .activation = epilogue.activation};
}

static void record_tiles(de_context *context, const de_shader_use *use, const division *into,
                         const void *push, size_t push_bytes)
{
    uint32_t y = into->tiles < DE_MOST_GROUPS ? into->tiles : DE_MOST_GROUPS;
    de_record(context, &(de_dispatch){.use = *use,
                                      .push = push,
                                      .push_bytes = (uint32_t)push_bytes,
                                      .x = into->column_tiles,
                                      .y = y,
                                      .z = (uint32_t)de_divide_up(into->tiles, y) * into->slices});
}

static void record_slices(de_context *context, const de_shader_use *use, const division *into,
                          de_product_push *push, size_t push_bytes)
{
    size_t mark = de_arena_mark(&context->arena);
    size_t bytes = (size_t)into->slices * push->rows * push->columns * sizeof(float);
    de_product_push adding = *push;
    push->y = de_arena_take(&context->arena, bytes);
    record_tiles(context, use, into, push, push_bytes);
    adding.x = push->y;
    adding.depth = into->slices;
    uint64_t groups = (uint64_t)push->rows * (uint64_t)de_divide_up(push->columns, 4);
    de_record(context, &(de_dispatch){.use = {DE_SHADER_add_slices, {de_vulkan_wide(context)}},
                                      .push = &adding,
                                      .push_bytes = sizeof adding,
                                      .x = (uint32_t)de_divide_up((int64_t)groups, ADDING),
                                      .y = 1,
                                      .z = 1});
    de_arena_release(&context->arena, mark);
}

static de_shader matrix_shader(de_shader shader)
{
    switch (shader) {
    case DE_SHADER_convolution: return DE_SHADER_convolution_matrix;
    case DE_SHADER_geglu: return DE_SHADER_geglu_matrix;
    default: return DE_SHADER_product_matrix;
    }
}

/* The product by cooperative matrices, where the GPU has them and all values are f16; false: it is
 * one for the scalar family. */
static bool use_matrices(de_shader_use *use, division *into, const de_context *context,
                         de_shader shader, const de_gpu_weights *weights, int64_t channels,
                         const de_product_push *push)
{
    const de_vulkan_device *device = de_vulkan_of(context->device);
    const de_gpu_info *gpu = device->gpu->info;
    if (!device->matrix || weights->wide)
        return false;
    de_matrix_tile tile = de_matrix_tile_choose(gpu, push->rows, push->columns,
                                                shader == DE_SHADER_geglu);
    if (!tile.rows)
        return false;
    *use = (de_shader_use){matrix_shader(shader),
                           {false, gpu->matrix.m, gpu->matrix.n, gpu->matrix.k, tile.invocations,
                            gpu->subgroup, tile.rows, tile.columns, tile.part_rows,
                            tile.part_columns, de_matrix_width(channels)}};
    *into = (division){.tiles = (uint32_t)de_divide_up(push->rows, tile.rows),
                       .column_tiles = (uint32_t)de_divide_up(push->columns, tile.columns),
                       .slice = push->depth,
                       .slices = 1};
    if (shader != DE_SHADER_geglu)
        slice(into, push, ENOUGH_OF_MATRICES, DE_MATRIX_STEP);
    return true;
}

void de_record_product(de_context *context, de_shader shader, const de_gpu_weights *weights,
                       int64_t channels, de_product_push *push, size_t push_bytes)
{
    division into;
    de_shader_use use;
    if (!use_matrices(&use, &into, context, shader, weights, channels, push)) {
        into = divide(push);
        if (shader != DE_SHADER_geglu)
            slice(&into, push, ENOUGH_GROUPS, STEP);
        use = (de_shader_use){
            shader, {de_vulkan_wide(context), weights->wide, channels % 4 == 0, into.rows}};
    }
    push->slice = into.slice;
    if (into.slices > 1)
        record_slices(context, &use, &into, push, push_bytes);
    else
        record_tiles(context, &use, &into, push, push_bytes);
}
