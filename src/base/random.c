#include "random.h"

#include <math.h>
#include <stdlib.h>

/* ---- MT19937 (Matsumoto and Nishimura 1998) ---- */

enum { MT_WORDS = 624, MT_SHIFT = 397 };

typedef struct mt19937 {
    uint32_t state[MT_WORDS];
    int next;
} mt19937;

static void mt_seed(mt19937 *mt, uint32_t seed)
{
    mt->state[0] = seed;
    for (int i = 1; i < MT_WORDS; i++)
        mt->state[i] = 1812433253u * (mt->state[i - 1] ^ (mt->state[i - 1] >> 30)) + (uint32_t)i;
    mt->next = MT_WORDS;
}

static void mt_refill(mt19937 *mt)
{
    for (int i = 0; i < MT_WORDS; i++) {
        uint32_t y = (mt->state[i] & 0x80000000u) | (mt->state[(i + 1) % MT_WORDS] & 0x7fffffffu);
        mt->state[i] = mt->state[(i + MT_SHIFT) % MT_WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    mt->next = 0;
}

static uint32_t mt_word(mt19937 *mt)
{
    if (mt->next == MT_WORDS)
        mt_refill(mt);
    uint32_t y = mt->state[mt->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* ---- torch's CPU generator ---- */

enum { NORMAL_BLOCK = 16 };

static const double TWO_PI = 6.283185307179586476925286766559;

static float mt_uniform24(mt19937 *mt)
{
    return (float)(mt_word(mt) & 0xffffff) * 0x1p-24f;
}

static double mt_uniform53(mt19937 *mt)
{
    uint64_t high = mt_word(mt);
    uint64_t bits = high << 32 | mt_word(mt);
    return (double)(bits & 0x1fffffffffffffu) * 0x1p-53;
}

/* Box-Muller on 16 uniforms in place: the first eight give radii, the last eight angles. */
static void normal_block(float *values)
{
    for (int j = 0; j < NORMAL_BLOCK / 2; j++) {
        float radius = sqrtf(-2.0f * logf(1.0f - values[j]));
        float theta = (float)TWO_PI * values[j + NORMAL_BLOCK / 2];
        values[j] = radius * cosf(theta);
        values[j + NORMAL_BLOCK / 2] = radius * sinf(theta);
    }
}

static void normal_large(mt19937 *mt, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = mt_uniform24(mt);
    for (int64_t i = 0; i + NORMAL_BLOCK <= count; i += NORMAL_BLOCK)
        normal_block(out + i);
    if (count % NORMAL_BLOCK) { /* the last 16 are drawn anew, as torch does */
        float *last = out + count - NORMAL_BLOCK;
        for (int j = 0; j < NORMAL_BLOCK; j++)
            last[j] = mt_uniform24(mt);
        normal_block(last);
    }
}

static void normal_small(mt19937 *mt, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i += 2) {
        double angle = TWO_PI * mt_uniform53(mt);
        double radius = sqrt(-2.0 * log1p(-mt_uniform53(mt)));
        out[i] = (float)(radius * cos(angle));
        if (i + 1 < count)
            out[i + 1] = (float)(radius * sin(angle));
    }
}

static void draw_cpu(mt19937 *mt, int64_t count, float *out)
{
    if (count >= NORMAL_BLOCK)
        normal_large(mt, count, out);
    else
        normal_small(mt, count, out);
}

void de_random_normal_cpu(uint64_t seed, int64_t count, float *out)
{
    mt19937 mt;
    mt_seed(&mt, (uint32_t)seed);
    draw_cpu(&mt, count, out);
}

/* ---- torch's CUDA generator: Philox 4x32-10 (Salmon et al. 2011) ---- */

static void philox(uint32_t counter[4], uint64_t key)
{
    uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * counter[0];
        uint64_t b = (uint64_t)0xCD9E8D57u * counter[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ counter[1] ^ key0, (uint32_t)b,
                            (uint32_t)(a >> 32) ^ counter[3] ^ key1, (uint32_t)a};
        for (int i = 0; i < 4; i++)
            counter[i] = next[i];
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

/* the `number`th array drawn */
static void draw_cuda(uint64_t seed, uint32_t number, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t words[4] = {number, 0, (uint32_t)i, 0};
        philox(words, seed);
        double u = words[0] * 0x1p-32 + 0x1p-33;
        double v = TWO_PI * (words[1] * 0x1p-32 + 0x1p-33);
        out[i] = (float)(sqrt(-2.0 * log(u)) * sin(v));
    }
}

void de_random_normal_cuda(uint64_t seed, int64_t count, float *out)
{
    draw_cuda(seed, 0, count, out);
}

void de_random_normal(int rng, uint64_t seed, int64_t count, float *out)
{
    if (rng == DIFFEDIT_RNG_CUDA)
        de_random_normal_cuda(seed, count, out);
    else
        de_random_normal_cpu(seed, count, out);
}

/* ---- a generator that goes on ---- */

struct de_random {
    bool cuda;
    uint64_t seed;
    uint32_t drawn; /* arrays */
    mt19937 mt;
};

diffedit_status de_random_new(de_random **random, int rng, uint64_t seed, diffedit_error *error)
{
    de_random *new = malloc(sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a random generator");
    *new = (de_random){.cuda = rng == DIFFEDIT_RNG_CUDA, .seed = seed};
    mt_seed(&new->mt, (uint32_t)seed);
    *random = new;
    return DIFFEDIT_OK;
}

void de_random_draw(de_random *random, int64_t count, float *out)
{
    if (random->cuda)
        draw_cuda(random->seed, random->drawn++, count, out);
    else
        draw_cpu(&random->mt, count, out);
}

void de_random_free(de_random *random)
{
    free(random);
}
