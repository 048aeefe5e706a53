#include "ops/vulkan/gpu.h"

#include <stdlib.h>

/* Those that are open, by number; a lost one makes room for a new one. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static de_gpu *registry[DE_MAX_GPUS];

diffedit_status de_gpu_fail(de_gpu *gpu, VkResult result, const char *doing, diffedit_error *error)
{
    if (result == VK_ERROR_DEVICE_LOST)
        gpu->lost = true;
    diffedit_status code = result == VK_ERROR_OUT_OF_HOST_MEMORY ||
                                   result == VK_ERROR_OUT_OF_DEVICE_MEMORY
                               ? DIFFEDIT_ERROR_MEMORY
                               : DIFFEDIT_ERROR_DEVICE;
    return de_fail(error, code, "%s: %s: %s", gpu->name, doing, de_vk_words(result));
}

/* ---- opening ---- */

static VkResult create_device(de_gpu *gpu, const de_vk_instance *instance)
{
    const de_gpu_info *info = gpu->info;
    bool matrix = info->matrix.m > 0;
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT subgroups = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
        .subgroupSizeControl = true,
        .computeFullSubgroups = true};
    VkPhysicalDeviceMaintenance4Features maintenance4 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES,
        .pNext = &subgroups,
        .maintenance4 = true};
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .pNext = &maintenance4,
        .cooperativeMatrix = true};
    VkPhysicalDeviceVulkan12Features features12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .pNext = matrix ? &matrices : NULL,
        .shaderFloat16 = matrix,
        .vulkanMemoryModel = matrix,
        .bufferDeviceAddress = true,
        .scalarBlockLayout = true};
    VkPhysicalDeviceVulkan11Features features11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        .pNext = &features12,
        .storageBuffer16BitAccess = true};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &features11,
                                          .features = {.shaderInt64 = true}};
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = info->queue_family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    static const char *const of_matrices[] = {VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME,
                                              VK_KHR_MAINTENANCE_4_EXTENSION_NAME,
                                              VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME};
    VkDeviceCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = matrix ? sizeof of_matrices / sizeof *of_matrices : 0,
        .ppEnabledExtensionNames = of_matrices};
    return instance->CreateDevice(info->handle, &create, NULL, &gpu->device);
}

static VkResult create_layout(de_gpu *gpu)
{
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, DE_PUSH_BYTES};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    return de_vk_made(gpu->vk.CreatePipelineLayout(gpu->device, &layout, NULL, &gpu->layout),
                      &gpu->layout);
}

static VkResult create_copying(de_gpu *gpu)
{
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                    .queueFamilyIndex = gpu->info->queue_family};
    VkResult result = de_vk_made(gpu->vk.CreateCommandPool(gpu->device, &pool, NULL, &gpu->copying),
                                 &gpu->copying);
    if (result != VK_SUCCESS)
        return result;
    VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool = gpu->copying,
                                          .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                          .commandBufferCount = 1};
    result = gpu->vk.AllocateCommandBuffers(gpu->device, &buffer, &gpu->copy);
    if (result != VK_SUCCESS)
        return result;
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    result = de_vk_made(gpu->vk.CreateFence(gpu->device, &fence, NULL, &gpu->copied), &gpu->copied);
    return result == VK_SUCCESS ? de_gpu_make_staging(gpu) : result;
}

/* Frees whatever of it was made. */
static void destroy(de_gpu *gpu)
{
    de_gpu_free_pipelines(gpu);
    de_gpu_free_memory(gpu);
    if (gpu->device && !gpu->stuck) {
        gpu->vk.DestroyFence(gpu->device, gpu->copied, NULL);
        gpu->vk.DestroyCommandPool(gpu->device, gpu->copying, NULL);
        gpu->vk.DestroyPipelineLayout(gpu->device, gpu->layout, NULL);
        gpu->vk.DestroyDevice(gpu->device, NULL);
    }
    pthread_mutex_destroy(&gpu->lock);
    pthread_mutex_destroy(&gpu->compiling);
    pthread_mutex_destroy(&gpu->uploading);
    free(gpu);
}

/* Of a device that was not made, or that lacks functions */
static void abandon_device(de_gpu *gpu)
{
    if (gpu->vk.DestroyDevice)
        gpu->vk.DestroyDevice(gpu->device, NULL);
    gpu->device = VK_NULL_HANDLE;
}

static diffedit_status create(de_gpu **created, const de_gpu_info *info, int index,
                              diffedit_error *error)
{
    const de_vk_instance *instance;
    diffedit_status status = de_vk_instance_get(&instance, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_gpu *gpu = calloc(1, sizeof *gpu);
    if (!gpu)
        return de_fail_memory(error, sizeof *gpu, "a GPU");
    gpu->info = info;
    gpu->index = index;
    de_sentence(gpu->name, sizeof gpu->name, "gpu:%d (%s)", index, info->title);
    pthread_mutex_init(&gpu->lock, NULL);
    pthread_mutex_init(&gpu->compiling, NULL);
    pthread_mutex_init(&gpu->uploading, NULL);
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    instance->GetPhysicalDeviceMemoryProperties2(info->handle, &memory);
    gpu->memory = memory.memoryProperties;
    VkResult result = create_device(gpu, instance);
    if (result == VK_SUCCESS && !de_vk_functions_get(&gpu->vk, instance, gpu->device))
        result = VK_ERROR_FEATURE_NOT_PRESENT;
    if (result == VK_SUCCESS) {
        gpu->vk.GetDeviceQueue(gpu->device, info->queue_family, 0, &gpu->queue);
        result = create_layout(gpu);
    } else {
        abandon_device(gpu);
    }
    if (result == VK_SUCCESS)
        result = create_copying(gpu);
    if (result != VK_SUCCESS) {
        status = de_gpu_fail(gpu, result, "it cannot be opened", error);
        destroy(gpu);
        return status;
    }
    *created = gpu;
    return DIFFEDIT_OK;
}

static diffedit_status find(const de_gpu_info **info, int index, diffedit_error *error)
{
    const de_gpu_info *gpus;
    diffedit_error reason = {0};
    int count = de_gpu_list(&gpus, &reason), usable = 0;
    while (usable < count && !gpus[usable].problem[0])
        usable++;
    if (index < 0 || index >= usable) {
        if (count == 0)
            return de_fail(error, DIFFEDIT_ERROR_DEVICE, "gpu:%d is not there: %s", index,
                           reason.message);
        if (usable == 0)
            return de_fail(error, DIFFEDIT_ERROR_DEVICE,
                           "gpu:%d is not there: %s cannot be used: %s", index, gpus[0].title,
                           gpus[0].problem);
        return de_fail(error, DIFFEDIT_ERROR_DEVICE,
                       "gpu:%d is not there: this machine has %d that can be used, from gpu:0 on",
                       index, usable);
    }
    *info = &gpus[index];
    return DIFFEDIT_OK;
}

diffedit_status de_gpu_open(de_gpu **gpu, int index, diffedit_error *error)
{
    const de_gpu_info *info;
    diffedit_status status = find(&info, index, error);
    if (status != DIFFEDIT_OK)
        return status;
    pthread_mutex_lock(&registry_lock);
    de_gpu *open = registry[index];
    if (!open || open->lost) {
        open = NULL;
        status = create(&open, info, index, error);
        if (status == DIFFEDIT_OK)
            registry[index] = open;
    }
    if (open)
        open->users++;
    pthread_mutex_unlock(&registry_lock);
    *gpu = open;
    return status;
}

void de_gpu_close(de_gpu *gpu)
{
    pthread_mutex_lock(&registry_lock);
    bool last = --gpu->users == 0;
    if (last && registry[gpu->index] == gpu)
        registry[gpu->index] = NULL;
    pthread_mutex_unlock(&registry_lock);
    if (last)
        destroy(gpu);
}

/* ---- running ---- */

static VkResult submit_one(de_gpu *gpu, const VkCommandBuffer *job, VkFence fence)
{
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = job};
    return gpu->vk.QueueSubmit(gpu->queue, 1, &info, fence);
}

/* `*given`: so many of the jobs, whose end the fence signals, also after a failure. */
static VkResult submit(de_gpu *gpu, const VkCommandBuffer *jobs, int count, VkFence fence,
                       int *given)
{
    VkResult result = gpu->lost ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
    for (int i = 0; i < count && result == VK_SUCCESS; i++) {
        result = submit_one(gpu, &jobs[i], i == count - 1 ? fence : VK_NULL_HANDLE);
        *given = result == VK_SUCCESS ? i + 1 : i;
    }
    if (result != VK_SUCCESS && *given > 0 &&
        gpu->vk.QueueSubmit(gpu->queue, 0, NULL, fence) != VK_SUCCESS)
        result = VK_ERROR_DEVICE_LOST;
    return result;
}

/* Waits for jobs as long as the slowest GPU may need that others use, too; a driver that finds out
 * by itself that there is no end says so much earlier. By the second, so that time in which the
 * process was stopped (Ctrl-Z) is none. */
static VkResult wait_for_jobs(de_gpu *gpu, int jobs, VkFence fence)
{
    enum { PATIENCE = 600, OF_A_JOB = 100 }; /* seconds */
    VkResult result = VK_TIMEOUT;
    int64_t left = PATIENCE + (int64_t)jobs * OF_A_JOB;
    for (; left > 0 && result == VK_TIMEOUT && !gpu->stuck; left--)
        result = gpu->vk.WaitForFences(gpu->device, 1, &fence, true, 1000000000);
    if (result == VK_TIMEOUT) {
        gpu->stuck = true;
        gpu->lost = true;
    }
    /* after a wait that failed, what was submitted may still run */
    return result == VK_SUCCESS || result == VK_TIMEOUT ? result : VK_ERROR_DEVICE_LOST;
}

diffedit_status de_gpu_submit(de_gpu *gpu, const VkCommandBuffer *jobs, int count, VkFence fence,
                              diffedit_error *error)
{
    int given = 0;
    VkResult result = gpu->vk.ResetFences(gpu->device, 1, &fence), waited = VK_SUCCESS;
    pthread_mutex_lock(&gpu->lock);
    if (result == VK_SUCCESS)
        result = submit(gpu, jobs, count, fence, &given);
    pthread_mutex_unlock(&gpu->lock);
    if (given > 0 && result != VK_ERROR_DEVICE_LOST)
        waited = wait_for_jobs(gpu, given, fence);
    if (waited != VK_SUCCESS)
        result = waited;
    return result == VK_SUCCESS ? DIFFEDIT_OK : de_gpu_fail(gpu, result, "computing", error);
}
