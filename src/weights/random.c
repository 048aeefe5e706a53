#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "weights/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One array, in pages of its own, so that they can be given back as a file's are
 * (de_weight_forget_pages). */
typedef struct array {
    uint16_t *values;
    size_t bytes;
} array;

struct de_random_weights {
    array *arrays; /* [count] */
    size_t count, capacity;
    int64_t values; /* of all arrays */
};

de_random_weights *de_random_weights_new(void)
{
    return calloc(1, sizeof(de_random_weights));
}

void de_random_weights_free(de_random_weights *weights)
{
    if (!weights)
        return;
    for (size_t i = 0; i < weights->count; i++)
        munmap(weights->arrays[i].values, weights->arrays[i].bytes);
    free(weights->arrays);
    free(weights);
}

int64_t de_random_weights_count(const de_random_weights *weights)
{
    return weights->values;
}

/* ---- f16 numbers ---- */

enum {
    F16_ONE = 0x3c00,
    F16_MANTISSA_BITS = 10,
    F16_SIGN_AND_MANTISSA = 0x83ff,
    F16_BIAS = 15,
    GRAIN = 1 << 16
};

typedef struct filling {
    uint16_t *values;
    uint16_t exponent; /* in its place */
    uint64_t seed;
} filling;

/* 64 well-mixed bits of a number (splitmix64) */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t seed_of(const char *name)
{
    uint64_t seed = 0;
    for (; *name; name++)
        seed = mix(seed ^ (unsigned char)*name);
    return seed;
}

static void fill(void *user, int64_t begin, int64_t end, int thread)
{
    const filling *job = user;
    uint64_t bits = 0;
    (void)thread;
    for (int64_t i = begin; i < end; i++, bits >>= 16) {
        if (i % 4 == 0) /* chunks begin at a multiple of 4 */
            bits = mix(job->seed + (uint64_t)i);
        job->values[i] = (uint16_t)((bits & F16_SIGN_AND_MANTISSA) | job->exponent);
    }
}

static void fill_array(const char *name, const de_weight *weight, uint16_t *values)
{
    const char *last = strrchr(name, '.');
    int64_t count = de_weight_count(weight), inputs = 1;
    for (int i = 1; i < weight->rank; i++)
        inputs *= weight->shape[i];
    if (weight->rank == 1 && last && strcmp(last, ".weight") == 0) {
        for (int64_t i = 0; i < count; i++)
            values[i] = F16_ONE;
        return;
    }
    /* a vector is a bias, and small beside what it is added to */
    int exponent = weight->rank == 1 ? -6 : -(int)lrint(log2((double)inputs) / 2);
    filling job = {values, (uint16_t)((F16_BIAS + exponent) << F16_MANTISSA_BITS), seed_of(name)};
    de_parallel_for(de_core_count(), count, GRAIN, fill, &job);
}

/* ---- arrays ---- */

static diffedit_status add_array(de_random_weights *weights, size_t bytes, uint16_t **values,
                                 diffedit_error *error)
{
    if (weights->count == weights->capacity) {
        size_t capacity = 2 * weights->capacity + 256;
        array *grown = realloc(weights->arrays, capacity * sizeof *grown);
        if (!grown)
            return de_fail_memory(error, capacity * sizeof *grown, "a list of tensors");
        weights->arrays = grown;
        weights->capacity = capacity;
    }
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return de_fail_memory(error, bytes, "random weights");
    weights->arrays[weights->count++] = (array){pages, bytes};
    *values = pages;
    return DIFFEDIT_OK;
}

diffedit_status de_random_weights_get(de_random_weights *weights, const char *name, int rank,
                                      const int64_t *shape, de_weight *weight,
                                      diffedit_error *error)
{
    *weight = (de_weight){.dtype = DE_F16, .rank = rank, .mapped = true};
    memcpy(weight->shape, shape, (size_t)rank * sizeof *shape);
    int64_t count = de_weight_count(weight);
    uint16_t *values = NULL;
    diffedit_status status = add_array(weights, (size_t)count * sizeof *values, &values, error);
    if (status != DIFFEDIT_OK)
        return status;
    fill_array(name, weight, values);
    weight->data = values;
    weights->values += count;
    return DIFFEDIT_OK;
}
