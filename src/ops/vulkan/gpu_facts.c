#include "ops/vulkan/gpu_facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    diffedit_fact_fn report;
    void *user;
} writer;

__attribute__((format(printf, 3, 4))) static void tell(const writer *to, const char *name,
                                                       const char *format, ...)
{
    char value[512];
    va_list arguments;
    va_start(arguments, format);
    de_sentence_list(value, sizeof value, format, arguments);
    va_end(arguments);
    to->report(to->user, name, value);
}

static void tell_versions(const writer *to, const de_vk_instance *vk,
                          const VkPhysicalDeviceProperties *of)
{
    uint32_t loader = VK_API_VERSION_1_0, device = of->apiVersion;
    PFN_vkEnumerateInstanceVersion ask = (PFN_vkEnumerateInstanceVersion)vk->GetInstanceProcAddr(
        NULL, "vkEnumerateInstanceVersion");
    if (ask)
        ask(&loader);
    tell(to, "Vulkan", "%u.%u.%u, of the loader %u.%u.%u", VK_API_VERSION_MAJOR(device),
         VK_API_VERSION_MINOR(device), VK_API_VERSION_PATCH(device), VK_API_VERSION_MAJOR(loader),
         VK_API_VERSION_MINOR(loader), VK_API_VERSION_PATCH(loader));
    tell(to, "ids", "vendor 0x%04x, device 0x%04x, driver version 0x%08x", of->vendorID,
         of->deviceID, of->driverVersion);
}

static void tell_memory(const writer *to, const de_vk_instance *vk, const de_gpu_info *gpu)
{
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    const VkPhysicalDeviceMemoryProperties *of = &memory.memoryProperties;
    char text[256] = "";
    size_t length = 0;
    vk->GetPhysicalDeviceMemoryProperties2(gpu->handle, &memory);
    for (uint32_t i = 0; i < of->memoryHeapCount && length < sizeof text; i++)
        length += (size_t)snprintf(
            text + length, sizeof text - length, "%s%.2f GB%s", i ? ", " : "",
            (double)of->memoryHeaps[i].size * 1e-9,
            of->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT ? " of its own" : "");
    tell(to, "heaps", "%s", text);
    tell(to, "free memory", "%.2f GB", (double)de_gpu_room(gpu) * 1e-9);
    tell(to, "largest allocation", "%.2f GB", (double)gpu->largest * 1e-9);
}

static void tell_limits(const writer *to, const VkPhysicalDeviceLimits *of)
{
    tell(to, "workgroup", "%u invocations, %u x %u x %u, %u bytes shared",
         of->maxComputeWorkGroupInvocations, of->maxComputeWorkGroupSize[0],
         of->maxComputeWorkGroupSize[1], of->maxComputeWorkGroupSize[2],
         of->maxComputeSharedMemorySize);
    tell(to, "workgroups", "%u x %u x %u", of->maxComputeWorkGroupCount[0],
         of->maxComputeWorkGroupCount[1], of->maxComputeWorkGroupCount[2]);
    tell(to, "push constants", "%u bytes", of->maxPushConstantsSize);
    tell(to, "timestamps", "%g ns", (double)of->timestampPeriod);
}

static const char *type_name(VkComponentTypeKHR type)
{
    static const char *const names[] = {"f16", "f32", "f64", "i8",  "i16", "i32",
                                        "i64", "u8",  "u16", "u32", "u64"};
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "other";
}

static void tell_matrices(const writer *to, const de_vk_instance *vk, const de_gpu_info *gpu)
{
    char text[480] = "none";
    size_t length = 0;
    uint32_t count;
    VkCooperativeMatrixPropertiesKHR *all = de_gpu_matrices(vk, gpu->handle, &count);
    for (uint32_t i = 0; i < count && length < sizeof text; i++)
        length += (size_t)snprintf(
            text + length, sizeof text - length, "%s%ux%ux%u %s x %s + %s -> %s", i ? ", " : "",
            all[i].MSize, all[i].NSize, all[i].KSize, type_name(all[i].AType),
            type_name(all[i].BType), type_name(all[i].CType), type_name(all[i].ResultType));
    free(all);
    tell(to, "matrices", "%s", text);
    if (gpu->matrix.m > 0)
        tell(to, "matrices in use", "%ux%ux%u", gpu->matrix.m, gpu->matrix.n, gpu->matrix.k);
}

/* Of the extensions that are looked for, those that it has */
static void tell_extensions(const writer *to, const de_vk_instance *vk, const de_gpu_info *gpu)
{
    static const char *const names[] = {
        VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, VK_KHR_MAINTENANCE_4_EXTENSION_NAME,
        VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME};
    char text[256] = "none";
    size_t length = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (de_gpu_has_extension(vk, gpu->handle, names[i]))
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
                                       length ? ", " : "", names[i]);
    tell(to, "extensions", "%s", text);
}

void de_gpu_facts(const de_gpu_info *gpu, diffedit_fact_fn report, void *user)
{
    const writer to = {report, user};
    const de_vk_instance *vk;
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    if (de_vk_instance_get(&vk, NULL) != DIFFEDIT_OK)
        return;
    vk->GetPhysicalDeviceProperties2(gpu->handle, &properties);
    tell_versions(&to, vk, &properties.properties);
    tell_memory(&to, vk, gpu);
    tell_limits(&to, &properties.properties.limits);
    tell(&to, "subgroup", "%u%s", gpu->subgroup,
         gpu->sizes_subgroups ? ", which a pipeline may ask for" : "");
    tell_matrices(&to, vk, gpu);
    tell_extensions(&to, vk, gpu);
}
