#define _DEFAULT_SOURCE /* madvise */
#include "weights/weight.h"

#include "base/half.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bytes of a file may stand anywhere: values are fetched by memcpy. */

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

size_t de_dtype_bytes(de_dtype dtype)
{
    switch (dtype) {
    case DE_F64: return 8;
    case DE_F32: return 4;
    case DE_F8_E4M3:
    case DE_F8_E5M2: return 1;
    default: return 2;
    }
}

bool de_dtype_is_f8(de_dtype dtype)
{
    return dtype == DE_F8_E4M3 || dtype == DE_F8_E5M2;
}

de_dtype de_weight_kept_type(const de_weight *weight)
{
    if (de_dtype_is_f8(weight->dtype))
        return weight->scale == 1 ? DE_F16 : DE_F32;
    return weight->dtype == DE_F64 ? DE_F32 : weight->dtype;
}

static uint16_t f32_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) /* NaN */
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void de_weight_from_f32(const float *values, int64_t count, de_dtype dtype, void *bytes)
{
    uint16_t *halves = bytes;
    if (dtype == DE_F32)
        memcpy(bytes, values, (size_t)count * sizeof *values);
    else if (dtype == DE_F16)
        for (int64_t i = 0; i < count; i++)
            halves[i] = de_float_to_half(values[i]);
    else
        for (int64_t i = 0; i < count; i++)
            halves[i] = f32_to_bf16(values[i]);
}

static void read_16_bits(const de_weight *weight, const char *data, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, data + (size_t)i * sizeof bits, sizeof bits);
        out[i] = weight->dtype == DE_F16 ? de_half_to_float(bits) : bf16_to_f32(bits);
    }
}

static void read_doubles(const char *data, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, data + (size_t)i * sizeof value, sizeof value);
        out[i] = (float)value;
    }
}

/* A sign, 4 bits of exponent (bias 7) and 3 of mantissa; all ones is no number. */
static float e4m3_to_f32(uint8_t byte)
{
    enum { SIGN = 0x80, MANTISSA = 7, NOT_A_NUMBER = 0x7f, BIAS = 127 - 7 };
    const float smallest = 1.0f / 512;
    int magnitude = byte & ~SIGN & 0xff;
    if (magnitude <= MANTISSA)
        return (byte & SIGN ? -smallest : smallest) * (float)magnitude;
    uint32_t bits = magnitude == NOT_A_NUMBER ? 0x7fc00000u : (uint32_t)magnitude << 20;
    bits += magnitude == NOT_A_NUMBER ? 0 : (uint32_t)BIAS << 23;
    bits |= (uint32_t)(byte & SIGN) << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* E5M2 is the upper half of a half. */
static void read_8_bits(const de_weight *weight, const char *data, int64_t count, float *out)
{
    const uint8_t *bytes = (const uint8_t *)data;
    for (int64_t i = 0; i < count; i++)
        out[i] = weight->scale * (weight->dtype == DE_F8_E4M3
                                      ? e4m3_to_f32(bytes[i])
                                      : de_half_to_float((uint16_t)(bytes[i] << 8)));
}

void de_weight_to_f32(const de_weight *weight, int64_t begin, int64_t count, float *out)
{
    const char *data = (const char *)weight->data + (size_t)begin * de_dtype_bytes(weight->dtype);
    switch (weight->dtype) {
    case DE_F32: memcpy(out, data, (size_t)count * sizeof *out); break;
    case DE_F64: read_doubles(data, count, out); break;
    case DE_F8_E4M3:
    case DE_F8_E5M2: read_8_bits(weight, data, count, out); break;
    default: read_16_bits(weight, data, count, out); break;
    }
}

/* The largest number without its sign, as an integer, shows whether an exponent is full. */
bool de_finite_f32(const float *values, int64_t count)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits &= 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7f800000;
}

bool de_finite_f16(const uint16_t *values, int64_t count)
{
    int16_t largest = 0;
    for (int64_t i = 0; i < count; i++) {
        int16_t bits = (int16_t)(values[i] & 0x7fff);
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7c00;
}

void de_weight_look_at(const de_weight *weight, const float *values, int64_t count)
{
    if (weight->damaged && !de_finite_f32(values, count))
        atomic_store(weight->damaged, true);
}

void de_weight_forget_pages(const de_weight *weight)
{
    if (!weight->mapped)
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)weight->data;
    uintptr_t end = begin + (uintptr_t)de_weight_count(weight) * de_dtype_bytes(weight->dtype);
    uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
    if (first < last)
        madvise((void *)first, last - first, MADV_DONTNEED);
}
