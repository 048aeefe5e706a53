/* The tensors of one network, under the names that diffusers and transformers publish, from one
 * file or several. */
#ifndef DE_WEIGHTS_H
#define DE_WEIGHTS_H

#include "weights/file.h"

typedef struct de_weights de_weights;

/* An empty set; `path` is what messages call it. Errors: MEMORY. */
diffedit_status de_weights_new(de_weights **weights, const char *path, diffedit_error *error);
/* A set in which every array exists and is random (random.h). Errors: MEMORY. */
diffedit_status de_weights_new_random(de_weights **weights, const char *name,
                                      diffedit_error *error);
void de_weights_close(de_weights *weights);
/* Adds an array of a file, which the set then holds, under a name of its own. Errors: MEMORY. */
diffedit_status de_weights_add(de_weights *weights, de_weight_file *file,
                               const de_table_entry *entry, const char *name,
                               diffedit_error *error);
/* After the last array: sorts them. Errors: MODEL (two of one name). */
diffedit_status de_weights_finish(de_weights *weights, diffedit_error *error);

enum { DE_TENSOR_NAME = 256 };

/* Writes the published name of an array that the file calls `name`; false leaves the array out. */
typedef bool (*de_rename_fn)(const void *user, const char *name, char published[DE_TENSOR_NAME]);

/* Adds the arrays of a file; NULL keeps their names. Errors: MEMORY. */
diffedit_status de_weights_add_file(de_weights *weights, de_weight_file *file, de_rename_fn rename,
                                    const void *user, diffedit_error *error);
/* All arrays of one file, or of the files that an index (`*.index.json`, weight_map: name -> file
 * beside it) names. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_weights_open(de_weights **weights, const char *path, de_rename_fn rename,
                                diffedit_error *error);

const char *de_weights_path(const de_weights *weights);
/* values in all tensors together */
int64_t de_weights_parameters(const de_weights *weights);
const de_table *de_weights_table(const de_weights *weights);
/* Of its files: see file.h. Errors: FILE. */
diffedit_status de_weights_check_size(const de_weights *weights, diffedit_error *error);

/* The first tensor in which a network found an infinite value or a NaN, or NULL; adds the number of
 * such tensors to *count. */
const char *de_weights_damaged(const de_weights *weights, int *count);
/* The first tensor that the network did not ask for, or NULL, also if there was no network yet;
 * adds how many. */
const char *de_weights_unused(const de_weights *weights, int *count);

bool de_weights_has(const de_weights *weights, const char *name);
/* The named tensor of this shape (`rank` sizes), of a floating-point type. A matrix [out, in] may
 * stand in the file as a 1x1 convolution [out, in, 1, 1] or the other way round: the memory is the
 * same. Errors: MODEL, naming file, tensor, expected and found shape. */
diffedit_status de_weights_get(const de_weights *weights, const char *name, int rank,
                               const int64_t *shape, de_weight *weight, diffedit_error *error);

#endif
