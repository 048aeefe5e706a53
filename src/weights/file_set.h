/* Weights that stand in one file or in several: the tensors of one network, which the files may
 * call by other names. */
#ifndef DE_FILE_SET_H
#define DE_FILE_SET_H

#include "weights/file.h"
#include "weights/weights.h"

typedef struct de_file_set de_file_set;

/* An empty set; `path` is what messages call it. Errors: MEMORY. */
diffedit_status de_file_set_new(de_file_set **set, const char *path, diffedit_error *error);
void de_file_set_close(de_file_set *set); /* NULL: nothing */

/* Adds an array of a file, which the set then holds, under a name of its own. Errors: MEMORY,
 * MODEL. */
diffedit_status de_file_set_add(de_file_set *set, de_weight_file *file, const de_table_entry *entry,
                                const char *name, diffedit_error *error);

/* Adds the arrays of a file under their published names, without those that have none; NULL keeps
 * their names. Errors: MEMORY, MODEL (a scale that is none). */
diffedit_status de_file_set_add_file(de_file_set *set, de_weight_file *file, de_rename_fn rename,
                                     const void *user, diffedit_error *error);
/* After the last array: if `status`, that of filling the set, is OK, the set becomes *weights,
 * which close it; otherwise it is closed. A set without arrays is closed too and tells so in
 * *empty, where that is not NULL; *weights is untouched then. A matrix [out, in] may stand in the
 * file as a 1x1 convolution [out, in, 1, 1] or the other way round: the memory is the same. Returns
 * `status`, or MODEL (two of one name). */
diffedit_status de_file_set_keep(de_weights **weights, bool *empty, de_file_set *set,
                                 diffedit_status status, diffedit_error *error);

/* Its arrays under their published names. */
const de_table *de_file_set_table(const de_file_set *set);

/* All arrays of one file, or of the files that an index (`*.index.json`, weight_map: name -> file
 * beside it) names. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_file_set_open(de_weights **weights, const char *path, de_rename_fn rename,
                                 diffedit_error *error);

#endif
