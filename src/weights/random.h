/* Random weights: every array exists and contains random numbers. For measuring time and memory
 * without a model's files. */
#ifndef DE_RANDOM_WEIGHTS_H
#define DE_RANDOM_WEIGHTS_H

#include "weights/weight.h"

typedef struct de_random_weights de_random_weights;

/* NULL without memory */
de_random_weights *de_random_weights_new(void);
void de_random_weights_free(de_random_weights *weights);
/* f16 of magnitude 1 / sqrt(inputs) and either sign, so that numbers stay near 1 on their way
 * through a network; norms' scales (vectors named `weight`) are 1. The same for the same name.
 * Errors: MEMORY. */
diffedit_status de_random_weights_get(de_random_weights *weights, const char *name, int rank,
                                      const int64_t *shape, de_weight *weight,
                                      diffedit_error *error);
int64_t de_random_weights_count(const de_random_weights *weights); /* values made so far */

#endif
