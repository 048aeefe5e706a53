/* What the names in torch's pickles mean: storages, and tensors that are views of them. */
#ifndef DE_TORCH_PICKLE_H
#define DE_TORCH_PICKLE_H

#include "weights/pickle.h"
#include "weights/table.h"

/* A run of numbers of one type, stored outside the pickle. Each mention of a storage in the pickle
 * makes one of these. */
typedef struct de_torch_storage {
    const de_table_type *type;
    const char *key; /* [key_length], not terminated */
    size_t key_length;
    int64_t count;             /* numbers */
    const unsigned char *data; /* NULL until it is found */
} de_torch_storage;

typedef struct de_torch_tensor {
    uint32_t storage;
    const de_table_type *type;
    int64_t offset; /* in numbers of its type; the view lies within its storage */
    int rank;
    int64_t shape[DE_TABLE_RANK], strides[DE_TABLE_RANK];
    int64_t count; /* product of the shape, at most the storage's */
} de_torch_tensor;

typedef struct de_torch_objects {
    de_torch_storage *storages;
    de_torch_tensor *tensors;
    size_t storage_count, tensor_count, storage_capacity, tensor_capacity;
} de_torch_objects;

/* For de_pickle_run(), with a de_torch_objects as `user`. */
extern const de_pickle_meaning de_torch_meaning;
void de_torch_objects_free(de_torch_objects *objects);

/* Whether its values are stored one after the other, in the order of its shape. */
bool de_torch_tensor_contiguous(const de_torch_tensor *tensor);

#endif
