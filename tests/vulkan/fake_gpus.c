/* The GPUs that the fake Vulkan shows: one driver, described in many ways. */
#include "fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GPUS = 32, MIB = 1024 * 1024 };

bool fake_validates, fake_hangs;

static fake_gpu gpus[MOST_GPUS];
static uint32_t gpu_count;

/* ---- what FAKE_VULKAN says ---- */

static VkPhysicalDeviceType kind_of(const char *name)
{
    static const char *const names[] = {"other", "integrated", "discrete", "virtual", "software"};
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0)
            return (VkPhysicalDeviceType)i;
    fake_abort("%s is no kind of GPU", name);
}

static bool read_lack(fake_gpu *gpu, const char *what)
{
    struct {
        const char *name;
        bool *lack;
    } all[] = {{"-addresses", &gpu->no_addresses},
               {"-16bit", &gpu->no_16bit},
               {"-scalar", &gpu->no_scalar},
               {"-int64", &gpu->no_int64},
               {"-timestamps", &gpu->no_timestamps},
               {"-compute", &gpu->no_compute},
               {"draw", &gpu->draw},
               {"endless", &gpu->endless}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, what) == 0)
            return *all[i].lack = true;
    return false;
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static void read_name(fake_gpu *gpu, const char *text)
{
    snprintf(gpu->name, sizeof gpu->name, "%s", text);
    for (char *c = gpu->name; *c; c++)
        if (*c == '_')
            *c = ' ';
}

/* One word of a GPU; gives how often it shall be shown. */
static uint32_t read_word(fake_gpu *gpu, const char *word)
{
    if (strncmp(word, "times=", 6) == 0)
        return (uint32_t)number(word + 6);
    if (strncmp(word, "name=", 5) == 0)
        read_name(gpu, word + 5);
    else if (strcmp(word, "vulkan=1.1") == 0)
        gpu->version = VK_API_VERSION_1_1;
    else if (strncmp(word, "shared=", 7) == 0)
        gpu->shared = (uint32_t)number(word + 7);
    else if (strncmp(word, "group=", 6) == 0)
        gpu->group = (uint32_t)number(word + 6);
    else if (strncmp(word, "subgroup=", 9) == 0)
        gpu->subgroup = (uint32_t)number(word + 9);
    else if (strncmp(word, "matrices=", 9) == 0)
        gpu->matrices = (uint32_t)number(word + 9);
    else if (strncmp(word, "busy=", 5) == 0)
        gpu->busy = number(word + 5) * MIB;
    else if (strncmp(word, "largest=", 8) == 0)
        gpu->largest = number(word + 8) * MIB;
    else if (strncmp(word, "buffer=", 7) == 0)
        gpu->buffer = number(word + 7) * MIB;
    else if (strncmp(word, "families=", 9) == 0)
        gpu->other_families = (uint32_t)number(word + 9);
    else if (!read_lack(gpu, word))
        fake_abort("%s is nothing that a GPU could have", word);
    return 1;
}

static void read_gpu(char *text)
{
    char *rest, *word = strtok_r(text, ",", &rest);
    fake_gpu gpu = {
        .type = kind_of(word), .version = VK_API_VERSION_1_3, .shared = 32768, .group = 1024};
    uint32_t times = 1;
    snprintf(gpu.name, sizeof gpu.name, "Fake %s", word);
    word = strtok_r(NULL, ",", &rest);
    gpu.bytes = number(word) * MIB;
    gpu.largest = gpu.buffer = gpu.bytes;
    while ((word = strtok_r(NULL, ",", &rest))) {
        uint32_t count = read_word(&gpu, word);
        times = count > times ? count : times;
    }
    for (; times > 0 && gpu_count < MOST_GPUS; times--)
        gpus[gpu_count++] = gpu;
}

static VkResult result_of(const char *name)
{
    static const struct {
        const char *name;
        VkResult result;
    } all[] = {
        {"lost", VK_ERROR_DEVICE_LOST},           {"memory", VK_ERROR_OUT_OF_DEVICE_MEMORY},
        {"host", VK_ERROR_OUT_OF_HOST_MEMORY},    {"refused", VK_ERROR_INITIALIZATION_FAILED},
        {"absent", VK_ERROR_FEATURE_NOT_PRESENT}, {"endless", VK_TIMEOUT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].result;
    fake_abort("%s is no result", name);
}

static void read_failure(char *text)
{
    char *rest, *call = strtok_r(text, ",", &rest), *n = strtok_r(NULL, ",", &rest),
                *result = strtok_r(NULL, ",", &rest);
    fake_vulkan_fail(strcmp(call, "any") == 0 ? NULL : call, (int)number(n), result_of(result));
}

void fake_gpus_read(void)
{
    const char *said = getenv("FAKE_VULKAN");
    char *words = strdup(said ? said : ""), *rest;
    bool none = false;
    if (!words)
        fake_abort("out of memory");
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strncmp(word, "gpu=", 4) == 0)
            read_gpu(word + 4);
        else if (strncmp(word, "fail=", 5) == 0)
            read_failure(word + 5);
        else if (strcmp(word, "validate") == 0)
            fake_validates = true;
        else if (strcmp(word, "hang") == 0)
            fake_hangs = true;
        else if (strcmp(word, "idle") == 0)
            fake_vulkan_idle(true);
        else if (strcmp(word, "none") == 0)
            none = true;
        else if (strncmp(word, "report=", 7) != 0)
            fake_abort("FAKE_VULKAN: %s is not understood", word);
    }
    free(words);
    char usual[] = "discrete,8192";
    if (gpu_count == 0 && !none)
        read_gpu(usual);
}

void fake_gpus_find(void)
{
    VkPhysicalDevice all[MOST_GPUS];
    uint32_t count = MOST_GPUS;
    real.EnumeratePhysicalDevices(real_instance, &count, all);
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties2 found = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
        real.GetPhysicalDeviceProperties2(all[i], &found);
        if (found.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) {
            for (uint32_t gpu = 0; gpu < gpu_count; gpu++)
                gpus[gpu].real = all[i];
            return;
        }
    }
    fake_abort("there is no software driver (mesa-vulkan-drivers) to pass on to");
}

/* ---- what they are asked ---- */

static fake_gpu *gpu_of(VkPhysicalDevice handle)
{
    fake_gpu *gpu = (fake_gpu *)handle;
    if (gpu < gpus || gpu >= gpus + gpu_count)
        fake_abort("a GPU is used that is none");
    return gpu;
}

static VkResult VKAPI_CALL fake_EnumeratePhysicalDevices(VkInstance instance, uint32_t *count,
                                                         VkPhysicalDevice *found)
{
    (void)instance;
    VkResult result = fake_try("EnumeratePhysicalDevices");
    if (result != VK_SUCCESS)
        return result;
    if (!found) {
        *count = gpu_count;
        return VK_SUCCESS;
    }
    if (*count < gpu_count)
        result = VK_INCOMPLETE;
    else
        *count = gpu_count;
    for (uint32_t i = 0; i < *count; i++)
        found[i] = (VkPhysicalDevice)&gpus[i];
    return result;
}

static void *in_chain(void *chain, VkStructureType type)
{
    VkBaseOutStructure *link = chain;
    while (link && link->sType != type)
        link = link->pNext;
    return link;
}

static void VKAPI_CALL fake_GetPhysicalDeviceProperties2(VkPhysicalDevice handle,
                                                         VkPhysicalDeviceProperties2 *found)
{
    const fake_gpu *gpu = gpu_of(handle);
    real.GetPhysicalDeviceProperties2(gpu->real, found);
    VkPhysicalDeviceProperties *properties = &found->properties;
    properties->apiVersion = gpu->version;
    properties->deviceType = gpu->type;
    properties->limits.maxComputeSharedMemorySize = gpu->shared;
    properties->limits.maxComputeWorkGroupInvocations = gpu->group;
    memset(properties->deviceName, gpu->endless ? 'x' : 0, sizeof properties->deviceName);
    if (!gpu->endless)
        memcpy(properties->deviceName, gpu->name, strlen(gpu->name));
    VkPhysicalDeviceVulkan11Properties *properties11 = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
    if (properties11)
        properties11->maxMemoryAllocationSize = gpu->largest;
    if (properties11 && gpu->subgroup)
        properties11->subgroupSize = gpu->subgroup;
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT *subgroups = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT);
    if (subgroups && gpu->subgroup) {
        subgroups->minSubgroupSize = subgroups->maxSubgroupSize = gpu->subgroup;
        subgroups->requiredSubgroupSizeStages = VK_SHADER_STAGE_COMPUTE_BIT;
    }
    VkPhysicalDeviceMaintenance4Properties *maintenance4 = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES);
    if (maintenance4)
        maintenance4->maxBufferSize = gpu->buffer;
}

static void VKAPI_CALL fake_GetPhysicalDeviceFeatures2(VkPhysicalDevice handle,
                                                       VkPhysicalDeviceFeatures2 *found)
{
    const fake_gpu *gpu = gpu_of(handle);
    real.GetPhysicalDeviceFeatures2(gpu->real, found);
    VkPhysicalDeviceVulkan11Features *features11 = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
    VkPhysicalDeviceVulkan12Features *features12 = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    if (gpu->no_int64)
        found->features.shaderInt64 = false;
    if (features11 && gpu->no_16bit)
        features11->storageBuffer16BitAccess = false;
    if (features12 && gpu->no_addresses)
        features12->bufferDeviceAddress = false;
    if (features12 && gpu->no_scalar)
        features12->scalarBlockLayout = false;
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR *matrices = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
    if (features12 && matrices)
        matrices->cooperativeMatrix = features12->vulkanMemoryModel = features12->shaderFloat16 =
            true;
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT *subgroups = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT);
    if (subgroups && gpu->subgroup)
        subgroups->subgroupSizeControl = subgroups->computeFullSubgroups = true;
}

/* As drivers of cards have it (their memory, the host's, a window into theirs), and as others do */
const VkPhysicalDeviceMemoryProperties *fake_memory_of(const fake_gpu *gpu)
{
    enum {
        OWN = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
        SEEN = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
        CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT
    };
    static _Thread_local VkPhysicalDeviceMemoryProperties memory;
    if (gpu->type == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU)
        memory = (VkPhysicalDeviceMemoryProperties){
            .memoryTypeCount = 5,
            .memoryTypes = {{0, 1}, {OWN, 0}, {SEEN, 1}, {SEEN | CACHED, 1}, {OWN | SEEN, 2}},
            .memoryHeapCount = 3,
            .memoryHeaps = {{gpu->bytes, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT},
                            {4096ULL * MIB, 0},
                            {gpu->bytes / 16, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}};
    else
        memory = (VkPhysicalDeviceMemoryProperties){
            .memoryTypeCount = 3,
            .memoryTypes = {{OWN, 0}, {OWN | SEEN, 0}, {OWN | SEEN | CACHED, 0}},
            .memoryHeapCount = 1,
            .memoryHeaps = {{gpu->bytes, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}};
    return &memory;
}

static void VKAPI_CALL fake_GetPhysicalDeviceMemoryProperties2(
    VkPhysicalDevice handle, VkPhysicalDeviceMemoryProperties2 *found)
{
    const fake_gpu *gpu = gpu_of(handle);
    found->memoryProperties = *fake_memory_of(gpu);
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = in_chain(
        found, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
    for (uint32_t i = 0; budget && i < found->memoryProperties.memoryHeapCount; i++) {
        budget->heapBudget[i] = found->memoryProperties.memoryHeaps[i].size;
        budget->heapUsage[i] = fake_in_use(gpu, i);
    }
}

static void VKAPI_CALL fake_GetPhysicalDeviceQueueFamilyProperties(VkPhysicalDevice handle,
                                                                   uint32_t *count,
                                                                   VkQueueFamilyProperties *found)
{
    const fake_gpu *gpu = gpu_of(handle);
    uint32_t all = gpu->other_families + 1;
    if (!found || *count > all)
        *count = all;
    for (uint32_t i = 0; found && i < *count; i++) {
        bool draws = i < gpu->other_families && gpu->draw;
        bool computes = draws || (i == gpu->other_families && !gpu->no_compute);
        found[i] = (VkQueueFamilyProperties){.queueFlags = VK_QUEUE_TRANSFER_BIT |
                                                           (draws ? VK_QUEUE_GRAPHICS_BIT : 0u) |
                                                           (computes ? VK_QUEUE_COMPUTE_BIT : 0u),
                                             .queueCount = 1,
                                             .timestampValidBits = gpu->no_timestamps ? 0 : 64};
    }
}

/* Those of the real driver, how much memory is free, which not all of its versions tell, and
 * matrices */
static VkResult VKAPI_CALL fake_EnumerateDeviceExtensionProperties(VkPhysicalDevice handle,
                                                                   const char *layer,
                                                                   uint32_t *count,
                                                                   VkExtensionProperties *found)
{
    static const VkExtensionProperties more[] = {{VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, 1},
                                                 {VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, 1}};
    const fake_gpu *gpu = gpu_of(handle);
    uint32_t room = *count, added = gpu->matrices ? 2 : 1;
    VkResult result = fake_try("EnumerateDeviceExtensionProperties");
    if (result == VK_SUCCESS)
        result = real.EnumerateDeviceExtensionProperties(gpu->real, layer, count, found);
    if (result != VK_SUCCESS)
        return result;
    if (found && *count + added > room)
        return VK_INCOMPLETE;
    if (found)
        memcpy(found + *count, more, added * sizeof *more);
    *count += added;
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL fake_GetPhysicalDeviceCooperativeMatrixPropertiesKHR(
    VkPhysicalDevice handle, uint32_t *count, VkCooperativeMatrixPropertiesKHR *found)
{
    VkResult result = fake_try("GetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    uint32_t all = gpu_of(handle)->matrices;
    if (!found || *count > all)
        *count = all;
    for (uint32_t i = 0; found && result == VK_SUCCESS && i < *count; i++) {
        found[i].MSize = found[i].NSize = found[i].KSize = 16;
        found[i].AType = found[i].BType = VK_COMPONENT_TYPE_FLOAT16_KHR;
        found[i].CType = found[i].ResultType = VK_COMPONENT_TYPE_FLOAT32_KHR;
        found[i].saturatingAccumulation = false;
        found[i].scope = VK_SCOPE_SUBGROUP_KHR;
    }
    return result == VK_SUCCESS && *count < all ? VK_INCOMPLETE : result;
}

/* The real driver has one family of queues. */
static VkResult VKAPI_CALL fake_CreateDevice(VkPhysicalDevice handle,
                                             const VkDeviceCreateInfo *info,
                                             const VkAllocationCallbacks *allocator,
                                             VkDevice *device)
{
    fake_gpu *gpu = gpu_of(handle);
    VkDeviceQueueCreateInfo queue = *info->pQueueCreateInfos;
    VkDeviceCreateInfo passed = *info;
    if (queue.queueFamilyIndex != gpu->other_families || gpu->no_compute)
        fake_abort("a device is made with queues that do not compute");
    queue.queueFamilyIndex = 0;
    passed.pQueueCreateInfos = &queue;
    VkResult result = fake_try("CreateDevice");
    if (result == VK_SUCCESS)
        result = real.CreateDevice(gpu->real, &passed, allocator, device);
    else
        *device = FAKE_NOTHING(VkDevice);
    if (result == VK_SUCCESS)
        fake_add(&(fake_object){
            .kind = "device", .handle = FAKE_HANDLE(*device), .device = *device, .gpu = gpu});
    return result;
}

PFN_vkVoidFunction fake_gpu_function(const char *name)
{
#define KNOWN(function) \
    if (strcmp(name, "vk" #function) == 0) \
        return (PFN_vkVoidFunction)fake_##function;
    KNOWN(EnumeratePhysicalDevices)
    KNOWN(GetPhysicalDeviceProperties2)
    KNOWN(GetPhysicalDeviceFeatures2)
    KNOWN(GetPhysicalDeviceMemoryProperties2)
    KNOWN(GetPhysicalDeviceQueueFamilyProperties)
    KNOWN(EnumerateDeviceExtensionProperties)
    KNOWN(GetPhysicalDeviceCooperativeMatrixPropertiesKHR)
    KNOWN(CreateDevice)
#undef KNOWN
    return NULL;
}
