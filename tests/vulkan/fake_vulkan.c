/* The functions of the fake Vulkan that are a device's, and how all are found. */
#include "fake_inside.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

fake_real real;
VkInstance real_instance;

/* ---- made and destroyed ---- */

#define MAKES(object, name) \
    static VkResult VKAPI_CALL fake_Create##object( \
        VkDevice device, const Vk##object##CreateInfo *info, \
        const VkAllocationCallbacks *allocator, Vk##object *made) \
    { \
        fake_find("device", FAKE_HANDLE(device), device); \
        VkResult result = fake_try("Create" #object); \
        if (result == VK_SUCCESS) \
            result = real.Create##object(device, info, allocator, made); \
        else \
            *made = FAKE_NOTHING(Vk##object); \
        if (result == VK_SUCCESS) \
            fake_add( \
                &(fake_object){.kind = name, .handle = FAKE_HANDLE(*made), .device = device}); \
        return result; \
    } \
    static void VKAPI_CALL fake_Destroy##object(VkDevice device, Vk##object object, \
                                                const VkAllocationCallbacks *allocator) \
    { \
        fake_remove(name, FAKE_HANDLE(object), device); \
        real.Destroy##object(device, object, allocator); \
    }
MAKES(Buffer, "buffer")
MAKES(ShaderModule, "shader")
MAKES(PipelineLayout, "layout")
MAKES(Fence, "fence")
MAKES(QueryPool, "query pool")
#undef MAKES

static VkResult VKAPI_CALL fake_CreateCommandPool(VkDevice device,
                                                  const VkCommandPoolCreateInfo *info,
                                                  const VkAllocationCallbacks *allocator,
                                                  VkCommandPool *made)
{
    const fake_object *owner = fake_find("device", FAKE_HANDLE(device), device);
    VkCommandPoolCreateInfo passed = *info;
    if (info->queueFamilyIndex != owner->gpu->other_families)
        fake_abort("commands are made for queues that the device does not have");
    passed.queueFamilyIndex = 0;
    VkResult result = fake_try("CreateCommandPool");
    if (result == VK_SUCCESS)
        result = real.CreateCommandPool(device, &passed, allocator, made);
    else
        *made = FAKE_NOTHING(VkCommandPool);
    if (result == VK_SUCCESS)
        fake_add(
            &(fake_object){.kind = "command pool", .handle = FAKE_HANDLE(*made), .device = device});
    return result;
}

static void VKAPI_CALL fake_DestroyCommandPool(VkDevice device, VkCommandPool pool,
                                               const VkAllocationCallbacks *allocator)
{
    fake_remove("command pool", FAKE_HANDLE(pool), device);
    real.DestroyCommandPool(device, pool, allocator);
}

static VkResult VKAPI_CALL fake_AllocateCommandBuffers(VkDevice device,
                                                       const VkCommandBufferAllocateInfo *info,
                                                       VkCommandBuffer *made)
{
    fake_find("command pool", FAKE_HANDLE(info->commandPool), device);
    VkResult result = fake_try("AllocateCommandBuffers");
    if (result == VK_SUCCESS)
        return real.AllocateCommandBuffers(device, info, made);
    *made = FAKE_NOTHING(VkCommandBuffer);
    return result;
}

/* Compiling takes the driver longer than everything else: where nothing is computed, pipelines are
 * numbers. */
static VkPipeline number_pipeline(void)
{
    static atomic_uintptr_t numbers = 1;
    return (VkPipeline)numbers++;
}

static bool is_number(VkPipeline pipeline)
{
    return FAKE_HANDLE(pipeline) < 1 << 20;
}

static VkResult VKAPI_CALL fake_CreateComputePipelines(VkDevice device, VkPipelineCache cache,
                                                       uint32_t count,
                                                       const VkComputePipelineCreateInfo *infos,
                                                       const VkAllocationCallbacks *allocator,
                                                       VkPipeline *made)
{
    if (count != 1)
        fake_abort("pipelines are made one at a time");
    fake_find("shader", FAKE_HANDLE(infos->stage.module), device);
    VkResult result = fake_try("CreateComputePipelines");
    *made = VK_NULL_HANDLE; /* that of a failure, by the specification */
    if (result == VK_SUCCESS && fake_is_idle())
        *made = number_pipeline();
    else if (result == VK_SUCCESS)
        result = real.CreateComputePipelines(device, cache, 1, infos, allocator, made);
    if (result == VK_SUCCESS)
        fake_add(
            &(fake_object){.kind = "pipeline", .handle = FAKE_HANDLE(*made), .device = device});
    return result;
}

static void VKAPI_CALL fake_DestroyPipeline(VkDevice device, VkPipeline pipeline,
                                            const VkAllocationCallbacks *allocator)
{
    fake_remove("pipeline", FAKE_HANDLE(pipeline), device);
    if (!is_number(pipeline))
        real.DestroyPipeline(device, pipeline, allocator);
}

static void VKAPI_CALL fake_CmdBindPipeline(VkCommandBuffer commands, VkPipelineBindPoint point,
                                            VkPipeline pipeline)
{
    if (!is_number(pipeline))
        real.CmdBindPipeline(commands, point, pipeline);
}

static void VKAPI_CALL fake_DestroyDevice(VkDevice device, const VkAllocationCallbacks *allocator)
{
    fake_remove("device", FAKE_HANDLE(device), device);
    real.DestroyDevice(device, allocator);
}

static void VKAPI_CALL fake_GetDeviceQueue(VkDevice device, uint32_t family, uint32_t index,
                                           VkQueue *queue)
{
    fake_object *owner = fake_find("device", FAKE_HANDLE(device), device);
    if (family != owner->gpu->other_families)
        fake_abort("a queue is taken that the device does not have");
    real.GetDeviceQueue(device, 0, index, queue);
    fake_set_queue(owner, *queue);
}

/* ---- memory ---- */

static void VKAPI_CALL fake_GetBufferMemoryRequirements(VkDevice device, VkBuffer buffer,
                                                        VkMemoryRequirements *needs)
{
    const fake_object *owner = fake_find("device", FAKE_HANDLE(device), device);
    fake_find("buffer", FAKE_HANDLE(buffer), device);
    real.GetBufferMemoryRequirements(device, buffer, needs);
    if (needs->size > owner->gpu->buffer)
        fake_abort("a buffer is larger than the device can have");
    needs->memoryTypeBits = (1u << fake_memory_of(owner->gpu)->memoryTypeCount) - 1;
}

/* The real driver has one kind of memory. */
static VkResult VKAPI_CALL fake_AllocateMemory(VkDevice device, const VkMemoryAllocateInfo *info,
                                               const VkAllocationCallbacks *allocator,
                                               VkDeviceMemory *made)
{
    const fake_object *owner = fake_find("device", FAKE_HANDLE(device), device);
    const VkPhysicalDeviceMemoryProperties *memory = fake_memory_of(owner->gpu);
    VkMemoryAllocateInfo passed = *info;
    if (info->memoryTypeIndex >= memory->memoryTypeCount)
        fake_abort("memory of a kind is asked for that the device does not have");
    if (info->allocationSize > owner->gpu->largest)
        fake_abort("more memory is asked for than one allocation may have");
    uint32_t heap = memory->memoryTypes[info->memoryTypeIndex].heapIndex;
    passed.memoryTypeIndex = 0;
    *made = FAKE_NOTHING(VkDeviceMemory);
    VkResult result = fake_try("AllocateMemory");
    if (result == VK_SUCCESS && !fake_has_room(device, heap, info->allocationSize))
        result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    if (result == VK_SUCCESS)
        result = real.AllocateMemory(device, &passed, allocator, made);
    if (result == VK_SUCCESS)
        fake_add(&(fake_object){.kind = "memory",
                                .handle = FAKE_HANDLE(*made),
                                .device = device,
                                .memory = info->memoryTypeIndex,
                                .bytes = info->allocationSize});
    return result;
}

static void VKAPI_CALL fake_FreeMemory(VkDevice device, VkDeviceMemory memory,
                                       const VkAllocationCallbacks *allocator)
{
    fake_remove("memory", FAKE_HANDLE(memory), device);
    real.FreeMemory(device, memory, allocator);
}

static VkResult VKAPI_CALL fake_BindBufferMemory(VkDevice device, VkBuffer buffer,
                                                 VkDeviceMemory memory, VkDeviceSize offset)
{
    fake_find("buffer", FAKE_HANDLE(buffer), device);
    fake_find("memory", FAKE_HANDLE(memory), device);
    VkResult result = fake_try("BindBufferMemory");
    return result == VK_SUCCESS ? real.BindBufferMemory(device, buffer, memory, offset) : result;
}

static VkResult VKAPI_CALL fake_MapMemory(VkDevice device, VkDeviceMemory memory,
                                          VkDeviceSize offset, VkDeviceSize size,
                                          VkMemoryMapFlags flags, void **host)
{
    const fake_object *owner = fake_find("device", FAKE_HANDLE(device), device);
    const fake_object *mapped = fake_find("memory", FAKE_HANDLE(memory), device);
    if (!(fake_memory_of(owner->gpu)->memoryTypes[mapped->memory].propertyFlags &
          VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT))
        fake_abort("memory is mapped that the host does not see");
    VkResult result = fake_try("MapMemory");
    if (result == VK_SUCCESS)
        return real.MapMemory(device, memory, offset, size, flags, host);
    *host = FAKE_NOTHING(void *);
    return result;
}

/* ---- commands ---- */

static VkResult VKAPI_CALL fake_BeginCommandBuffer(VkCommandBuffer commands,
                                                   const VkCommandBufferBeginInfo *info)
{
    VkResult result = fake_try("BeginCommandBuffer");
    return result == VK_SUCCESS ? real.BeginCommandBuffer(commands, info) : result;
}

static VkResult VKAPI_CALL fake_EndCommandBuffer(VkCommandBuffer commands)
{
    VkResult result = fake_try("EndCommandBuffer");
    return result == VK_SUCCESS ? real.EndCommandBuffer(commands) : result;
}

static VkResult VKAPI_CALL fake_ResetCommandPool(VkDevice device, VkCommandPool pool,
                                                 VkCommandPoolResetFlags flags)
{
    fake_find("command pool", FAKE_HANDLE(pool), device);
    VkResult result = fake_try("ResetCommandPool");
    return result == VK_SUCCESS ? real.ResetCommandPool(device, pool, flags) : result;
}

/* As fake_try(), for calls that notice a loss: from the first on, each. */
static VkResult try_lost(fake_object *device, const char *call)
{
    VkResult result = fake_try(call);
    if (result == VK_ERROR_DEVICE_LOST)
        device->lost = true;
    return device->lost ? VK_ERROR_DEVICE_LOST : result;
}

static VkResult VKAPI_CALL fake_QueueSubmit(VkQueue queue, uint32_t count,
                                            const VkSubmitInfo *submits, VkFence fence)
{
    fake_object *device = fake_device_of(queue);
    if (fence)
        fake_find("fence", FAKE_HANDLE(fence), device->device);
    VkResult result = try_lost(device, "QueueSubmit");
    return result != VK_SUCCESS || fake_is_idle() ? result
                                                  : real.QueueSubmit(queue, count, submits, fence);
}

/* Where it fails, the driver has done its work all the same: what follows may free it; but nothing
 * of a device that has been too slow once, which is from then on. */
static VkResult VKAPI_CALL fake_WaitForFences(VkDevice device, uint32_t count,
                                              const VkFence *fences, VkBool32 all, uint64_t timeout)
{
    fake_object *owner = fake_find("device", FAKE_HANDLE(device), device);
    fake_find("fence", FAKE_HANDLE(*fences), device);
    if (owner->stuck) {
        struct timespec given = {(time_t)(timeout / 1000000000), (long)(timeout % 1000000000)};
        if (fake_hangs)
            nanosleep(&given, NULL);
        return VK_TIMEOUT;
    }
    VkResult waited = fake_is_idle() ? VK_SUCCESS
                                     : real.WaitForFences(device, count, fences, all, timeout);
    VkResult result = try_lost(owner, "WaitForFences");
    if (result == VK_TIMEOUT) {
        owner->stuck = true;
        if (fake_hangs)
            fprintf(stderr, "fake Vulkan: hangs\n"); /* for who waits for that */
    }
    return result == VK_SUCCESS ? waited : result;
}

static VkResult VKAPI_CALL fake_ResetFences(VkDevice device, uint32_t count, const VkFence *fences)
{
    fake_find("fence", FAKE_HANDLE(*fences), device);
    VkResult result = fake_try("ResetFences");
    return result == VK_SUCCESS ? real.ResetFences(device, count, fences) : result;
}

static VkResult VKAPI_CALL fake_GetQueryPoolResults(VkDevice device, VkQueryPool pool,
                                                    uint32_t first, uint32_t count, size_t bytes,
                                                    void *results, VkDeviceSize stride,
                                                    VkQueryResultFlags flags)
{
    fake_object *owner = fake_find("device", FAKE_HANDLE(device), device);
    fake_find("query pool", FAKE_HANDLE(pool), device);
    VkResult result = try_lost(owner, "GetQueryPoolResults");
    if (result == VK_SUCCESS && fake_is_idle())
        result = VK_NOT_READY;
    return result == VK_SUCCESS
               ? real.GetQueryPoolResults(device, pool, first, count, bytes, results, stride, flags)
               : result;
}

static void VKAPI_CALL fake_CmdDispatchBase(VkCommandBuffer commands, uint32_t base_x,
                                            uint32_t base_y, uint32_t base_z, uint32_t x,
                                            uint32_t y, uint32_t z)
{
    if (x == 0 || y == 0 || z == 0 || base_x + x > 65535 || base_y + y > 65535 ||
        base_z + z > 65535)
        fake_abort("%u x %u x %u workgroups are dispatched from %u, %u, %u on", x, y, z, base_x,
                   base_y, base_z);
    if (!fake_is_idle())
        real.CmdDispatchBase(commands, base_x, base_y, base_z, x, y, z);
}

/* ---- how they are found ---- */

/* Those that cannot fail and make nothing: the real ones serve. */
static bool is_harmless(const char *name)
{
    static const char *const names[] = {"vkGetBufferDeviceAddress", "vkCmdPushConstants",
                                        "vkCmdPipelineBarrier",     "vkCmdCopyBuffer",
                                        "vkCmdResetQueryPool",      "vkCmdWriteTimestamp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static PFN_vkVoidFunction VKAPI_CALL fake_GetDeviceProcAddr(VkDevice device, const char *name)
{
#define KNOWN(function) \
    if (strcmp(name, "vk" #function) == 0) \
        return (PFN_vkVoidFunction)fake_##function;
    FAKE_OF_DEVICE(KNOWN)
#undef KNOWN
    if (!is_harmless(name))
        fake_abort("%s is not known: teach tests/vulkan/fake_vulkan.c how it fails", name);
    return real.GetDeviceProcAddr(device, name);
}

static VkBool32 VKAPI_CALL receive(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                   VkDebugUtilsMessageTypeFlagsEXT types,
                                   const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)severity, (void)types, (void)user;
    fake_message(data->pMessage);
    return false;
}

static VkResult create_real(const VkInstanceCreateInfo *info, VkInstance *instance)
{
    static const VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = receive};
    const char *layer = "VK_LAYER_KHRONOS_validation", *extension = "VK_EXT_debug_utils";
    VkInstanceCreateInfo passed = *info;
    if (fake_validates) {
        passed.pNext = &messenger;
        passed.enabledLayerCount = passed.enabledExtensionCount = 1;
        passed.ppEnabledLayerNames = &layer;
        passed.ppEnabledExtensionNames = &extension;
    }
    VkResult result = real.CreateInstance(&passed, NULL, instance);
    if (result != VK_SUCCESS || !fake_validates)
        return result;
    VkDebugUtilsMessengerEXT made;
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)real.GetInstanceProcAddr(
            *instance, "vkCreateDebugUtilsMessengerEXT");
    return create(*instance, &messenger, NULL, &made);
}

/* The real loader stands beside the C library, wherever that is. */
static void open_real(void)
{
    union {
        const char *(*function)(void);
        void *address;
    } known = {gnu_get_libc_version};
    Dl_info library;
    char path[4096];
    if (!dladdr(known.address, &library))
        fake_abort("where the C library is, is not known");
    int folder = (int)(strrchr(library.dli_fname, '/') - library.dli_fname);
    snprintf(path, sizeof path, "%.*s/libvulkan.so.1", folder, library.dli_fname);
    void *loader = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!loader)
        fake_abort("%s", dlerror());
    *(void **)&real.GetInstanceProcAddr = dlsym(loader, "vkGetInstanceProcAddr");
    real.CreateInstance = (PFN_vkCreateInstance)real.GetInstanceProcAddr(NULL, "vkCreateInstance");
}

static VkResult VKAPI_CALL fake_CreateInstance(const VkInstanceCreateInfo *info,
                                               const VkAllocationCallbacks *allocator,
                                               VkInstance *instance)
{
    (void)allocator;
    if (real_instance)
        fake_abort("a process needs one instance");
    fake_gpus_read();
    open_real();
    VkResult result = fake_try("CreateInstance");
    if (result != VK_SUCCESS) {
        *instance = FAKE_NOTHING(VkInstance);
        return result;
    }
    if (create_real(info, instance) != VK_SUCCESS)
        fake_abort("the real Vulkan (vulkan-validationlayers too, to validate) does not start");
    real_instance = *instance;
#define GET(name) real.name = (PFN_vk##name)real.GetInstanceProcAddr(real_instance, "vk" #name);
    FAKE_OF_INSTANCE(GET)
    FAKE_OF_DEVICE(GET)
#undef GET
    fake_gpus_find();
    return VK_SUCCESS;
}

FAKE_EXPORT PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance,
                                                                const char *name);

PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
    if (strcmp(name, "vkCreateInstance") == 0)
        return (PFN_vkVoidFunction)fake_CreateInstance;
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        return (PFN_vkVoidFunction)fake_GetDeviceProcAddr;
    PFN_vkVoidFunction known = fake_gpu_function(name);
    if (known)
        return known;
    if (strcmp(name, "vkEnumerateInstanceVersion") == 0)
        return real.GetInstanceProcAddr(NULL, name);
    fake_abort("%s is not known: teach tests/vulkan/fake_gpus.c how it fails", name);
    (void)instance;
}
