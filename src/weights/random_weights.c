#include "weights/random_weights.h"

#include "weights/pages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct random_weights {
    de_weights weights; /* these as such */
    char *name;
    de_pages pages;
} random_weights;

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

/* ---- the source ---- */

static diffedit_status get(void *self, const char *name, int rank, const int64_t *shape,
                           de_weight *weight, diffedit_error *error)
{
    random_weights *random = self;
    void *values;
    diffedit_status status = de_pages_get(&random->pages, name, DE_F16, rank, shape, weight,
                                          &values, error);
    if (status == DIFFEDIT_OK)
        fill_array(name, weight, values);
    return status;
}

static int64_t parameters(const void *self)
{
    const random_weights *random = self;
    return random->pages.values;
}

static void close_random(void *self)
{
    random_weights *random = self;
    de_pages_free(&random->pages);
    free(random->name);
    free(random);
}

diffedit_status de_random_weights_new(de_weights **weights, const char *name, diffedit_error *error)
{
    static const de_weights_source source = {
        .get = get, .parameters = parameters, .close = close_random};
    random_weights *new = calloc(1, sizeof *new);
    if (!new || !(new->name = strdup(name))) {
        free(new);
        return de_fail_memory(error, sizeof *new + strlen(name), "weights");
    }
    new->weights = (de_weights){&source, new, new->name};
    *weights = &new->weights;
    return DIFFEDIT_OK;
}
