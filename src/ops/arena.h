/* A stack of temporary arrays, sized once before a loop and used without allocation within it.
 *
 * The size is found by running the same code on a measuring arena, which hands out addresses that
 * must not be touched and records the peak; every op returns early when its arena measures. The
 * memory is a device's, so addresses are numbers here; program.c allocates it. It is in one piece
 * but where that would be larger than the device gives at once: then it is in blocks, and an array
 * that does not fit into what is left of one begins the next. */
#ifndef DE_ARENA_H
#define DE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DE_ARENA_BLOCKS = 16 };

typedef struct de_arena {
    uintptr_t blocks[DE_ARENA_BLOCKS];
    size_t block;                /* bytes of each but the last; 0: there is one, for everything */
    size_t capacity, used, peak; /* bytes */
    size_t beyond;               /* of an array that no block can hold; 0: there is none */
    bool measuring;
} de_arena;

/* `bytes` of memory, 64-byte aligned if the blocks are, uninitialised. Never fails: a request
 * beyond the measured peak is a defect of the program and aborts. */
uintptr_t de_arena_take(de_arena *arena, size_t bytes);
/* Everything taken after a mark is given back by returning to it. */
static inline size_t de_arena_mark(const de_arena *arena)
{
    return arena->used;
}
static inline void de_arena_release(de_arena *arena, size_t mark)
{
    arena->used = mark;
}

#endif
