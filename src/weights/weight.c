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
        out[i] = weight->dtype == DE_F16 ? de_half_to_float(bits) : bf16_to_f32(bits);
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
    uintptr_t end = begin + (uintptr_t)de_weight_count(weight) * (weight->dtype == DE_F32 ? 4 : 2);
    uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
    if (first < last)
        madvise((void *)first, last - first, MADV_DONTNEED);
}
