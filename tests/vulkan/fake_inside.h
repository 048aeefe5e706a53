/* What the files of the fake Vulkan share. */
#ifndef FAKE_INSIDE_H
#define FAKE_INSIDE_H

#include "fake_vulkan.h"

#include <stdatomic.h>

#include "ops/vulkan/cooperative_matrix.h"

/* Prints a sentence and aborts: the program that is tested did what it must not. */
_Noreturn void fake_abort(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- what is passed on to (fake_vulkan.c) ---- */

#define FAKE_OF_INSTANCE(f) \
    f(CreateInstance) f(EnumeratePhysicalDevices) f(GetPhysicalDeviceProperties2) \
        f(GetPhysicalDeviceFeatures2) f(GetPhysicalDeviceMemoryProperties2) \
            f(GetPhysicalDeviceQueueFamilyProperties) f(EnumerateDeviceExtensionProperties) \
                f(CreateDevice) f(GetDeviceProcAddr)
/* Each has a fake_NAME() of the same type. */
#define FAKE_OF_DEVICE(f) \
    f(DestroyDevice) f(GetDeviceQueue) f(CreateBuffer) f(DestroyBuffer) \
        f(GetBufferMemoryRequirements) f(AllocateMemory) f(FreeMemory) f(BindBufferMemory) \
            f(MapMemory) f(CreateShaderModule) f(DestroyShaderModule) f(CreatePipelineLayout) \
                f(DestroyPipelineLayout) f(CreateComputePipelines) f(DestroyPipeline) \
                    f(CreateCommandPool) f(DestroyCommandPool) f(AllocateCommandBuffers) \
                        f(BeginCommandBuffer) f(EndCommandBuffer) f(ResetCommandPool) \
                            f(QueueSubmit) f(CreateFence) f(DestroyFence) f(WaitForFences) \
                                f(ResetFences) f(CreateQueryPool) f(DestroyQueryPool) \
                                    f(GetQueryPoolResults) f(CmdBindPipeline) f(CmdDispatchBase)

typedef struct fake_real {
#define MEMBER(name) PFN_vk##name name;
    FAKE_OF_INSTANCE(MEMBER)
    FAKE_OF_DEVICE(MEMBER)
#undef MEMBER
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
} fake_real;

extern fake_real real;
extern VkInstance real_instance;

/* ---- GPUs (fake_gpus.c) ---- */

typedef struct fake_gpu {
    VkPhysicalDevice real;
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    VkPhysicalDeviceType type;
    uint64_t bytes, busy; /* of its own memory: all, and what others use */
    uint64_t largest, buffer;
    uint32_t version, shared, group;
    uint32_t subgroup;       /* 0: the real driver's */
    uint32_t matrices;       /* cooperative ones, all of 16 x 16 x 16 */
    uint32_t other_families; /* before the one that is to be used */
    bool draw;               /* these do, and compute */
    bool endless, no_addresses, no_16bit, no_scalar, no_int64, no_timestamps, no_compute;
} fake_gpu;

/* Reads FAKE_VULKAN, before the real instance is made, and finds its software driver after that. */
void fake_gpus_read(void);
void fake_gpus_find(void);
extern bool fake_validates, fake_hangs;

/* The flags of a kind of memory, as the GPU shows them, and its heap */
const VkPhysicalDeviceMemoryProperties *fake_memory_of(const fake_gpu *gpu);

/* NULL: not one of these */
PFN_vkVoidFunction fake_gpu_function(const char *name);

/* ---- account (fake_account.c) ---- */

/* What becomes of a call that can fail: its own result is asked for after VK_SUCCESS. */
VkResult fake_try(const char *call);
/* Bytes of the GPU's heap that are in use, here and by others */
uint64_t fake_in_use(const fake_gpu *gpu, uint32_t heap);
/* Whether there is room for so much more on this heap of the device */
bool fake_has_room(VkDevice device, uint32_t heap, uint64_t bytes);
bool fake_is_idle(void);
void fake_message(const char *text);

typedef struct fake_object {
    struct fake_object *next;
    const char *kind;
    uint64_t handle;
    VkDevice device; /* that it was made from; its own of a device */
    fake_gpu *gpu;   /* of a device */
    VkQueue queue;   /* of a device */
    /* of a device, for good; two threads may wait for its jobs */
    atomic_bool lost, stuck;
    uint64_t bytes;  /* of memory */
    uint32_t memory; /* kind of memory */
} fake_object;

#define FAKE_HANDLE(handle) ((uint64_t)(uintptr_t)(handle))
/* An output of a call that failed */
#define FAKE_NOTHING(type) ((type)(uintptr_t)0xdeadbee0)

/* Aborts where the kind or the device is another, or nothing of the handle is alive. */
fake_object *fake_find(const char *kind, uint64_t handle, VkDevice device);
/* Whole, because other threads look through all objects from then on */
void fake_add(const fake_object *made);
/* Nothing for a handle of 0 */
void fake_remove(const char *kind, uint64_t handle, VkDevice device);
/* A device's queue, and the device of a queue */
void fake_set_queue(fake_object *device, VkQueue queue);
fake_object *fake_device_of(VkQueue queue);

#endif
