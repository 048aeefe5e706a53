#include "fuzz.h"
#include "weights/torch_pickle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    de_pickle *pickle;
    de_torch_objects objects = {0};
    diffedit_error error = {.message = ""};
    size_t at = 0;
    diffedit_status status = de_pickle_run(&pickle, "fuzz", bytes, size, &at, &de_torch_meaning,
                                           &objects, &error);
    fuzz_check_error(status, &error);
    if (at > size)
        abort();
    for (size_t i = 0; i < objects.tensor_count; i++) {
        const de_torch_tensor *tensor = &objects.tensors[i];
        int64_t last = tensor->offset, storage = objects.storages[tensor->storage].count;
        for (int j = 0; j < tensor->rank && tensor->count > 0; j++)
            last += (tensor->shape[j] - 1) * tensor->strides[j];
        if (tensor->offset < 0 || tensor->count > storage || (tensor->count > 0 && last >= storage))
            abort();
    }
    de_pickle_free(pickle);
    de_torch_objects_free(&objects);
    return 0;
}
