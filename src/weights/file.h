/* One weight file, memory-mapped: its arrays under the names that it gives them. */
#ifndef DE_WEIGHT_FILE_H
#define DE_WEIGHT_FILE_H

#include "weights/table.h"

typedef struct de_weight_file de_weight_file;

/* Maps a file, a safetensors one or one of torch's (told by its first bytes), and checks its whole
 * header: sizes, offsets inside the file, no overlap, known types, no duplicate names, shape
 * products. The caller holds it once. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_weight_file_open(de_weight_file **file, const char *path, diffedit_error *error);
/* Held once more, and once less; the last to let go closes it. */
de_weight_file *de_weight_file_hold(de_weight_file *file);
void de_weight_file_release(de_weight_file *file);

const char *de_weight_file_path(const de_weight_file *file);
const de_table *de_weight_file_table(const de_weight_file *file);
/* A mapped file that has become shorter ends a program that reads it: to be asked before long
 * reads. Errors: FILE. */
diffedit_status de_weight_file_check_size(const de_weight_file *file, diffedit_error *error);

#endif
