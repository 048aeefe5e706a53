#include "ops/arena.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

/* Where `bytes` begin that are taken next. */
static size_t place(const de_arena *arena, size_t bytes)
{
    size_t used = arena->block ? arena->used % arena->block : 0;
    if (used == 0 || used + bytes <= arena->block)
        return arena->used;
    return arena->used - used + arena->block;
}

uintptr_t de_arena_take(de_arena *arena, size_t bytes)
{
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t offset = place(arena, rounded), block = arena->block ? offset / arena->block : 0;
    arena->used = offset + rounded;
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    if (arena->block && rounded > arena->block)
        arena->beyond = bytes;
    if (arena->measuring) /* never touched, but not 0, which is no array */
        return ALIGNMENT + offset;
    if (arena->used > arena->capacity)
        abort(); /* the measuring run and the real one disagree */
    return arena->blocks[block] + (offset - block * arena->block);
}
