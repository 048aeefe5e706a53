#include "kernels/tables.h"
#include "kernels/vector.h"

/* Independent chains of FMAs, as many as the sums of a tile: more than the units can use. */
enum { CHAINS = DE_TILE_ROWS * DE_TILE_VECTORS };

double DE_KERNEL(de_multiply_add)(int64_t rounds)
{
    de_floats sums[CHAINS], x = de_splat(0.999f), y = de_splat(1e-4f);
    for (int i = 0; i < CHAINS; i++)
        sums[i] = de_splat((float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++)
            sums[i] = de_mul_add(sums[i], x, y);
    volatile float kept = 0; /* or the compiler would leave out the work */
    for (int i = 0; i < CHAINS; i++)
        kept = kept + de_sum_lanes(sums[i]);
    return 2.0 * DE_LANES * CHAINS * (double)rounds;
}

double DE_KERNEL(de_multiply_add_pairs)(int64_t rounds)
{
    static const int16_t factors[2] = {3, 5};
    typedef int32_t typed_ints __attribute__((vector_size(4 * DE_LANES)));
    typed_ints sums[CHAINS];
    de_pairs y = de_splat_pair(factors);
    for (int i = 0; i < CHAINS; i++)
        sums[i] = (typed_ints)y;
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            /* A factor is what the sum was, or the compiler would multiply once. */
            sums[i] = (typed_ints)de_dot_pairs((de_ints)sums[i], (de_pairs)sums[i], y);
    volatile int32_t kept = 0;
    for (int i = 0; i < CHAINS; i++)
        kept = kept ^ sums[i][0];
    return 4.0 * DE_LANES * CHAINS * (double)rounds;
}
