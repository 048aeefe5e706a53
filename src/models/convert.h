/* A model of any form, written as one file: packed.h says how it looks. */
#ifndef DE_CONVERT_H
#define DE_CONVERT_H

#include "models/model.h"

/* Writes a model that was read without problems. `progress` (may be NULL) is told bytes, and
 * cancels by a return other than 0. Errors: FILE, MODEL, MEMORY, CANCELLED. */
diffedit_status de_model_pack(const diffedit_model *model, const char *path, int precision,
                              diffedit_bytes_fn progress, void *user, diffedit_error *error);

#endif
