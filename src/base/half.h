/* IEEE 754 half precision in plain C, where there is no instruction for it. */
#ifndef DE_HALF_H
#define DE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float de_half_to_float(uint16_t half)
{
    /* The exponent has five bits and a bias of 15. Shifted to where a float has it, the value is
     * 2^112 too small, subnormal numbers included. What overflows then was infinite or NaN. */
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

/* Rounds to nearest, ties to even; what is too large becomes infinite. */
static inline uint16_t de_float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) /* NaN */
        return sign | 0x7e00;
    if (bits >= 0x47800000) /* 2^16 or more */
        return sign | 0x7c00;
    /* below 2^-14 halves are multiples of 2^-24, the last place of the float 0.5 */
    if (bits < 0x38800000) {
        float magnitude;
        memcpy(&magnitude, &bits, sizeof magnitude);
        magnitude += 0.5f;
        memcpy(&bits, &magnitude, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    bits += 0xfff + (bits >> 13 & 1) - 0x38000000; /* the exponent's bias goes from 127 to 15 */
    return (uint16_t)(sign | bits >> 13);
}

#endif
