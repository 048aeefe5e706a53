/* Normal random numbers equal to torch's, so that a seed means the same picture in both. */
#ifndef DE_RANDOM_H
#define DE_RANDOM_H

#include "base.h"

/* out[count] ~ N(0, 1): torch.randn(count, generator=torch.Generator("cpu").manual_seed(seed))
 * within 2e-6. MT19937 seeded with the low 32 bits of `seed`. */
void de_random_normal_cpu(uint64_t seed, int64_t count, float *out);
/* The same from torch's CUDA generator (Philox 4x32-10). Every element has a counter of its own; in
 * torch this holds up to 256 x (threads of the card) elements. */
void de_random_normal_cuda(uint64_t seed, int64_t count, float *out);
/* `rng` is that of diffedit_options (DIFFEDIT_RNG_...). Each call starts a new generator. */
void de_random_normal(int rng, uint64_t seed, int64_t count, float *out);

/* A generator from which arrays are drawn one after the other, as from one of torch's. */
typedef struct de_random de_random;
/* Errors: MEMORY. */
diffedit_status de_random_new(de_random **random, int rng, uint64_t seed, diffedit_error *error);
/* The first draw gives what de_random_normal() gives. */
void de_random_draw(de_random *random, int64_t count, float *out);
/* Takes NULL. */
void de_random_free(de_random *random);

#endif
