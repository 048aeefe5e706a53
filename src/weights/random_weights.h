/* Random weights: every tensor exists and contains random numbers. For measuring time and memory
 * without a model's files. */
#ifndef DE_RANDOM_WEIGHTS_H
#define DE_RANDOM_WEIGHTS_H

#include "weights/weights.h"

/* f16 of magnitude 1 / sqrt(inputs) and either sign, so that numbers stay near 1 on their way
 * through a network; norms' scales (vectors named `weight`) are 1. The same for the same name of a
 * tensor. `name` is what messages call them. Errors: MEMORY. */
diffedit_status de_random_weights_new(de_weights **weights, const char *name,
                                      diffedit_error *error);

#endif
