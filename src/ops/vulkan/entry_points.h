/* Vulkan's functions, found at run time: libvulkan.so.1 is opened when a GPU is first asked for, so
 * that the program starts without it. */
#ifndef DE_ENTRY_POINTS_H
#define DE_ENTRY_POINTS_H

#include <string.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include "base/base.h"
#include "ops/vulkan/cooperative_matrix.h"

/* Those of an instance, and those of a device, which skip the loader's dispatch. */
#define DE_VK_INSTANCE(f) \
    f(EnumeratePhysicalDevices) f(GetPhysicalDeviceProperties2) f(GetPhysicalDeviceFeatures2) \
        f(GetPhysicalDeviceMemoryProperties2) f(GetPhysicalDeviceQueueFamilyProperties) \
            f(EnumerateDeviceExtensionProperties) f(CreateDevice) f(GetDeviceProcAddr)
#define DE_VK_DEVICE(f) \
    f(DestroyDevice) f(GetDeviceQueue) f(CreateBuffer) f(DestroyBuffer) \
        f(GetBufferMemoryRequirements) f(AllocateMemory) f(FreeMemory) f(BindBufferMemory) \
            f(MapMemory) f(GetBufferDeviceAddress) f(CreateShaderModule) f(DestroyShaderModule) \
                f(CreatePipelineLayout) f(DestroyPipelineLayout) f(CreateComputePipelines) \
                    f(DestroyPipeline) f(CreateCommandPool) f(DestroyCommandPool) \
                        f(AllocateCommandBuffers) f(BeginCommandBuffer) f(EndCommandBuffer) \
                            f(ResetCommandPool) f(CmdBindPipeline) f(CmdPushConstants) \
                                f(CmdDispatchBase) f(CmdPipelineBarrier) f(CmdCopyBuffer) \
                                    f(QueueSubmit) f(CreateFence) f(DestroyFence) f(WaitForFences) \
                                        f(ResetFences) f(CreateQueryPool) f(DestroyQueryPool) \
                                            f(CmdResetQueryPool) f(CmdWriteTimestamp) \
                                                f(GetQueryPoolResults)

#define DE_VK_MEMBER(name) PFN_vk##name name;

/* The process's one instance; it stays open, as the drivers behind it want. */
typedef struct de_vk_instance {
    VkInstance handle;
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
    DE_VK_INSTANCE(DE_VK_MEMBER)
    de_get_cooperative_matrices GetCooperativeMatrices; /* NULL: the loader does not know them */
} de_vk_instance;

typedef struct de_vk_functions {
    DE_VK_DEVICE(DE_VK_MEMBER)
} de_vk_functions;

/* From any thread. Errors: DEVICE (no libvulkan.so.1, or no instance). */
diffedit_status de_vk_instance_get(const de_vk_instance **instance, diffedit_error *error);
/* Whether they are all there */
bool de_vk_functions_get(de_vk_functions *functions, const de_vk_instance *instance,
                         VkDevice device);
/* The result of making what the handle stands for: where that failed, the handle is undefined, and
 * becomes the one of nothing, which may be destroyed. */
static inline VkResult de_vk_made(VkResult result, void *handle)
{
    if (result != VK_SUCCESS)
        memset(handle, 0, sizeof(VkBuffer)); /* all are as large as this one */
    return result;
}
/* What a result means, in words */
const char *de_vk_words(VkResult result);

#endif
