#include "ops/vulkan/gpu_ops.h"
#include "ops/vulkan/gpu_weights.h"
#include "ops/vulkan/recording.h"

/* As shaders/columns.glsl and layer_norm.comp have them */
enum { INVOCATIONS = 256, ROWS = 8 };

/* ---- GroupNorm ---- */

enum {
    BLOCK = 8,        /* rows that an invocation takes at a time (group_norm.glsl) */
    WHOLE_BLOCKS = 4, /* of these a workgroup finds the statistics of all rows alone */
    /* Columns of a slice at least: half a cache line where there is one workgroup for all rows,
     * so that there are more of these; else a whole one (of f16). */
    WHOLE_COLUMNS = 32,
    CHUNK_COLUMNS = 64,
    MOST_CHUNKS = 128 /* whose statistics every workgroup reads */
};

/* How a GroupNorm is laid out on the GPU */
typedef struct layout {
    bool vectors;         /* a slice's columns are taken four at a time */
    int64_t slice;        /* groups that a workgroup takes */
    int64_t block;        /* rows that it takes at a time */
    int64_t chunks, rows; /* of an image; of a chunk */
} layout;

static layout slice_groups(int64_t c, int64_t groups, int64_t least)
{
    int64_t width = c / groups, slice = de_min_i64(groups, de_divide_up(least, width)),
            four = slice;
    while (four * width % 4 != 0 && four < groups)
        four++;
    bool vectors = c % 4 == 0 && four * width % 4 == 0 &&
                   (four == slice || four * width <= 4 * INVOCATIONS);
    if (vectors)
        slice = four;
    int64_t across = slice * width / (vectors ? 4 : 1);
    int64_t down = INVOCATIONS / de_min_i64(INVOCATIONS, across);
    return (layout){.vectors = vectors, .slice = slice, .block = BLOCK * down};
}

static layout lay_out(int64_t rows, int64_t c, int64_t groups)
{
    layout whole = slice_groups(c, groups, WHOLE_COLUMNS);
    whole.chunks = 1;
    whole.rows = rows;
    if (rows <= WHOLE_BLOCKS * whole.block)
        return whole;
    layout split = slice_groups(c, groups, CHUNK_COLUMNS);
    int64_t blocks = de_divide_up(rows, split.block);
    split.rows = de_divide_up(blocks, MOST_CHUNKS) * split.block;
    split.chunks = de_divide_up(rows, split.rows);
    return split;
}

void de_vulkan_group_norm(de_context *context, de_tensor x, int groups, float eps,
                          const de_vector *scale, const de_vector *shift, de_activation activation,
                          de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    layout how = lay_out(x.h * x.w, x.c, groups);
    size_t part_bytes = (size_t)(x.n * groups * how.chunks) * 2 * sizeof(float);
    struct {
        uint64_t x, y, scale, shift, parts;
        uint32_t rows, c, groups, width, slice, chunks, chunk_rows, activation;
        float eps;
    } push = {x.data.at,
              y.data.at,
              de_gpu_vector_at(scale),
              de_gpu_vector_at(shift),
              how.chunks > 1 ? de_arena_take(&context->arena, part_bytes) : 0,
              (uint32_t)(x.h * x.w),
              (uint32_t)x.c,
              (uint32_t)groups,
              (uint32_t)(x.c / groups),
              (uint32_t)how.slice,
              (uint32_t)how.chunks,
              (uint32_t)how.rows,
              activation,
              eps};
    de_dispatch dispatch = {
        .use = {DE_SHADER_group_norm_chunks, {de_vulkan_wide(context), how.vectors}},
        .push = &push,
        .push_bytes = sizeof push,
        .x = (uint32_t)de_divide_up(groups, how.slice),
        .y = push.chunks,
        .z = (uint32_t)x.n};
    if (how.chunks > 1)
        de_record(context, &dispatch);
    dispatch.use.shader = DE_SHADER_group_norm;
    de_record(context, &dispatch);
    de_arena_release(&context->arena, mark);
}

/* ---- LayerNorm ---- */

void de_vulkan_layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                          const de_vector *shift, de_tensor y)
{
    struct {
        uint64_t x, y, scale, shift;
        uint32_t rows, c;
        float eps;
    } push = {x.data.at,
              y.data.at,
              de_gpu_vector_at(scale),
              de_gpu_vector_at(shift),
              (uint32_t)(x.n * x.h * x.w),
              (uint32_t)x.c,
              eps};
    int64_t workgroups = de_min_i64(de_divide_up(push.rows, ROWS), DE_MOST_GROUPS);
    de_record(context,
              &(de_dispatch){.use = {DE_SHADER_layer_norm, {de_vulkan_wide(context), x.c % 4 == 0}},
                             .push = &push,
                             .push_bytes = sizeof push,
                             .x = (uint32_t)workgroups,
                             .y = 1,
                             .z = 1});
}
