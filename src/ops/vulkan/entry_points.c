#include "ops/vulkan/entry_points.h"

#include <dlfcn.h>
#include <pthread.h>

static struct {
    pthread_once_t once;
    de_vk_instance instance;
    diffedit_error error;
} vulkan = {.once = PTHREAD_ONCE_INIT};

static VkResult create_instance(de_vk_instance *instance)
{
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .pApplicationName = "diffedit",
                                     .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &application};
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)instance->GetInstanceProcAddr(
        NULL, "vkCreateInstance");
    return create ? create(&info, NULL, &instance->handle) : VK_ERROR_INITIALIZATION_FAILED;
}

/* The name of one that is not there, or NULL */
static const char *get_functions(de_vk_instance *instance)
{
    const char *missing = NULL;
#define GET(name) \
    instance->name = (PFN_vk##name)instance->GetInstanceProcAddr(instance->handle, "vk" #name); \
    if (!instance->name) \
        missing = "vk" #name;
    DE_VK_INSTANCE(GET)
#undef GET
    return missing;
}

static void open_vulkan(void)
{
    de_vk_instance *instance = &vulkan.instance;
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        de_fail(&vulkan.error, DIFFEDIT_ERROR_DEVICE,
                "GPUs are reached through Vulkan, whose loader cannot be opened: %s", dlerror());
        return;
    }
    *(void **)&instance->GetInstanceProcAddr = dlsym(library, "vkGetInstanceProcAddr");
    VkResult result = instance->GetInstanceProcAddr ? create_instance(instance)
                                                    : VK_ERROR_INITIALIZATION_FAILED;
    if (result != VK_SUCCESS) {
        de_fail(&vulkan.error, DIFFEDIT_ERROR_DEVICE, "Vulkan cannot be used: %s",
                de_vk_words(result));
        return;
    }
    const char *missing = get_functions(instance);
    if (missing)
        de_fail(&vulkan.error, DIFFEDIT_ERROR_DEVICE,
                "Vulkan cannot be used: its loader is too old, it has no %s", missing);
    instance->GetCooperativeMatrices = (de_get_cooperative_matrices)instance->GetInstanceProcAddr(
        instance->handle, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
}

diffedit_status de_vk_instance_get(const de_vk_instance **instance, diffedit_error *error)
{
    pthread_once(&vulkan.once, open_vulkan);
    *instance = &vulkan.instance;
    if (vulkan.error.code != DIFFEDIT_OK)
        return de_fail(error, vulkan.error.code, "%s", vulkan.error.message);
    return DIFFEDIT_OK;
}

bool de_vk_functions_get(de_vk_functions *functions, const de_vk_instance *instance,
                         VkDevice device)
{
    bool all = true;
#define GET(name) \
    functions->name = (PFN_vk##name)instance->GetDeviceProcAddr(device, "vk" #name); \
    all = all && functions->name;
    DE_VK_DEVICE(GET)
#undef GET
    return all;
}

const char *de_vk_words(VkResult result)
{
    switch (result) {
    case VK_TIMEOUT: return "the GPU did not finish within many minutes and was given up";
    case VK_SUCCESS: return "nothing is wrong";
    case VK_ERROR_OUT_OF_HOST_MEMORY: return "out of memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return "out of the GPU's memory";
    case VK_ERROR_DEVICE_LOST:
        return "the GPU was lost (its driver reset it, or it was taken away)";
    case VK_ERROR_INITIALIZATION_FAILED: return "it could not be initialised";
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "no driver is installed, or it is too old";
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT: return "the driver does not have what it said it has";
    case VK_ERROR_TOO_MANY_OBJECTS: return "too many objects are in use";
    default: return "the driver failed";
    }
}
