#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"

enum { RUNS = 5, ROUNDS = 2 * 1000 * 1000 };

typedef struct peak {
    double (*multiply_add)(int64_t rounds);
    double operations[DE_MAX_THREADS]; /* of each thread */
} peak;

static void multiply_add(void *user, int64_t begin, int64_t end, int thread)
{
    peak *run = user;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        run->operations[i] = run->multiply_add(ROUNDS);
}

double de_measure_peak(int threads, diffedit_arithmetic arithmetic)
{
    const de_kernels *kernels = de_kernels_get();
    peak run = {.multiply_add = arithmetic == DIFFEDIT_ARITHMETIC_QUICK
                                    ? kernels->multiply_add_pairs
                                    : kernels->multiply_add};
    double best = 0;
    threads = (int)de_min_i64(threads, DE_MAX_THREADS);
    for (int i = 0; i < RUNS; i++) {
        double start = de_seconds(), all = 0;
        de_parallel_for(threads, threads, 1, multiply_add, &run);
        double seconds = de_seconds() - start;
        for (int k = 0; k < threads; k++)
            all += run.operations[k];
        best = all / seconds > best ? all / seconds : best;
    }
    return best;
}

diffedit_status de_cpu_measure_peak(double *reached, de_device *device, int threads,
                                    diffedit_error *error)
{
    (void)error;
    *reached = de_measure_peak(threads, device->arithmetic);
    return DIFFEDIT_OK;
}
