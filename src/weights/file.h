/* One weight file, memory-mapped: its arrays, under the names they have in it. */
#ifndef DE_WEIGHT_FILE_H
#define DE_WEIGHT_FILE_H

#include "weights/table.h"
#include "weights/weights.h"

typedef struct de_weight_file de_weight_file;

/* Maps a safetensors file or a torch checkpoint (recognised by its first bytes), and checks its
 * whole header: sizes, offsets inside the file, no overlap, known types, no duplicate names, shape
 * products. What wrappers of a training add to names (`module.`, `_orig_mod.`) is left out. The
 * caller holds the one reference. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_weight_file_open(de_weight_file **file, const char *path, diffedit_error *error);
/* Writes another name of an array; false: it has none. */
typedef bool (*de_rename_fn)(const void *user, const char *name, char published[DE_TENSOR_NAME]);
/* Gives the arrays other names, where they have one; before anyone else holds the file. Errors:
 * MODEL (two of one name), MEMORY. */
diffedit_status de_weight_file_rename(de_weight_file *file, de_rename_fn rename, const void *user,
                                      diffedit_error *error);
/* Adds a reference, and drops one; the file is closed with the last. */
de_weight_file *de_weight_file_hold(de_weight_file *file);
void de_weight_file_release(de_weight_file *file);

const char *de_weight_file_path(const de_weight_file *file);
const de_table *de_weight_file_table(const de_weight_file *file);
/* Fails if the file has become shorter. To be called before long reads, because reading a mapping
 * beyond the end of its file kills the process (SIGBUS). Errors: FILE. */
diffedit_status de_weight_file_check_size(const de_weight_file *file, diffedit_error *error);

#endif
