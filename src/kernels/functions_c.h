/* The activations in plain C. */
#ifndef DE_FUNCTIONS_C_H
#define DE_FUNCTIONS_C_H

#include <math.h>

#include "kernels/activation.h"

static inline float de_activate_c(float x, de_activation activation)
{
    switch (activation) {
    case DE_SILU:
        return x / (1.0f + expf(-x));
    case DE_GELU:
        return 0.5f * x * erfcf(-0.70710678f * x);
    case DE_QUICK_GELU:
        return x / (1.0f + expf(-1.702f * x));
    case DE_NONE:
        break;
    }
    return x;
}

#endif
