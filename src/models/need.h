/* What a model needs of a GPU's memory. */
#ifndef DE_NEED_H
#define DE_NEED_H

#include "models/model.h"

typedef struct de_need {
    uint64_t weights; /* bytes of the largest network's */
    uint64_t bytes;   /* of the network that takes most while it runs, at the model's native size */
} de_need;

/* One network at a time, of a model that was read, on a GPU in this arithmetic. docs/GPU.md has
 * what was measured. Errors: MODEL, MEMORY. */
diffedit_status de_model_need(de_need *need, const diffedit_model *model,
                              diffedit_arithmetic arithmetic, diffedit_error *error);

#endif
