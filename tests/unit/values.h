/* Values that networks are tried on, and how far two results lie apart. */
#ifndef DE_TEST_VALUES_H
#define DE_TEST_VALUES_H

#include <math.h>
#include <stdint.h>

/* Of deviation 1, the same in every run. */
static inline void fill_random(float *values, int count)
{
    uint64_t bits = 1;
    for (int i = 0; i < count; i++) {
        float sum = 0;
        for (int k = 0; k < 4; k++) {
            bits = bits * 6364136223846793005u + 1442695040888963407u;
            sum += (float)(int32_t)(bits >> 32) * 0x1p-31f;
        }
        values[i] = sum * 0.8660254f;
    }
}

/* Relative to the expected values */
static inline double rms_error(const float *found, const float *expected, int count)
{
    double off = 0, scale = 0;
    for (int i = 0; i < count; i++) {
        off += ((double)found[i] - expected[i]) * ((double)found[i] - expected[i]);
        scale += (double)expected[i] * expected[i];
    }
    return sqrt(off / scale);
}

#endif
