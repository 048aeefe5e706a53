#include "kernels/avx2.h"

/* Independent chains of FMAs: as many as two units with a latency of 4 to 6 cycles can use. */
enum { CHAINS = 12 };

double de_multiply_add_avx2(int64_t rounds)
{
    __m256 sums[CHAINS], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-4f);
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm256_set1_ps((float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm256_fmadd_ps(sums[i], x, y);
    volatile float kept = 0; /* or the compiler would leave out the work */
    for (int i = 0; i < CHAINS; i++)
        kept = kept + de_sum_lanes(sums[i]);
    return 2.0 * DE_LANES * CHAINS * (double)rounds;
}
