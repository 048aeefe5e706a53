/* A GPU's memory in blocks, because drivers allow few allocations and each is slow: what is small
 * stands in a block beside others, what is large has its own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ops/vulkan/gpu.h"

enum { ALIGNMENT = 64, MIB = 1024 * 1024 };
/* DE_OWN_BLOCKS: each array stands in a block of its own, so that what reads or writes beyond its
 * end is seen by validation (./run check vulkan). */
#ifdef DE_OWN_BLOCKS
enum { DEVICE_BLOCK = 0, SHARED_BLOCK = 0 };
#else
enum { DEVICE_BLOCK = 64 * MIB, SHARED_BLOCK = 4 * MIB };
#endif
enum { STAGING = 8 * MIB };

/* [begin, end) of a block in use */
typedef struct span {
    uint64_t begin, end;
} span;

struct de_gpu_block {
    de_gpu_block *next;
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint64_t address, bytes;
    char *host;  /* NULL: not shared */
    span *spans; /* in order */
    int count, room;
};

/* ---- blocks ---- */

/* The first kind of memory with all of `wanted`; the kinds' count: there is none */
static uint32_t find_kind(const de_gpu *gpu, uint32_t allowed, VkMemoryPropertyFlags wanted)
{
    uint32_t kind = 0;
    while (kind < gpu->memory.memoryTypeCount &&
           (!(allowed >> kind & 1) ||
            (gpu->memory.memoryTypes[kind].propertyFlags & wanted) != wanted))
        kind++;
    return kind;
}

static uint32_t choose_kind(const de_gpu *gpu, uint32_t allowed, bool shared)
{
    VkMemoryPropertyFlags seen = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                 VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if (!shared)
        return find_kind(gpu, allowed, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    uint32_t kind = find_kind(gpu, allowed, seen | VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    return kind < gpu->memory.memoryTypeCount ? kind : find_kind(gpu, allowed, seen);
}

static VkResult allocate_memory(de_gpu *gpu, de_gpu_block *block, bool shared)
{
    VkMemoryRequirements needs;
    gpu->vk.GetBufferMemoryRequirements(gpu->device, block->buffer, &needs);
    VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                       .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .pNext = &flags,
                                 .allocationSize = needs.size,
                                 .memoryTypeIndex = choose_kind(gpu, needs.memoryTypeBits, shared)};
    if (info.memoryTypeIndex == gpu->memory.memoryTypeCount)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    VkResult result = de_vk_made(gpu->vk.AllocateMemory(gpu->device, &info, NULL, &block->memory),
                                 &block->memory);
    if (result == VK_SUCCESS)
        result = gpu->vk.BindBufferMemory(gpu->device, block->buffer, block->memory, 0);
    if (result == VK_SUCCESS && shared) {
        void *host;
        result = gpu->vk.MapMemory(gpu->device, block->memory, 0, VK_WHOLE_SIZE, 0, &host);
        block->host = result == VK_SUCCESS ? host : NULL;
    }
    return result;
}

static void free_block(de_gpu *gpu, de_gpu_block *block)
{
    if (!gpu->stuck) {
        gpu->vk.DestroyBuffer(gpu->device, block->buffer, NULL);
        gpu->vk.FreeMemory(gpu->device, block->memory, NULL);
    }
    free(block->spans);
    free(block);
}

static de_gpu_block *new_block(de_gpu *gpu, uint64_t bytes, bool shared)
{
    de_gpu_block *block = bytes <= gpu->info->largest ? calloc(1, sizeof *block) : NULL;
    if (!block)
        return NULL;
    block->bytes = bytes;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = bytes,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT};
    VkResult result = de_vk_made(gpu->vk.CreateBuffer(gpu->device, &info, NULL, &block->buffer),
                                 &block->buffer);
    if (result == VK_SUCCESS)
        result = allocate_memory(gpu, block, shared);
    if (result != VK_SUCCESS) {
        free_block(gpu, block);
        return NULL;
    }
    VkBufferDeviceAddressInfo where = {.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                       .buffer = block->buffer};
    block->address = gpu->vk.GetBufferDeviceAddress(gpu->device, &where);
    block->next = gpu->blocks;
    gpu->blocks = block;
    return block;
}

/* ---- spans ---- */

/* The address of `bytes` in the block's first gap that is large enough; 0: there is none */
static uintptr_t take(de_gpu_block *block, uint64_t bytes)
{
    uint64_t begin = 0;
    int at = 0;
    while (at < block->count && block->spans[at].begin - begin < bytes)
        begin = block->spans[at++].end;
    if (block->bytes - begin < bytes)
        return 0;
    if (block->count == block->room) {
        int room = block->room ? 2 * block->room : 16;
        span *spans = realloc(block->spans, (size_t)room * sizeof *spans);
        if (!spans)
            return 0;
        block->spans = spans;
        block->room = room;
    }
    memmove(block->spans + at + 1, block->spans + at,
            (size_t)(block->count - at) * sizeof *block->spans);
    block->spans[at] = (span){begin, begin + bytes};
    block->count++;
    return block->address + begin;
}

static de_gpu_block *find_block(const de_gpu *gpu, uintptr_t address)
{
    de_gpu_block *block = gpu->blocks;
    while (block && address - block->address >= block->bytes)
        block = block->next;
    assert(block); /* nobody was given this address */
    return block;
}

/* What is larger than half a block has its own; where the GPU has little left, blocks are smaller.
 */
uintptr_t de_gpu_allocate(de_gpu *gpu, size_t bytes, bool shared)
{
    uint64_t rounded = ((uint64_t)bytes + (bytes == 0) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    uint64_t size = shared ? SHARED_BLOCK : DEVICE_BLOCK;
    uintptr_t address = 0;
    pthread_mutex_lock(&gpu->lock);
    for (de_gpu_block *block = gpu->blocks; block && !address; block = block->next)
        if (!block->host == !shared)
            address = take(block, rounded);
    if (!address) {
        de_gpu_block *block = NULL;
        for (; !block && size / 2 >= rounded; size /= 2)
            block = new_block(gpu, size, shared);
        if (!block)
            block = new_block(gpu, rounded, shared);
        if (block)
            address = take(block, rounded);
    }
    pthread_mutex_unlock(&gpu->lock);
    return address;
}

void de_gpu_deallocate(de_gpu *gpu, uintptr_t address)
{
    pthread_mutex_lock(&gpu->lock);
    de_gpu_block *block = find_block(gpu, address);
    int at = 0;
    while (at < block->count && block->spans[at].begin != address - block->address)
        at++;
    assert(at < block->count);
    block->count--;
    memmove(block->spans + at, block->spans + at + 1,
            (size_t)(block->count - at) * sizeof *block->spans);
    if (block->count == 0) {
        de_gpu_block **link = &gpu->blocks;
        while (*link != block)
            link = &(*link)->next;
        *link = block->next;
        free_block(gpu, block);
    }
    pthread_mutex_unlock(&gpu->lock);
}

void *de_gpu_host(de_gpu *gpu, uintptr_t address)
{
    pthread_mutex_lock(&gpu->lock);
    const de_gpu_block *block = find_block(gpu, address);
    assert(block->host);
    char *host = block->host + (address - block->address);
    pthread_mutex_unlock(&gpu->lock);
    return host;
}

/* ---- copying ---- */

/* Copies what stands in the staging memory; the lock is held by the caller. */
static VkResult record_copy(de_gpu *gpu, uintptr_t to, size_t bytes)
{
    const de_gpu_block *source = find_block(gpu, gpu->staging), *target = find_block(gpu, to);
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    VkBufferCopy copy = {gpu->staging - source->address, to - target->address, bytes};
    VkResult result = gpu->vk.ResetCommandPool(gpu->device, gpu->copying, 0);
    if (result == VK_SUCCESS)
        result = gpu->vk.BeginCommandBuffer(gpu->copy, &info);
    if (result != VK_SUCCESS)
        return result;
    gpu->vk.CmdCopyBuffer(gpu->copy, source->buffer, target->buffer, 1, &copy);
    return gpu->vk.EndCommandBuffer(gpu->copy);
}

VkResult de_gpu_make_staging(de_gpu *gpu)
{
    gpu->staging = de_gpu_allocate(gpu, STAGING, true);
    return gpu->staging ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static diffedit_status upload_part(de_gpu *gpu, uintptr_t to, const char *from, size_t bytes,
                                   diffedit_error *error)
{
    memcpy(de_gpu_host(gpu, gpu->staging), from, bytes);
    pthread_mutex_lock(&gpu->lock);
    VkResult result = record_copy(gpu, to, bytes);
    pthread_mutex_unlock(&gpu->lock);
    return result == VK_SUCCESS ? de_gpu_submit(gpu, &gpu->copy, 1, gpu->copied, error)
                                : de_gpu_fail(gpu, result, "copying weights", error);
}

diffedit_status de_gpu_upload(de_gpu *gpu, uintptr_t to, const void *from, size_t bytes,
                              diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    pthread_mutex_lock(&gpu->uploading);
    for (size_t at = 0; at < bytes && status == DIFFEDIT_OK; at += STAGING)
        status = upload_part(gpu, to + at, (const char *)from + at,
                             bytes - at < STAGING ? bytes - at : STAGING, error);
    pthread_mutex_unlock(&gpu->uploading);
    return status;
}

void de_gpu_free_memory(de_gpu *gpu)
{
    while (gpu->blocks) {
        de_gpu_block *block = gpu->blocks;
        gpu->blocks = block->next;
        free_block(gpu, block);
    }
}
