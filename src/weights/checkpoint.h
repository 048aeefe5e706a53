/* What torch.save() writes (.ckpt, .bin, .pt): a pickle of a dict of tensors, whose numbers stand
 * outside it.
 *
 * Since 2020 a zip archive: FOLDER/data.pkl, and FOLDER/data/KEY for each storage. Before that one
 * pickle after the other (magic number, version, sizes of types, the dict, a list of keys), then
 * each storage: 8 bytes for its number of values, the values. The dict may stand under `state_dict`
 * in another one; what else is there is not looked at. */
#ifndef DE_CHECKPOINT_H
#define DE_CHECKPOINT_H

#include "weights/table.h"

bool de_checkpoint_begins(const unsigned char *bytes, size_t size);
/* Checks the whole structure of a file's `size` bytes, which `table` then borrows. A tensor whose
 * values do not stand one after the other is put in order, in memory of the table's. Errors: MODEL,
 * MEMORY; `table` is then empty. */
diffedit_status de_checkpoint_read(de_table *table, const char *path, const unsigned char *bytes,
                                   size_t size, diffedit_error *error);

#endif
