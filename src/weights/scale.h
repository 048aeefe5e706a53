/* What stands beside arrays of an 8-bit type: one number by which all values are multiplied, as
 * `NAME.scale_weight` or `NAME.weight_scale` beside `NAME.weight`, and notes of the tool. */
#ifndef DE_SCALE_H
#define DE_SCALE_H

#include "weights/table.h"

/* Whether an entry of a file is such a number or note, and no tensor of a network. */
bool de_scale_is(const de_table *file, const de_table_entry *entry);
/* The scale of an entry of a file; 1 where there is none. Errors: MODEL (it is not one positive
 * number). */
diffedit_status de_scale_find(float *scale, const de_table *file, const de_table_entry *entry,
                              const char *path, diffedit_error *error);

#endif
