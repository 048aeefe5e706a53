/* Pipelines by shader and constants, made when they are first used. */
#include <stdlib.h>
#include <string.h>

#include "ops/vulkan/gpu.h"

struct de_gpu_pipeline {
    de_gpu_pipeline *next;
    de_shader_use use;
    VkPipeline handle;
};

#define SYMBOLS(name) extern const uint32_t de_spirv_##name[], de_spirv_##name##_end[];
DE_SHADERS(SYMBOLS)
#undef SYMBOLS

de_spirv de_shader_code(de_shader shader)
{
    static const de_spirv all[] = {
#define CODE(name) {#name, de_spirv_##name, de_spirv_##name##_end},
        DE_SHADERS(CODE)
#undef CODE
    };
    return all[shader];
}

#define COUNT(name) +1
enum { FIRST_OF_MATRICES = 0 DE_SCALAR_SHADERS(COUNT) };
#undef COUNT

static VkResult create(VkPipeline *pipeline, const de_gpu *gpu, const de_shader_use *use,
                       VkShaderModule module)
{
    VkSpecializationMapEntry entries[DE_SHADER_CONSTANTS];
    for (uint32_t i = 0; i < DE_SHADER_CONSTANTS; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * 4, 4};
    VkSpecializationInfo constants = {DE_SHADER_CONSTANTS, entries, sizeof use->constants,
                                      use->constants};
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroup = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = gpu->info->subgroup};
    /* the matrix family counts on full subgroups of that size; the scalar one on nothing */
    bool matrix = (int)use->shader >= FIRST_OF_MATRICES;
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE,
        .layout = gpu->layout,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = matrix ? &subgroup : NULL,
                  .flags = matrix ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT
                                  : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = &constants}};
    return gpu->vk.CreateComputePipelines(gpu->device, VK_NULL_HANDLE, 1, &info, NULL, pipeline);
}

static diffedit_status add(VkPipeline *pipeline, de_gpu *gpu, const de_shader_use *use,
                           diffedit_error *error)
{
    de_spirv code = de_shader_code(use->shader);
    de_gpu_pipeline *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a shader");
    VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                     .codeSize = (size_t)(code.end - code.words) * 4,
                                     .pCode = code.words};
    VkShaderModule module;
    VkResult result = gpu->vk.CreateShaderModule(gpu->device, &info, NULL, &module);
    if (result == VK_SUCCESS) {
        result = create(&new->handle, gpu, use, module);
        gpu->vk.DestroyShaderModule(gpu->device, module, NULL);
    }
    if (result != VK_SUCCESS) {
        char doing[64];
        de_sentence(doing, sizeof doing, "compiling the shader %s", code.name);
        free(new);
        return de_gpu_fail(gpu, result, doing, error);
    }
    new->use = *use;
    new->next = gpu->pipelines;
    gpu->pipelines = new;
    *pipeline = new->handle;
    return DIFFEDIT_OK;
}

diffedit_status de_gpu_pipeline_get(VkPipeline *pipeline, de_gpu *gpu, const de_shader_use *use,
                                    diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    pthread_mutex_lock(&gpu->compiling);
    const de_gpu_pipeline *known = gpu->pipelines;
    while (known && memcmp(&known->use, use, sizeof *use) != 0)
        known = known->next;
    if (known)
        *pipeline = known->handle;
    else
        status = add(pipeline, gpu, use, error);
    pthread_mutex_unlock(&gpu->compiling);
    return status;
}

void de_gpu_free_pipelines(de_gpu *gpu)
{
    while (gpu->pipelines) {
        de_gpu_pipeline *pipeline = gpu->pipelines;
        gpu->pipelines = pipeline->next;
        if (!gpu->stuck)
            gpu->vk.DestroyPipeline(gpu->device, pipeline->handle, NULL);
        free(pipeline);
    }
}
