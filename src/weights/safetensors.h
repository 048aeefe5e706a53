/* The safetensors format (github.com/huggingface/safetensors): 8 bytes header length,
 * little-endian; a header in JSON, {"name": {"dtype": "F16", "shape": [320, 4, 3, 3],
 * "data_offsets": [begin, end]}, ...}; the arrays. */
#ifndef DE_SAFETENSORS_H
#define DE_SAFETENSORS_H

#include "weights/table.h"

/* Checks the whole header of a file of `size` bytes, which `table` then borrows. `path` is used in
 * messages. Errors: MODEL, MEMORY; `table` is then empty. */
diffedit_status de_safetensors_read(de_table *table, const char *path, const unsigned char *bytes,
                                    size_t size, diffedit_error *error);

#endif
