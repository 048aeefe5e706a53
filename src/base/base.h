/* The base of every layer: errors (common/error.h), logging, memory, threads. */
#ifndef DE_BASE_H
#define DE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* ---- logging: a callback and its user pointer, passed down by value ---- */

typedef struct de_log {
    diffedit_log_fn write; /* NULL: silent */
    void *user;
} de_log;

void de_log_write(de_log log, diffedit_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- memory ---- */

/* *product = a * b, for sizes from a file; false on overflow */
bool de_multiply_size(size_t a, size_t b, size_t *product);

/* 64-byte aligned; large arrays ask for transparent huge pages. Released by free(). */
void *de_aligned_alloc(size_t bytes);

/* ---- threads ---- */

enum { DE_MAX_THREADS = 256 }; /* of a loop, its caller included */

typedef void (*de_parallel_fn)(void *user, int64_t begin, int64_t end, int thread);

/* Splits [0, count) into chunks of `grain` (at least 1) and runs them on up to `threads` threads,
 * in any order; `thread`, 0..threads-1, selects private scratch memory. Where there is nobody to
 * share with (one thread, one chunk, a loop within a loop, a second caller at the same time), the
 * caller runs all of it at once, as thread 0. Work must be split over outputs, never over sums, so
 * that results do not depend on `threads`. */
void de_parallel_for(int threads, int64_t count, int64_t grain, de_parallel_fn fn, void *user);
int de_core_count(void);

/* Seconds since an arbitrary moment, monotonic. */
double de_seconds(void);

static inline int64_t de_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t de_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t de_divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

#endif
