/* IEEE 754 half precision in plain C, for the paths that have no instruction for it. */
#ifndef DE_HALF_H
#define DE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float de_half_to_float(uint16_t half)
{
    /* The exponent is five bits wide with bias 15: shifted into a float's place it is 2^112 too small, for
     * subnormal numbers as well. What overflows then was infinite or not a number. */
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= 0x1p112f;
    memcpy(&bits, &value, sizeof bits);
    if (value >= 0x1p16f)
        bits |= 0x7f800000;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
