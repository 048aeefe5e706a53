/* Which backends there are: the one file that knows them all. */
#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"
#include "ops/cpu/processor.h"
#include "ops/vulkan/gpu_device.h"
#include "ops/vulkan/gpu_facts.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

const char *de_device_name(diffedit_device which)
{
    static const char *const names[] = {[1 + DIFFEDIT_DEVICE_AUTO] = "auto",
                                        [1 + DIFFEDIT_DEVICE_CPU] = "cpu",
                                        "gpu:0",
                                        "gpu:1",
                                        "gpu:2",
                                        "gpu:3",
                                        "gpu:4",
                                        "gpu:5",
                                        "gpu:6",
                                        "gpu:7",
                                        "gpu:8",
                                        "gpu:9",
                                        "gpu:10",
                                        "gpu:11",
                                        "gpu:12",
                                        "gpu:13",
                                        "gpu:14",
                                        "gpu:15"};
    static_assert(sizeof names / sizeof *names == 2 + DE_MAX_GPUS, "a name for each");
    return which >= DIFFEDIT_DEVICE_AUTO && which <= DE_MAX_GPUS ? names[1 + which] : NULL;
}

/* ---- the list ---- */

static struct {
    pthread_once_t once;
    char processor[DE_GPU_TEXT];
    diffedit_device_info rows[1 + DE_MAX_GPUS];
    const diffedit_device_info *pointers[1 + DE_MAX_GPUS];
    const de_gpu_info *gpus;
    int gpu_count;
    diffedit_error reason; /* why there are none */
} list = {.once = PTHREAD_ONCE_INIT};

static diffedit_device_info describe_gpu(int index, const de_gpu_info *gpu)
{
    bool can_be_used = !gpu->problem[0];
    diffedit_device which = can_be_used ? 1 + index : DIFFEDIT_DEVICE_AUTO;
    return (diffedit_device_info){.name = can_be_used ? de_device_name(which) : NULL,
                                  .device = which,
                                  .title = gpu->title,
                                  .kind = de_gpu_type_name(gpu->type),
                                  .memory = (int64_t)gpu->memory,
                                  .family = gpu->matrix.m > 0 ? "matrix" : "scalar",
                                  .driver = gpu->driver,
                                  .problem = can_be_used ? NULL : gpu->problem};
}

static void make_list(void)
{
    de_processor_title(list.processor, sizeof list.processor);
    list.rows[0] = (diffedit_device_info){.name = de_device_name(DIFFEDIT_DEVICE_CPU),
                                          .device = DIFFEDIT_DEVICE_CPU,
                                          .title = list.processor,
                                          .kind = "processor",
                                          .memory = de_processor_memory(),
                                          .family = de_kernels_get()->name,
                                          .problem = de_kernels_problem()};
    list.gpu_count = de_gpu_list(&list.gpus, &list.reason);
    for (int i = 0; i < list.gpu_count; i++)
        list.rows[1 + i] = describe_gpu(i, &list.gpus[i]);
    for (int i = 0; i <= list.gpu_count; i++)
        list.pointers[i] = &list.rows[i];
}

const diffedit_device_info *const *de_devices(size_t *count)
{
    pthread_once(&list.once, make_list);
    *count = 1 + (size_t)list.gpu_count;
    return list.pointers;
}

const char *de_devices_problem(void)
{
    pthread_once(&list.once, make_list);
    return list.gpu_count == 0 ? list.reason.message : NULL;
}

int64_t de_device_get_room(const diffedit_device_info *info)
{
    bool is_gpu = info->name && info->device != DIFFEDIT_DEVICE_CPU;
    return is_gpu ? (int64_t)de_gpu_room(&list.gpus[info->device - 1]) : 0;
}

void de_device_facts(const diffedit_device_info *info, diffedit_fact_fn report, void *user)
{
    char cores[16];
    if (info != list.rows) {
        de_gpu_facts(&list.gpus[info - list.rows - 1], report, user);
        return;
    }
    snprintf(cores, sizeof cores, "%d", de_core_count());
    report(user, "cores", cores);
}

/* ---- choosing and opening ---- */

/* Software is among the kinds because it can only be used where the environment wants it so. */
diffedit_device de_device_choose(uint64_t bytes, diffedit_error *reason)
{
    static const VkPhysicalDeviceType wanted[] = {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                                                  VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
                                                  VK_PHYSICAL_DEVICE_TYPE_CPU};
    const de_gpu_info *gpus, *largest = NULL;
    diffedit_error none = {0};
    uint64_t room = 0;
    int count = de_gpu_list(&gpus, &none);
    for (size_t kind = 0; kind < sizeof wanted / sizeof *wanted; kind++)
        for (int i = 0; i < count; i++) {
            if (gpus[i].type != wanted[kind] || gpus[i].problem[0])
                continue;
            uint64_t free = de_gpu_room(&gpus[i]);
            if (free >= bytes)
                return 1 + i;
            largest = !largest || free > room ? &gpus[i] : largest;
            room = free > room ? free : room;
        }
    if (count == 0)
        de_fail(reason, DIFFEDIT_ERROR_DEVICE, "%s", none.message);
    else if (largest)
        de_fail(reason, DIFFEDIT_ERROR_DEVICE,
                "no GPU has %.1f GB of free memory, which the model needs; %s has %.1f GB",
                (double)bytes * 1e-9, largest->title, (double)room * 1e-9);
    else if (gpus[0].problem[0])
        de_fail(reason, DIFFEDIT_ERROR_DEVICE, "%s cannot be used: %s", gpus[0].title,
                gpus[0].problem);
    else
        de_fail(reason, DIFFEDIT_ERROR_DEVICE, "%s (%s) is only used where it is named",
                gpus[0].title, de_gpu_type_name(gpus[0].type));
    return DIFFEDIT_DEVICE_CPU;
}

diffedit_status de_device_open(de_device **device, diffedit_device which,
                               diffedit_arithmetic arithmetic, diffedit_error *error)
{
    return which == DIFFEDIT_DEVICE_CPU ? de_cpu_open(device, arithmetic, error)
                                        : de_vulkan_open(device, which - 1, arithmetic, error);
}
