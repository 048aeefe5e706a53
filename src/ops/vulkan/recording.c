#include "ops/vulkan/recording.h"

#include <assert.h>
#include <stdlib.h>

typedef struct recording {
    VkCommandPool pool;
    VkCommandBuffer *jobs; /* in their order */
    int count;
    VkFence fence;
    VkQueryPool moments; /* of the first command and the last; NULL: no timestamps */
    /* while it is recorded */
    VkPipeline bound;       /* in the newest job */
    double operations;      /* of that job, so far */
    double counted;         /* of the context's, those that dispatches have had */
    diffedit_status status; /* the first failure of an op */
    diffedit_error error;
} recording;

static de_gpu *gpu_of(const de_program *program)
{
    return de_vulkan_of(program->context->device)->gpu;
}

/* ---- jobs ---- */

static VkResult create_pool(de_gpu *gpu, recording *new)
{
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = gpu->info->queue_family};
    return de_vk_made(gpu->vk.CreateCommandPool(gpu->device, &pool, NULL, &new->pool), &new->pool);
}

/* Commands are added to a new job from now on. */
static VkResult begin_job(de_gpu *gpu, recording *into)
{
    VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool = into->pool,
                                          .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                          .commandBufferCount = 1};
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkCommandBuffer *jobs = realloc(into->jobs, (size_t)(into->count + 1) * sizeof *jobs);
    if (!jobs)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    into->jobs = jobs;
    into->bound = VK_NULL_HANDLE;
    into->operations = 0;
    VkResult result = gpu->vk.AllocateCommandBuffers(gpu->device, &buffer, &jobs[into->count]);
    return result == VK_SUCCESS ? gpu->vk.BeginCommandBuffer(jobs[into->count++], &info) : result;
}

static VkCommandBuffer newest_job(const recording *of)
{
    return of->jobs[of->count - 1];
}

/* Barriers reach across jobs, so that the new one needs nothing else. */
static void begin_another(de_gpu *gpu, recording *into)
{
    VkResult result = gpu->vk.EndCommandBuffer(newest_job(into));
    if (result == VK_SUCCESS)
        result = begin_job(gpu, into);
    if (result != VK_SUCCESS)
        into->status = de_gpu_fail(gpu, result, "preparing a network", &into->error);
}

/* ---- recording ---- */

static VkResult create_signals(de_gpu *gpu, recording *new)
{
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkResult result = de_vk_made(gpu->vk.CreateFence(gpu->device, &fence, NULL, &new->fence),
                                 &new->fence);
    if (result != VK_SUCCESS || gpu->info->timestamp_period == 0)
        return result;
    VkQueryPoolCreateInfo moments = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                     .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                     .queryCount = 2};
    return de_vk_made(gpu->vk.CreateQueryPool(gpu->device, &moments, NULL, &new->moments),
                      &new->moments);
}

/* The commands of `to` see what those of `from` wrote before. */
static void add_barrier(const de_gpu *gpu, VkCommandBuffer commands, VkPipelineStageFlags from,
                        VkPipelineStageFlags to)
{
    VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT;
    if (from & VK_PIPELINE_STAGE_TRANSFER_BIT)
        writes |= VK_ACCESS_TRANSFER_WRITE_BIT;
    VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                              .srcAccessMask = writes,
                              .dstAccessMask = to == VK_PIPELINE_STAGE_HOST_BIT
                                                   ? VK_ACCESS_HOST_READ_BIT
                                                   : VK_ACCESS_SHADER_READ_BIT |
                                                         VK_ACCESS_SHADER_WRITE_BIT};
    gpu->vk.CmdPipelineBarrier(commands, from, to, 0, 1, &memory, 0, NULL, 0, NULL);
}

/* What the op computes that records; the first of its dispatches has all of it. */
static double take_operations(const de_context *context, recording *into)
{
    double operations = context->operations - into->counted;
    into->counted = context->operations;
    return operations;
}

/* Some of a dispatch's workgroups, which are numbered as in the whole */
typedef struct part {
    uint32_t base[3], groups[3];
} part;

/* The longest row of workgroups is divided; one of DE_MOST_GROUPS never is, because shaders whose
 * rows go on in another dimension know that number. */
static int dividing(const de_dispatch *dispatch)
{
    const uint32_t groups[3] = {dispatch->x, dispatch->y, dispatch->z};
    int along = 0;
    for (int i = 1; i < 3; i++)
        if (groups[along] == DE_MOST_GROUPS ||
            (groups[i] > groups[along] && groups[i] < DE_MOST_GROUPS))
            along = i;
    return along;
}

static part part_of(const de_dispatch *dispatch, int along, uint64_t i, uint64_t parts)
{
    part made = {{0}, {dispatch->x, dispatch->y, dispatch->z}};
    uint64_t groups = made.groups[along];
    made.base[along] = (uint32_t)(groups * i / parts);
    made.groups[along] = (uint32_t)(groups * (i + 1) / parts) - made.base[along];
    return made;
}

static void record_part(de_gpu *gpu, recording *into, const de_dispatch *dispatch,
                        VkPipeline pipeline, const part *made)
{
    VkCommandBuffer commands = newest_job(into);
    if (pipeline != into->bound)
        gpu->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    into->bound = pipeline;
    gpu->vk.CmdPushConstants(commands, gpu->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                             dispatch->push_bytes, dispatch->push);
    gpu->vk.CmdDispatchBase(commands, made->base[0], made->base[1], made->base[2], made->groups[0],
                            made->groups[1], made->groups[2]);
}

void de_record(de_context *context, const de_dispatch *dispatch)
{
    if (context->arena.measuring)
        return;
    assert(dispatch->push_bytes <= DE_PUSH_BYTES && dispatch->x <= DE_MOST_GROUPS &&
           dispatch->y <= DE_MOST_GROUPS && dispatch->z <= DE_MOST_GROUPS);
    recording *into = context->recording->recorded;
    de_gpu *gpu = gpu_of(context->recording);
    VkPipeline pipeline;
    if (into->status == DIFFEDIT_OK)
        into->status = de_gpu_pipeline_get(&pipeline, gpu, &dispatch->use, &into->error);
    double job = de_vulkan_of(context->device)->job, operations = take_operations(context, into);
    int along = dividing(dispatch);
    uint32_t most = part_of(dispatch, along, 0, 1).groups[along];
    uint32_t parts = operations < job * most ? 1 + (uint32_t)(operations / job) : most;
    for (uint32_t i = 0; i < parts && into->status == DIFFEDIT_OK; i++) {
        part next = part_of(dispatch, along, i, parts);
        if (into->operations > 0 && into->operations + operations / parts > job)
            begin_another(gpu, into);
        if (into->status == DIFFEDIT_OK)
            record_part(gpu, into, dispatch, pipeline, &next);
        into->operations += operations / parts;
    }
    if (into->status == DIFFEDIT_OK)
        add_barrier(gpu, newest_job(into), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
}

/* Weights were copied, and other programs have run, before this one does. */
static VkResult begin(de_gpu *gpu, recording *new)
{
    VkResult result = begin_job(gpu, new);
    if (result != VK_SUCCESS)
        return result;
    VkCommandBuffer commands = newest_job(new);
    add_barrier(gpu, commands,
                VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
    if (new->moments) {
        gpu->vk.CmdResetQueryPool(commands, new->moments, 0, 2);
        gpu->vk.CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, new->moments, 0);
    }
    return result;
}

static VkResult end(const de_gpu *gpu, const recording *new)
{
    VkCommandBuffer commands = newest_job(new);
    add_barrier(gpu, commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT);
    if (new->moments)
        gpu->vk.CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, new->moments, 1);
    return gpu->vk.EndCommandBuffer(commands);
}

diffedit_status de_vulkan_record(de_program *program, diffedit_error *error)
{
    de_gpu *gpu = gpu_of(program);
    recording *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a program");
    program->recorded = new;
    VkResult result = create_pool(gpu, new);
    if (result == VK_SUCCESS)
        result = create_signals(gpu, new);
    if (result == VK_SUCCESS)
        result = begin(gpu, new);
    if (result != VK_SUCCESS)
        return de_gpu_fail(gpu, result, "preparing a network", error);
    program->forward(program->context, program->user);
    if (new->status != DIFFEDIT_OK)
        return de_fail(error, new->status, "%s", new->error.message);
    result = end(gpu, new);
    return result == VK_SUCCESS ? DIFFEDIT_OK
                                : de_gpu_fail(gpu, result, "preparing a network", error);
}

void de_vulkan_forget(de_program *program)
{
    recording *recorded = program->recorded;
    if (!recorded)
        return;
    const de_gpu *gpu = gpu_of(program);
    if (!gpu->stuck) {
        gpu->vk.DestroyQueryPool(gpu->device, recorded->moments, NULL);
        gpu->vk.DestroyFence(gpu->device, recorded->fence, NULL);
        gpu->vk.DestroyCommandPool(gpu->device, recorded->pool, NULL);
    }
    free(recorded->jobs);
    free(recorded);
    program->recorded = NULL;
}

/* ---- running ---- */

diffedit_status de_vulkan_replay(de_program *program, diffedit_error *error)
{
    const recording *recorded = program->recorded;
    return de_gpu_submit(gpu_of(program), recorded->jobs, recorded->count, recorded->fence, error);
}

double de_vulkan_seconds(const de_program *program)
{
    const recording *recorded = program->recorded;
    const de_gpu *gpu = gpu_of(program);
    uint64_t moments[2];
    if (!recorded->moments ||
        gpu->vk.GetQueryPoolResults(gpu->device, recorded->moments, 0, 2, sizeof moments, moments,
                                    sizeof *moments, VK_QUERY_RESULT_64_BIT) != VK_SUCCESS)
        return 0;
    uint64_t ticks = (moments[1] - moments[0]) & gpu->info->timestamp_mask;
    return (double)ticks * gpu->info->timestamp_period * 1e-9;
}
