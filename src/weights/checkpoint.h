/* What torch.save() writes (.ckpt, .bin, .pt): a pickle of a dict of tensors, whose values are
 * stored outside the pickle.
 *
 * Since torch 1.6 it is a zip archive: FOLDER/data.pkl, and FOLDER/data/KEY for each storage. The
 * legacy format is one pickle after the other (magic number, version, sizes of types, the dict, a
 * list of keys), then each storage: 8 bytes for its number of values, and the values. The dict may
 * be the entry `state_dict` of another one, whose other entries are ignored. */
#ifndef DE_CHECKPOINT_H
#define DE_CHECKPOINT_H

#include "weights/table.h"

bool de_checkpoint_begins(const unsigned char *bytes, size_t size);
/* Checks the whole structure of a file's `size` bytes, which `table` then borrows. A tensor that is
 * not contiguous is copied, in order, to memory that the table owns. Errors: MODEL, MEMORY; `table`
 * is then empty. */
diffedit_status de_checkpoint_read(de_table *table, const char *path, const unsigned char *bytes,
                                   size_t size, diffedit_error *error);

#endif
