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
