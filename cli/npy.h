/* NumPy's array files, version 1.0, little-endian, C order. */
#ifndef CLI_NPY_H
#define CLI_NPY_H

#include <diffedit/diffedit.h>

/* Writes float32 or int32 to `path` ("-": standard output), whole or not at all. Errors: FILE,
 * MEMORY. */
diffedit_status cli_npy_write(const char *path, const diffedit_array *array, diffedit_error *error);
/* Reads a map [height, width] of float32; anything else is an error. *map is freed by the caller.
 * Errors: FILE, MEMORY. */
diffedit_status cli_npy_read_map(float **map, int *height, int *width, const char *path,
                                 diffedit_error *error);

#endif
