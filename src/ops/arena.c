#include "ops/arena.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

uintptr_t de_arena_take(de_arena *arena, size_t bytes)
{
    size_t offset = arena->used;
    arena->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    if (arena->measuring) /* never touched, but not 0, which is no array */
        return ALIGNMENT + offset;
    if (arena->used > arena->capacity)
        abort(); /* the measuring run and the real one disagree */
    return arena->base + offset;
}
