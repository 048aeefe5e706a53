/* Weight files: file -> named tensors. A file is memory-mapped, and hostile until proved otherwise. */
#ifndef DE_WEIGHTS_H
#define DE_WEIGHTS_H

#include "weights/weight.h"

typedef struct de_weights de_weights;

/* Maps a .safetensors file and checks its whole header: sizes, offsets inside the file, no overlap,
 * known types, no duplicate names, shape products. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_weights_open(de_weights **weights, const char *path, diffedit_error *error);
void de_weights_close(de_weights *weights);
const char *de_weights_path(const de_weights *weights);
/* values in all tensors together */
int64_t de_weights_parameters(const de_weights *weights);

bool de_weights_has(const de_weights *weights, const char *name);
/* The named tensor of exactly this shape (`rank` sizes follow as int64_t array), of a floating-point type.
 * Errors: MODEL, naming file, tensor, expected and found shape. */
diffedit_status de_weights_get(const de_weights *weights, const char *name, int rank,
                               const int64_t *shape, de_weight *weight, diffedit_error *error);

#endif
