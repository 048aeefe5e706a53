#include "ops/vulkan/gpu_ops.h"
#include "ops/vulkan/recording.h"

/* Elements that a workgroup moves; shaders/repeat.comp and concatenate.comp have as many. */
enum { GROUP = 1024 };

static uint32_t groups_for(int64_t count)
{
    return (uint32_t)de_min_i64(de_divide_up(count, GROUP), DE_MOST_GROUPS);
}

void de_vulkan_repeat(de_context *context, de_tensor x, de_tensor y)
{
    struct {
        uint64_t x, y;
        uint32_t count, images;
    } push = {x.data.at, y.data.at, (uint32_t)(x.h * x.w * x.c), (uint32_t)y.n};
    de_record(context, &(de_dispatch){.use = {DE_SHADER_repeat, {de_vulkan_wide(context)}},
                                      .push = &push,
                                      .push_bytes = sizeof push,
                                      .x = groups_for(push.count),
                                      .y = 1,
                                      .z = 1});
}

void de_vulkan_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    struct {
        uint64_t a, b, y;
        uint32_t a_c, b_c, b_rows, count;
    } push = {a.data.at,
              b.data.at,
              y.data.at,
              (uint32_t)a.c,
              (uint32_t)b.c,
              (uint32_t)(b.n * b.h * b.w),
              (uint32_t)de_tensor_count(y)};
    de_record(context, &(de_dispatch){.use = {DE_SHADER_concatenate, {de_vulkan_wide(context)}},
                                      .push = &push,
                                      .push_bytes = sizeof push,
                                      .x = groups_for(push.count),
                                      .y = 1,
                                      .z = 1});
}
