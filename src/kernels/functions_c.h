/* What the plain C kernels share. */
#ifndef DE_FUNCTIONS_C_H
#define DE_FUNCTIONS_C_H

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "kernels/kernels.h"

static inline float de_activate_c(float x, de_activation activation)
{
    switch (activation) {
    case DE_SILU: return x / (1.0f + expf(-x));
    case DE_GELU: return 0.5f * x * erfcf(-0.70710678f * x);
    case DE_QUICK_GELU: return x / (1.0f + expf(-1.702f * x));
    case DE_NONE: break;
    }
    return x;
}

/* The nearest whole number, of two equally near the even one; of int16 range. Compilers make
 * vectors of this, and not of lrintf(). */
static inline int16_t de_round_c(float x)
{
    float shifted = x + 0x1.8p23f; /* its last bits are the number's */
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int16_t)bits;
}

/* Value `at` of a panel of f32 or f16 */
static inline float de_panel_value_c(const void *panel, de_kind kind, int64_t at)
{
    return kind == DE_KIND_F16 ? de_half_to_float(((const uint16_t *)panel)[at])
                               : ((const float *)panel)[at];
}

/* sums [16] += x [depth] w [depth, 16], in the order of k. Eight k are taken at once, so that the
 * sums stay in registers; the loops over j have constant length and are vectorised. */
static inline void de_add_products_c(const float *restrict x, int64_t depth,
                                     const float *restrict w, float *restrict sums)
{
    enum { STEP = 8 };
    int64_t k = 0;
    for (; k + STEP <= depth; k += STEP) {
        for (int j = 0; j < DE_PANEL; j++) {
            float sum = sums[j];
            for (int i = 0; i < STEP; i++)
                sum += x[k + i] * w[(k + i) * DE_PANEL + j];
            sums[j] = sum;
        }
    }
    for (; k < depth; k++)
        for (int j = 0; j < DE_PANEL; j++)
            sums[j] += x[k] * w[k * DE_PANEL + j];
}

#endif
