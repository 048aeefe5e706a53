#include <math.h>

#include "ops/vulkan/gpu_matrix.h"
#include "ops/vulkan/gpu_ops.h"
#include "ops/vulkan/recording.h"

/* Of a workgroup: invocations; columns of values (shaders/attention.comp) */
enum { INVOCATIONS = 128, PART = 512 };

typedef struct attention_push {
    uint64_t q, k, v, y;
    uint32_t queries, keys, heads, q_stride, k_stride, v_stride, causal;
    float scale; /* log2(e) / sqrt(d) */
} attention_push;

/* A workgroup for so many queries of a head; z: heads of all images */
static void record(de_context *context, const de_shader_use *use, const attention_push *push,
                   int64_t queries, int64_t z)
{
    int64_t blocks = de_divide_up(push->queries, queries), x = de_min_i64(blocks, DE_MOST_GROUPS);
    de_record(context, &(de_dispatch){.use = *use,
                                      .push = push,
                                      .push_bytes = sizeof *push,
                                      .x = (uint32_t)x,
                                      .y = (uint32_t)de_divide_up(blocks, x),
                                      .z = (uint32_t)z});
}

static void record_scalar(de_context *context, const attention_push *push, uint32_t d,
                          int64_t images)
{
    bool wide = de_vulkan_wide(context);
    uint64_t addresses = push->q | push->k | push->v,
             counts = d | push->q_stride | push->k_stride | push->v_stride;
    bool vectors = addresses % (wide ? 16 : 8) == 0 && counts % 4 == 0;
    /* the more columns, the more invocations share a query, so that registers suffice */
    uint32_t lanes = d <= 64 ? 8 : d <= 128 ? 16 : d <= 256 ? 32 : 64;
    record(context, &(de_shader_use){DE_SHADER_attention, {wide, d, vectors, lanes}}, push,
           INVOCATIONS / lanes * 8, images * push->heads * de_divide_up(d, PART));
}

/* Records it by cooperative matrices, where the GPU has them and all is f16. False: it is for the
 * scalar family, as causal attention is, which the text encoder alone has. */
static bool record_matrices(de_context *context, const attention_push *push, uint32_t d,
                            int64_t images)
{
    const de_vulkan_device *device = de_vulkan_of(context->device);
    const de_gpu_info *gpu = device->gpu->info;
    if (!device->matrix || push->causal)
        return false;
    de_attention_tile tile = de_attention_tile_choose(gpu, d);
    if (!tile.rows)
        return false;
    /* what is loaded at once has to be aligned, whichever columns of a tensor q, k and v are */
    uint64_t addresses = push->q | push->k | push->v,
             counts = d | push->q_stride | push->k_stride | push->v_stride;
    uint32_t width = de_matrix_width((int64_t)(addresses / sizeof(uint16_t) | counts));
    record(
        context,
        &(de_shader_use){DE_SHADER_attention_matrix,
                         {false, gpu->matrix.m, gpu->matrix.n, gpu->matrix.k, tile.invocations,
                          gpu->subgroup, d, tile.keys, tile.piece, tile.rows, width, tile.parts}},
        push, tile.invocations / gpu->subgroup / tile.parts * tile.rows, images * push->heads);
    return true;
}

void de_vulkan_attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                         de_tensor v, de_tensor y)
{
    uint32_t d = (uint32_t)(q.c / heads);
    attention_push push = {.q = q.data.at,
                           .k = k.data.at,
                           .v = v.data.at,
                           .y = y.data.at,
                           .queries = (uint32_t)(q.h * q.w),
                           .keys = (uint32_t)(k.h * k.w),
                           .heads = (uint32_t)heads,
                           .q_stride = (uint32_t)q.stride,
                           .k_stride = (uint32_t)k.stride,
                           .v_stride = (uint32_t)v.stride,
                           .causal = causal,
                           .scale = 1.44269504f / sqrtf((float)d)};
    if (!record_matrices(context, &push, d, q.n))
        record_scalar(context, &push, d, q.n);
}
