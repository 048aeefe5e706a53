#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"

static void multiply_add(void *user, int64_t begin, int64_t end, int thread)
{
    double *operations = user;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        operations[i] = de_kernels_get()->multiply_add(2 * 1000 * 1000);
}

double de_measure_peak(int threads)
{
    enum { RUNS = 5, MOST = 256 };
    double operations[MOST], best = 0;
    threads = (int)de_min_i64(threads, MOST);
    for (int run = 0; run < RUNS; run++) {
        double start = de_seconds(), all = 0;
        de_parallel_for(threads, threads, 1, multiply_add, operations);
        double seconds = de_seconds() - start;
        for (int i = 0; i < threads; i++)
            all += operations[i];
        best = all / seconds > best ? all / seconds : best;
    }
    return best;
}
