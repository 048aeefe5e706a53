/* Writing a safetensors file. */
#ifndef DE_WEIGHTS_WRITE_H
#define DE_WEIGHTS_WRITE_H

#include "weights/table.h"
#include "weights/weights.h"

/* An array to be written. */
typedef struct de_written_tensor {
    char name[256];
    de_weight weight;         /* without `data` where `source` is to give the values */
    de_dtype dtype;           /* of the file: F32, F16, or BF16 where the weight's is */
    const de_weights *source; /* has it under its name without the first `prefix` characters */
    size_t prefix;
} de_written_tensor;

/* Writes the arrays, in this order, and the notes (texts by name) to a file that appears whole or
 * not at all. A value too large for the file's precision is an error. `progress` (may be NULL)
 * counts bytes of arrays; it cancels by returning other than 0. Errors: FILE, MODEL, MEMORY,
 * CANCELLED. */
diffedit_status de_safetensors_write(const char *path, const de_written_tensor *tensors,
                                     size_t count, json_t *notes, diffedit_bytes_fn progress,
                                     void *user, diffedit_error *error);

#endif
