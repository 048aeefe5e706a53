/* A GPU in use: shared by every model, arithmetic and thread that computes on it. */
#ifndef DE_GPU_H
#define DE_GPU_H

#include <pthread.h>
#include <stdatomic.h>

#include "ops/backend.h"
#include "ops/vulkan/gpu_list.h"
#include "ops/vulkan/shaders.h"

enum { DE_PUSH_BYTES = 128 }; /* which every driver has */

typedef struct de_gpu_block de_gpu_block;       /* gpu_memory.c */
typedef struct de_gpu_pipeline de_gpu_pipeline; /* pipelines.c */

typedef struct de_gpu {
    const de_gpu_info *info;
    int index;                   /* gpu:N */
    char name[DE_GPU_TEXT + 16]; /* "gpu:N (TITLE)" */
    de_vk_functions vk;
    VkDevice device;
    VkQueue queue;
    VkPipelineLayout layout; /* of every pipeline: no bindings, DE_PUSH_BYTES of push constants */
    VkPhysicalDeviceMemoryProperties memory;

    int users; /* gpu.c's registry locks it */
    atomic_bool lost;
    /* Lost, and it may never come to an end: what it uses (memory, commands, the device) is left to
     * it until the process ends. */
    atomic_bool stuck;

    pthread_mutex_t lock; /* of the queue and the memory */
    de_gpu_block *blocks;

    pthread_mutex_t compiling; /* which takes long */
    de_gpu_pipeline *pipelines;

    pthread_mutex_t uploading; /* of what follows: how weights are copied */
    VkCommandPool copying;
    VkCommandBuffer copy;
    VkFence copied;
    uintptr_t staging;
} de_gpu;

/* The GPU of this number, opened once for all. Errors: DEVICE, MEMORY. */
diffedit_status de_gpu_open(de_gpu **gpu, int index, diffedit_error *error);
void de_gpu_close(de_gpu *gpu);
/* Fails with what `result` means for this GPU, and remembers a loss. */
diffedit_status de_gpu_fail(de_gpu *gpu, VkResult result, const char *doing, diffedit_error *error);
/* Runs the jobs, each in a submission of its own, and waits for the end of the last. Where waiting
 * fails, the GPU counts as lost. */
diffedit_status de_gpu_submit(de_gpu *gpu, const VkCommandBuffer *jobs, int count, VkFence fence,
                              diffedit_error *error);

/* ---- memory (gpu_memory.c) ---- */

/* 64-byte aligned; `shared`: in the host's sight, else in the GPU's own memory. 0: there is not
 * enough. From any thread. */
uintptr_t de_gpu_allocate(de_gpu *gpu, size_t bytes, bool shared);
void de_gpu_deallocate(de_gpu *gpu, uintptr_t address);
/* Where the host sees what stands at a shared address */
void *de_gpu_host(de_gpu *gpu, uintptr_t address);
/* Makes room for what is copied, before weights can take it. */
VkResult de_gpu_make_staging(de_gpu *gpu);
/* Copies bytes into memory that is not shared, waiting for the end. Errors: DEVICE, MEMORY. */
diffedit_status de_gpu_upload(de_gpu *gpu, uintptr_t to, const void *from, size_t bytes,
                              diffedit_error *error);
void de_gpu_free_memory(de_gpu *gpu);

/* ---- pipelines (pipelines.c) ---- */

enum { DE_SHADER_CONSTANTS = 12 };

/* A shader and the values of its specialisation constants 0, 1, ... */
typedef struct de_shader_use {
    de_shader shader;
    uint32_t constants[DE_SHADER_CONSTANTS]; /* those that a shader lacks are 0 */
} de_shader_use;

/* Made when first used, which takes the driver a while, and kept. Errors: DEVICE, MEMORY. */
diffedit_status de_gpu_pipeline_get(VkPipeline *pipeline, de_gpu *gpu, const de_shader_use *use,
                                    diffedit_error *error);
void de_gpu_free_pipelines(de_gpu *gpu);

#endif
