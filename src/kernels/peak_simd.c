#include "kernels/tables.h"
#include "kernels/vector.h"

/* Independent chains of FMAs: as many as two units with a latency of 4 to 6 cycles can use. */
enum { CHAINS = 12 };

double DE_KERNEL(de_multiply_add)(int64_t rounds)
{
    de_floats sums[CHAINS], x = de_splat(0.999f), y = de_splat(1e-4f);
    for (int i = 0; i < CHAINS; i++)
        sums[i] = de_splat((float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sums[i] = de_mul_add(sums[i], x, y);
    volatile float kept = 0; /* or the compiler would leave out the work */
    for (int i = 0; i < CHAINS; i++)
        kept = kept + de_sum_lanes(sums[i]);
    return 2.0 * DE_LANES * CHAINS * (double)rounds;
}
