#include "ops/vulkan/gpu_list.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct {
    pthread_once_t once;
    de_gpu_info gpus[DE_MAX_GPUS];
    int count;
    diffedit_error reason;
} list = {.once = PTHREAD_ONCE_INIT};

/* Everything that is asked of a GPU, in chains as Vulkan wants them. */
typedef struct answers {
    VkPhysicalDeviceProperties2 properties;
    VkPhysicalDeviceVulkan11Properties properties11;
    VkPhysicalDeviceVulkan12Properties properties12;
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT subgroups;
    VkPhysicalDeviceMaintenance4Properties maintenance4;
    VkPhysicalDeviceFeatures2 features;
    VkPhysicalDeviceVulkan11Features features11;
    VkPhysicalDeviceVulkan12Features features12;
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix;
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT subgroup_sizes;
} answers;

const char *de_gpu_type_name(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "software";
    default: return "unknown";
    }
}

bool de_gpu_has_extension(const de_vk_instance *vk, VkPhysicalDevice gpu, const char *name)
{
    uint32_t count = 0;
    bool found = false;
    if (vk->EnumerateDeviceExtensionProperties(gpu, NULL, &count, NULL) != VK_SUCCESS)
        return false;
    VkExtensionProperties *all = calloc(count, sizeof *all);
    if (all && vk->EnumerateDeviceExtensionProperties(gpu, NULL, &count, all) == VK_SUCCESS)
        for (uint32_t i = 0; i < count; i++)
            found |= strcmp(all[i].extensionName, name) == 0;
    free(all);
    return found;
}

static void ask(const de_vk_instance *vk, VkPhysicalDevice gpu, answers *a, bool has_matrices)
{
    *a = (answers){
        .properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2},
        .properties11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES},
        .properties12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES},
        .subgroups = {.sType =
                          VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT},
        .maintenance4 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES},
        .features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2},
        .features11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES},
        .features12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES},
        .matrix = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR},
        .subgroup_sizes = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT}};
    a->properties.pNext = &a->properties11;
    a->properties11.pNext = &a->properties12;
    a->features.pNext = &a->features11;
    a->features11.pNext = &a->features12;
    if (de_gpu_has_extension(vk, gpu, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) {
        a->properties12.pNext = &a->subgroups;
        a->features12.pNext = &a->subgroup_sizes;
    }
    if (de_gpu_has_extension(vk, gpu, VK_KHR_MAINTENANCE_4_EXTENSION_NAME)) {
        a->maintenance4.pNext = a->properties12.pNext;
        a->properties12.pNext = &a->maintenance4;
    }
    if (has_matrices) {
        a->matrix.pNext = a->features12.pNext;
        a->features12.pNext = &a->matrix;
    }
    vk->GetPhysicalDeviceProperties2(gpu, &a->properties);
    vk->GetPhysicalDeviceFeatures2(gpu, &a->features);
}

static bool divides(uint32_t side)
{
    return side > 0 && 32 % side == 0;
}

static bool computes_f16(const VkCooperativeMatrixPropertiesKHR *matrix)
{
    return matrix->AType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           matrix->BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           matrix->CType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
           matrix->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
           matrix->scope == VK_SCOPE_SUBGROUP_KHR && !matrix->saturatingAccumulation &&
           divides(matrix->MSize) && divides(matrix->NSize) && divides(matrix->KSize);
}

static uint32_t rank(de_matrix_shape shape)
{
    bool usual = shape.m == 16 && shape.n == 16 && shape.k == 16;
    return usual ? UINT32_MAX : shape.m * shape.n * shape.k;
}

VkCooperativeMatrixPropertiesKHR *de_gpu_matrices(const de_vk_instance *vk, VkPhysicalDevice gpu,
                                                  uint32_t *count)
{
    uint32_t found = 0;
    *count = 0;
    if (!vk->GetCooperativeMatrices ||
        !de_gpu_has_extension(vk, gpu, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME) ||
        vk->GetCooperativeMatrices(gpu, &found, NULL) != VK_SUCCESS)
        return NULL;
    VkCooperativeMatrixPropertiesKHR *all = calloc(found, sizeof *all);
    for (uint32_t i = 0; all && i < found; i++)
        all[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    if (all && vk->GetCooperativeMatrices(gpu, &found, all) == VK_SUCCESS)
        *count = found;
    return all;
}

/* Of the shapes of f16 x f16 -> f32 whose sides divide the shaders' tiles: 16 x 16 x 16, which
 * NVIDIA's and AMD's drivers have, else the largest */
static de_matrix_shape find_matrix(const de_vk_instance *vk, VkPhysicalDevice gpu)
{
    de_matrix_shape found = {0};
    uint32_t count;
    VkCooperativeMatrixPropertiesKHR *all = de_gpu_matrices(vk, gpu, &count);
    for (uint32_t i = 0; i < count; i++) {
        de_matrix_shape shape = {all[i].MSize, all[i].NSize, all[i].KSize};
        if (computes_f16(&all[i]) && rank(shape) > rank(found))
            found = shape;
    }
    free(all);
    return found;
}

static void find_memory(const de_vk_instance *vk, de_gpu_info *gpu)
{
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    vk->GetPhysicalDeviceMemoryProperties2(gpu->handle, &memory);
    for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; i++) {
        const VkMemoryHeap *heap = &memory.memoryProperties.memoryHeaps[i];
        if (heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT && heap->size > gpu->memory)
            gpu->memory = heap->size;
    }
}

static void use_queues(de_gpu_info *gpu, uint32_t family, uint32_t timestamp_bits)
{
    gpu->queue_family = family;
    if (timestamp_bits == 0)
        gpu->timestamp_period = 0;
    gpu->timestamp_mask = timestamp_bits < 64 ? (UINT64_C(1) << timestamp_bits) - 1 : UINT64_MAX;
}

/* Queues that compute, and do not draw if there are such: what draws (the desktop) then goes on
 * beside them, and drivers wait longer for the end of a job. */
static bool find_queue(const de_vk_instance *vk, de_gpu_info *gpu)
{
    const VkQueueFlags asked = VK_QUEUE_COMPUTE_BIT | VK_QUEUE_GRAPHICS_BIT,
                       wanted[] = {VK_QUEUE_COMPUTE_BIT, asked};
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;
    vk->GetPhysicalDeviceQueueFamilyProperties(gpu->handle, &count, families);
    for (int choice = 0; choice < 2; choice++)
        for (uint32_t i = 0; i < count; i++)
            if ((families[i].queueFlags & asked) == wanted[choice]) {
                use_queues(gpu, i, families[i].timestampValidBits);
                return true;
            }
    return false;
}

/* What the GPU lacks of what every shader needs, or NULL */
static const char *lacking(const answers *a)
{
    enum { LARGEST_GROUP = 256, MOST_SHARED = 32 * 1024 }; /* of the scalar shaders */
    const VkPhysicalDeviceLimits *limits = &a->properties.properties.limits;
    if (a->properties.properties.apiVersion < VK_API_VERSION_1_2)
        return "its driver is older than Vulkan 1.2";
    if (!a->features12.bufferDeviceAddress)
        return "its driver has no buffer device addresses";
    if (!a->features11.storageBuffer16BitAccess)
        return "its driver has no 16-bit storage";
    if (!a->features12.scalarBlockLayout)
        return "its driver has no scalar block layout";
    if (!a->features.features.shaderInt64)
        return "its driver has no 64-bit integers";
    if (limits->maxComputeWorkGroupInvocations < LARGEST_GROUP ||
        limits->maxComputeWorkGroupSize[0] < LARGEST_GROUP)
        return "its workgroups are too small";
    if (limits->maxComputeSharedMemorySize < MOST_SHARED)
        return "its workgroups share too little memory";
    return NULL;
}

/* Whether the shaders of the matrix family, whose workgroups have up to 256 invocations in four
 * subgroups of a known size or more, can run. Of Intel's GPUs those since Xe2, by subgroups of 16,
 * their least: llama.cpp's users saw matrices slow down the older ones, whose least is 8. */
static bool can_use_matrices(const answers *a, de_gpu_info *gpu)
{
    enum { INTEL = 0x8086, XE2_SUBGROUP = 16, INVOCATIONS = 256, LEAST_SUBGROUPS = 4 };
    const VkPhysicalDeviceProperties *properties = &a->properties.properties;
    if (!a->matrix.cooperativeMatrix || !a->features12.vulkanMemoryModel ||
        !a->features12.shaderFloat16 || !gpu->has_maintenance4 || !gpu->sizes_subgroups ||
        properties->limits.maxComputeWorkGroupInvocations < INVOCATIONS)
        return false;
    if (properties->vendorID == INTEL && a->subgroups.minSubgroupSize < XE2_SUBGROUP)
        return false;
    if (properties->vendorID == INTEL)
        gpu->subgroup = a->subgroups.minSubgroupSize;
    return gpu->subgroup <= INVOCATIONS / LEAST_SUBGROUPS;
}

/* What buffer and memory may both have, in whole pages of whatever size, and not more than shaders
 * reach, whose indices are of 32 bits: so many values of f16 */
static uint64_t largest_allocation(const answers *a)
{
    enum { MIB = 1024 * 1024 };
    const uint64_t reach = (UINT64_C(1) << 32) * sizeof(uint16_t);
    uint64_t largest = a->properties11.maxMemoryAllocationSize,
             buffer = a->maintenance4.maxBufferSize; /* 0: the driver does not say */
    if (buffer && buffer < largest)
        largest = buffer;
    return (largest < reach ? largest : reach) / MIB * MIB;
}

static void describe(const de_vk_instance *vk, VkPhysicalDevice handle, de_gpu_info *gpu)
{
    answers a;
    bool has_matrices = de_gpu_has_extension(vk, handle, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
    ask(vk, handle, &a, has_matrices);
    const VkPhysicalDeviceProperties *properties = &a.properties.properties;
    *gpu = (de_gpu_info){.handle = handle,
                         .type = properties->deviceType,
                         .subgroup = a.properties11.subgroupSize,
                         .largest = largest_allocation(&a),
                         .shared_memory = properties->limits.maxComputeSharedMemorySize,
                         .timestamp_period = properties->limits.timestampPeriod};
    de_sentence(gpu->title, sizeof gpu->title, "%.*s", VK_MAX_PHYSICAL_DEVICE_NAME_SIZE,
                properties->deviceName);
    de_sentence(gpu->driver, sizeof gpu->driver, "%.*s %.*s", VK_MAX_DRIVER_NAME_SIZE,
                a.properties12.driverName, VK_MAX_DRIVER_INFO_SIZE, a.properties12.driverInfo);
    const char *problem = lacking(&a);
    if (!problem && !find_queue(vk, gpu))
        problem = "it computes nothing";
    if (!problem && gpu->type == VK_PHYSICAL_DEVICE_TYPE_CPU && !getenv("DIFFEDIT_VULKAN_SOFTWARE"))
        problem = "it is the processor under another name";
    de_sentence(gpu->problem, sizeof gpu->problem, "%s", problem ? problem : "");
    find_memory(vk, gpu);
    gpu->sizes_subgroups = a.subgroup_sizes.subgroupSizeControl &&
                           a.subgroup_sizes.computeFullSubgroups &&
                           a.subgroups.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT &&
                           a.subgroups.minSubgroupSize <= gpu->subgroup &&
                           gpu->subgroup <= a.subgroups.maxSubgroupSize;
    gpu->has_maintenance4 = de_gpu_has_extension(vk, handle, VK_KHR_MAINTENANCE_4_EXTENSION_NAME);
    if (has_matrices && can_use_matrices(&a, gpu))
        gpu->matrix = find_matrix(vk, handle);
}

/* Those that can be used before the others, each group in the driver's order */
static void add(de_gpu_info *gpu)
{
    int at = list.count++;
    for (; at > 0 && !gpu->problem[0] && list.gpus[at - 1].problem[0]; at--)
        list.gpus[at] = list.gpus[at - 1];
    list.gpus[at] = *gpu;
}

static void make_list(void)
{
    const de_vk_instance *vk;
    if (de_vk_instance_get(&vk, &list.reason) != DIFFEDIT_OK)
        return;
    VkPhysicalDevice handles[DE_MAX_GPUS];
    uint32_t count = DE_MAX_GPUS;
    VkResult result = vk->EnumeratePhysicalDevices(vk->handle, &count, handles);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE) {
        de_fail(&list.reason, DIFFEDIT_ERROR_DEVICE, "Vulkan finds no GPU: %s",
                de_vk_words(result));
        return;
    }
    if (count == 0)
        de_fail(&list.reason, DIFFEDIT_ERROR_DEVICE, "Vulkan finds no GPU");
    for (uint32_t i = 0; i < count; i++) {
        de_gpu_info gpu;
        describe(vk, handles[i], &gpu);
        add(&gpu);
    }
}

int de_gpu_list(const de_gpu_info **gpus, diffedit_error *reason)
{
    pthread_once(&list.once, make_list);
    *gpus = list.gpus;
    if (list.count == 0 && reason)
        *reason = list.reason;
    return list.count;
}

uint64_t de_gpu_room(const de_gpu_info *gpu)
{
    const de_vk_instance *vk;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget};
    uint64_t room = 0, largest = 0;
    if (de_vk_instance_get(&vk, NULL) != DIFFEDIT_OK ||
        !de_gpu_has_extension(vk, gpu->handle, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME))
        return gpu->memory;
    vk->GetPhysicalDeviceMemoryProperties2(gpu->handle, &memory);
    for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; i++) {
        const VkMemoryHeap *heap = &memory.memoryProperties.memoryHeaps[i];
        uint64_t all = budget.heapBudget[i], used = budget.heapUsage[i];
        if (heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT && heap->size > largest) {
            largest = heap->size;
            room = all > used ? all - used : 0;
        }
    }
    return room;
}
