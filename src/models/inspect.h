/* What the files of a model hold, and whether they are sound. */
#ifndef DE_INSPECT_H
#define DE_INSPECT_H

#include "models/model.h"

/* Counts what the network needs, as far as it is there. Reports the first tensor that is missing or
 * cannot be used, and how many more. Errors: MEMORY. */
diffedit_status de_part_describe(diffedit_part_info *info, const diffedit_model *model,
                                 de_part part, de_problems *problems, diffedit_error *error);
/* Reports every tensor that is missing, of another shape or type, or holds values that are no
 * finite numbers, and whether there are tensors that the network has no use for. Errors: FILE (a
 * file that shrank), MEMORY. */
diffedit_status de_part_check(const diffedit_model *model, de_part part, de_problems *problems,
                              diffedit_error *error);

#endif
