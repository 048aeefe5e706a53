#define _GNU_SOURCE
#include "base.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

bool de_multiply_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

void *de_aligned_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX - HUGE_PAGE)
        return NULL;
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, rounded ? rounded : alignment);
    if (memory && bytes >= HUGE_PAGE)
        madvise(memory, rounded, MADV_HUGEPAGE);
    return memory;
}

void de_arena_start_measuring(de_arena *arena)
{
    arena->measuring = true;
    arena->used = arena->peak = 0;
}

diffedit_status de_arena_allocate(de_arena *arena, diffedit_error *error)
{
    size_t bytes = arena->peak;
    arena->measuring = false;
    arena->used = 0;
    if (arena->base && bytes <= arena->capacity)
        return DIFFEDIT_OK;
    free(arena->base);
    arena->base = de_aligned_alloc(bytes);
    arena->capacity = arena->base ? bytes : 0;
    return arena->base ? DIFFEDIT_OK : de_fail_memory(error, bytes, "temporary arrays");
}

void de_arena_free(de_arena *arena)
{
    free(arena->base);
    *arena = (de_arena){0};
}

float *de_arena_floats(de_arena *arena, int64_t count)
{
    size_t offset = arena->used;
    size_t bytes = ((size_t)count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    arena->used += bytes;
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    if (arena->measuring)
        return (float *)(uintptr_t)(ALIGNMENT +
                                    offset); /* never touched, but not NULL: offsets may be added */
    if (arena->used > arena->capacity)
        abort(); /* the measuring run and the real one disagree */
    return (float *)(void *)(arena->base + offset);
}
