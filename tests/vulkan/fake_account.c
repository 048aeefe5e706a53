/* Calls that fail, and objects that are alive. */
#include "fake_inside.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static fake_object *objects;
static int messages;
static uint64_t limit;
static bool idle;

static struct {
    char call[64]; /* "": any */
    int n, calls;
    VkResult result;
    char failed[64];
} plan;

void fake_abort(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("fake Vulkan: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

/* ---- failing ---- */

void fake_vulkan_fail(const char *call, int n, VkResult result)
{
    pthread_mutex_lock(&lock);
    snprintf(plan.call, sizeof plan.call, "%s", call ? call : "");
    plan.n = n;
    plan.result = result;
    plan.calls = 0;
    plan.failed[0] = '\0';
    pthread_mutex_unlock(&lock);
}

VkResult fake_try(const char *call)
{
    VkResult result = VK_SUCCESS;
    pthread_mutex_lock(&lock);
    if ((!plan.call[0] || strcmp(plan.call, call) == 0) && ++plan.calls == plan.n) {
        result = plan.result;
        snprintf(plan.failed, sizeof plan.failed, "%s", call);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

void fake_vulkan_limit(uint64_t bytes)
{
    limit = bytes;
}

void fake_vulkan_idle(bool is_idle)
{
    idle = is_idle;
}

bool fake_is_idle(void)
{
    return idle;
}

int fake_vulkan_calls(void)
{
    return plan.calls;
}

const char *fake_vulkan_failed(void)
{
    return plan.failed[0] ? plan.failed : NULL;
}

/* ---- objects ---- */

static fake_object **link_to(const char *kind, uint64_t handle)
{
    fake_object **link = &objects;
    while (*link && ((*link)->handle != handle || strcmp((*link)->kind, kind) != 0))
        link = &(*link)->next;
    return link;
}

fake_object *fake_find(const char *kind, uint64_t handle, VkDevice device)
{
    pthread_mutex_lock(&lock);
    fake_object *found = *link_to(kind, handle);
    pthread_mutex_unlock(&lock);
    if (!found)
        fake_abort("a %s is used that is not alive", kind);
    if (found->device != device)
        fake_abort("a %s of another device is used", kind);
    return found;
}

void fake_add(const fake_object *made)
{
    fake_object *new = malloc(sizeof *new);
    if (!new)
        fake_abort("out of memory");
    *new = *made;
    pthread_mutex_lock(&lock);
    new->next = objects;
    objects = new;
    pthread_mutex_unlock(&lock);
}

static void check_children(const fake_object *device)
{
    for (const fake_object *o = objects; o; o = o->next)
        if (o != device && o->device == device->device)
            fake_abort("a device is destroyed while a %s made from it is alive", o->kind);
}

void fake_remove(const char *kind, uint64_t handle, VkDevice device)
{
    if (!handle)
        return;
    fake_object *found = fake_find(kind, handle, device);
    if (fake_find("device", FAKE_HANDLE(device), device)->stuck)
        fake_abort("a %s is destroyed that a GPU may use for ever", kind);
    pthread_mutex_lock(&lock);
    if (found->gpu)
        check_children(found);
    *link_to(kind, handle) = found->next;
    pthread_mutex_unlock(&lock);
    free(found);
}

void fake_set_queue(fake_object *device, VkQueue queue)
{
    pthread_mutex_lock(&lock);
    device->queue = queue;
    pthread_mutex_unlock(&lock);
}

fake_object *fake_device_of(VkQueue queue)
{
    pthread_mutex_lock(&lock);
    fake_object *found = objects;
    while (found && (!found->gpu || found->queue != queue))
        found = found->next;
    pthread_mutex_unlock(&lock);
    if (!found)
        fake_abort("a queue is used whose device is not alive");
    return found;
}

/* The lock is held by the caller. */
static uint64_t in_use(const fake_gpu *gpu, uint32_t heap)
{
    const VkPhysicalDeviceMemoryProperties *memory = fake_memory_of(gpu);
    uint64_t bytes = heap == 0 ? gpu->busy : 0;
    for (const fake_object *o = objects; o; o = o->next)
        if (o->bytes && memory->memoryTypes[o->memory].heapIndex == heap &&
            (*link_to("device", FAKE_HANDLE(o->device)))->gpu == gpu)
            bytes += o->bytes;
    return bytes;
}

uint64_t fake_in_use(const fake_gpu *gpu, uint32_t heap)
{
    pthread_mutex_lock(&lock);
    uint64_t bytes = in_use(gpu, heap);
    pthread_mutex_unlock(&lock);
    return bytes;
}

bool fake_has_room(VkDevice device, uint32_t heap, uint64_t bytes)
{
    const fake_gpu *gpu = fake_find("device", FAKE_HANDLE(device), device)->gpu;
    uint64_t all = bytes;
    pthread_mutex_lock(&lock);
    for (const fake_object *o = objects; o; o = o->next)
        all += o->bytes;
    bool fits = in_use(gpu, heap) + bytes <= fake_memory_of(gpu)->memoryHeaps[heap].size &&
                (!limit || all <= limit);
    pthread_mutex_unlock(&lock);
    return fits;
}

int fake_vulkan_live(void)
{
    int count = 0;
    pthread_mutex_lock(&lock);
    for (const fake_object *o = objects; o; o = o->next)
        count++;
    pthread_mutex_unlock(&lock);
    return count;
}

uint64_t fake_vulkan_bytes(void)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&lock);
    for (const fake_object *o = objects; o; o = o->next)
        bytes += o->bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}

/* ---- messages, and the report ---- */

void fake_message(const char *text)
{
    fprintf(stderr, "%s\n", text);
    pthread_mutex_lock(&lock);
    messages++;
    pthread_mutex_unlock(&lock);
}

int fake_vulkan_messages(void)
{
    return messages;
}

static void __attribute__((destructor)) report(void)
{
    const char *words = getenv("FAKE_VULKAN");
    const char *report = words ? strstr(words, "report=") : NULL;
    char path[4096];
    if (!report || sscanf(report, "report=%4095s", path) != 1)
        return;
    FILE *file = fopen(path, "w");
    if (!file)
        fake_abort("the report cannot be written");
    fprintf(file, "%d %d %d\n", fake_vulkan_live(), messages, plan.calls);
    fclose(file);
}
