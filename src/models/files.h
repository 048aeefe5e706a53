/* A model's files, looked at as a whole: what they hold, whether they are sound, and written anew
 * as one file. */
#ifndef DE_MODEL_FILES_H
#define DE_MODEL_FILES_H

#include "models/model.h"

/* Both count what the network needs, as far as it is there. Errors: MEMORY. */
diffedit_status de_part_describe(diffedit_part_info *info, const diffedit_model *model,
                                 de_part part, diffedit_error *error);
/* Reports every tensor that is missing, of another shape or type, or holds values that are no
 * finite numbers, and whether there are tensors that the network has no use for. Errors: FILE (a
 * file that shrank), MEMORY. */
diffedit_status de_part_check(const diffedit_model *model, de_part part, de_problems *problems,
                              diffedit_error *error);
/* Writes a model, read without problems, as one packed file. Errors: FILE, MODEL, MEMORY,
 * CANCELLED. */
diffedit_status de_model_pack(const diffedit_model *model, const char *path, int precision,
                              diffedit_bytes_fn progress, void *user, diffedit_error *error);

#endif
