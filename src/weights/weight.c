#include "weights/weight.h"

#include <string.h>

/* Bytes of a file may stand anywhere: values are fetched by memcpy. */

static float f16_to_f32(uint16_t half)
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

static float bf16_to_f32(uint16_t brain)
{
    uint32_t bits = (uint32_t)brain << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int64_t de_weight_count(const de_weight *weight)
{
    int64_t count = 1;
    for (int i = 0; i < weight->rank; i++)
        count *= weight->shape[i];
    return count;
}

void de_weight_to_f32(const de_weight *weight, int64_t begin, int64_t count, float *out)
{
    const char *data = weight->data;
    if (weight->dtype == DE_F32) {
        memcpy(out, data + (size_t)begin * sizeof *out, (size_t)count * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, data + (size_t)(begin + i) * sizeof bits, sizeof bits);
        out[i] = weight->dtype == DE_F16 ? f16_to_f32(bits) : bf16_to_f32(bits);
    }
}
