#include "base.h"

#include <omp.h>
#include <time.h>

void de_parallel_for(int threads, int64_t count, int64_t grain, de_parallel_fn fn, void *user)
{
    if (grain < 1)
        grain = 1;
    int64_t chunks = de_divide_up(count, grain);
    if (threads > chunks)
        threads = (int)chunks;
    if (threads <= 1) {
        if (count > 0)
            fn(user, 0, count, 0);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        int64_t begin = chunk * grain;
        fn(user, begin, de_min_i64(begin + grain, count), omp_get_thread_num());
    }
}

int de_core_count(void)
{
    return omp_get_num_procs();
}

double de_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
