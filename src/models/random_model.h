/* Models of random weights, in the shapes of known ones: nothing to download, and the same work. */
#ifndef DE_RANDOM_MODEL_H
#define DE_RANDOM_MODEL_H

#include "models/parts.h"

extern const char *const de_random_shapes[]; /* their names; NULL ends them */
/* Errors: ARGUMENT (no such shape), MEMORY. */
diffedit_status de_random_model_read(de_model_parts *parts, const char *shape,
                                     diffedit_error *error);

#endif
