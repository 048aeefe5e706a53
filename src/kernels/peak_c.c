#include "kernels/tables.h"

/* So many sums at once that their latency is hidden, in whatever vectors the compiler makes of
 * them. */
enum { CHAINS = 32 };

double de_multiply_add_c(int64_t rounds)
{
    float sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = (float)i;
    for (int64_t round = 0; round < rounds; round++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = sums[i] * 0.999f + 1e-4f;
    volatile float kept = 0; /* or the compiler would leave out the work */
    for (int i = 0; i < CHAINS; i++)
        kept = kept + sums[i];
    return 2.0 * CHAINS * (double)rounds;
}

double de_multiply_add_pairs_c(int64_t rounds)
{
    uint32_t sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = (uint32_t)i;
    for (int64_t round = 0; round < rounds; round++)
        for (int i = 0; i < CHAINS; i++) /* a factor is what the sum was: see peak_simd.c */
            sums[i] += (uint32_t)((int16_t)sums[i] * 3) + (uint32_t)((int16_t)(sums[i] >> 16) * 5);
    volatile uint32_t kept = 0;
    for (int i = 0; i < CHAINS; i++)
        kept = kept + sums[i];
    return 4.0 * CHAINS * (double)rounds;
}
