#include "weights/torch_pickle.h"

#include <stdlib.h>
#include <string.h>

/* What a name is to us. */
typedef enum role {
    REBUILD_TENSOR,    /* (storage, offset, shape, strides, ...) */
    REBUILD_PARAMETER, /* (tensor, ...) */
    STORAGE,
    ORDERED_DICT,
    OTHER /* found in published files; what it makes is never looked at */
} role;

static const struct {
    const char *module, *name;
    role role;
    const char *type; /* of a storage */
} NAMES[] = {
    {"torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR, NULL},
    {"torch._utils", "_rebuild_tensor", REBUILD_TENSOR, NULL},
    {"torch._utils", "_rebuild_parameter", REBUILD_PARAMETER, NULL},
    {"torch._utils", "_rebuild_parameter_with_state", REBUILD_PARAMETER, NULL},
    {"torch", "FloatStorage", STORAGE, "F32"},
    {"torch", "HalfStorage", STORAGE, "F16"},
    {"torch", "BFloat16Storage", STORAGE, "BF16"},
    {"torch", "DoubleStorage", STORAGE, "F64"},
    {"torch", "LongStorage", STORAGE, "I64"},
    {"torch", "IntStorage", STORAGE, "I32"},
    {"torch", "ShortStorage", STORAGE, "I16"},
    {"torch", "CharStorage", STORAGE, "I8"},
    {"torch", "ByteStorage", STORAGE, "U8"},
    {"torch", "BoolStorage", STORAGE, "BOOL"},
    {"collections", "OrderedDict", ORDERED_DICT, NULL},
    /* beside the weights in checkpoints of a training: its state, its settings */
    {"collections", "defaultdict", OTHER, NULL},
    {"collections", "Counter", OTHER, NULL},
    {"torch", "Size", OTHER, NULL},
    {"torch", "device", OTHER, NULL},
    {"torch", "float32", OTHER, NULL},
    {"torch", "float16", OTHER, NULL},
    {"torch", "bfloat16", OTHER, NULL},
    {"torch.nn.modules.container", "ParameterDict", OTHER, NULL},
    {"numpy", "dtype", OTHER, NULL},
    {"numpy", "ndarray", OTHER, NULL},
    {"numpy.core.multiarray", "scalar", OTHER, NULL},
    {"numpy.core.multiarray", "_reconstruct", OTHER, NULL},
    {"numpy._core.multiarray", "scalar", OTHER, NULL},
    {"numpy._core.multiarray", "_reconstruct", OTHER, NULL},
    {"_codecs", "encode", OTHER, NULL},
    {"pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint", OTHER, NULL},
    {"pytorch_lightning.callbacks", "ModelCheckpoint", OTHER, NULL},
    {"pytorch_lightning.callbacks.early_stopping", "EarlyStopping", OTHER, NULL},
    {"pytorch_lightning.utilities.parsing", "AttributeDict", OTHER, NULL},
    {"omegaconf.dictconfig", "DictConfig", OTHER, NULL},
    {"omegaconf.listconfig", "ListConfig", OTHER, NULL},
    {"omegaconf.base", "ContainerMetadata", OTHER, NULL},
    {"omegaconf.base", "Metadata", OTHER, NULL},
    {"omegaconf.nodes", "AnyNode", OTHER, NULL},
    {"typing", "Any", OTHER, NULL},
    {"pathlib", "PosixPath", OTHER, NULL},
    {"argparse", "Namespace", OTHER, NULL},
    {"builtins", "dict", OTHER, NULL},
    {"builtins", "list", OTHER, NULL},
    {"builtins", "set", OTHER, NULL},
    {"builtins", "int", OTHER, NULL},
    {"builtins", "float", OTHER, NULL},
    {"__builtin__", "dict", OTHER, NULL},
    {"__builtin__", "list", OTHER, NULL},
    {"__builtin__", "set", OTHER, NULL},
    {"__builtin__", "int", OTHER, NULL},
    {"__builtin__", "long", OTHER, NULL},
    {"__builtin__", "float", OTHER, NULL},
};

static bool find_name(void *user, de_pickle *pickle, const de_pickle_value *module,
                      const de_pickle_value *name, uint32_t *index)
{
    (void)user;
    for (*index = 0; *index < sizeof NAMES / sizeof *NAMES; ++*index)
        if (de_pickle_is_text(module, NAMES[*index].module) &&
            de_pickle_is_text(name, NAMES[*index].name))
            return true;
    return de_pickle_fail(pickle,
                          "`%.*s.%.*s` is not allowed in a file of tensors; nothing was run",
                          (int)de_min_i64(module->length, 100), module->text,
                          (int)de_min_i64(name->length, 100), name->text);
}

/* ---- storages ---- */

static bool find_storage(void *user, de_pickle *pickle, const de_pickle_value *identity,
                         de_pickle_value *result)
{
    de_torch_objects *objects = user;
    const de_pickle_value *kind = de_pickle_item(pickle, identity, 0, DE_PICKLE_TEXT);
    const de_pickle_value *type = de_pickle_item(pickle, identity, 1, DE_PICKLE_NAME);
    const de_pickle_value *key = de_pickle_item(pickle, identity, 2, DE_PICKLE_TEXT);
    const de_pickle_value *count = de_pickle_item(pickle, identity, 4, DE_PICKLE_INTEGER);
    if (!kind || !de_pickle_is_text(kind, "storage") || !type ||
        NAMES[type->index].role != STORAGE || !key || !count || count->integer < 0)
        return de_pickle_fail(pickle, "expected a storage (type, key, location, number of values)");
    /* the old format's views of storages, which torch stopped writing in 2018 */
    if (identity->length > 5 && !de_pickle_item(pickle, identity, 5, DE_PICKLE_OPAQUE))
        return de_pickle_fail(pickle, "a storage that is a view of another is not supported");
    if (!de_pickle_grow(pickle, (void **)&objects->storages, &objects->storage_capacity,
                        objects->storage_count + 1, sizeof *objects->storages))
        return false;
    objects->storages[objects->storage_count] = (de_torch_storage){
        .type = de_table_find_type(NAMES[type->index].type),
        .key = key->text,
        .key_length = key->length,
        .count = count->integer};
    *result = (de_pickle_value){.kind = DE_PICKLE_STORAGE,
                                .index = (uint32_t)objects->storage_count++};
    return true;
}

/* ---- tensors ---- */

bool de_torch_tensor_contiguous(const de_torch_tensor *tensor)
{
    int64_t step = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        if (tensor->shape[i] != 1 && tensor->strides[i] != step)
            return tensor->count == 0;
        step *= tensor->shape[i];
    }
    return true;
}

/* Sizes or steps from a tuple of whole numbers that are not negative. */
static bool read_sizes(de_pickle *pickle, const de_pickle_value *tuple, int64_t *sizes)
{
    for (uint32_t i = 0; i < tuple->length; i++) {
        const de_pickle_value *size = de_pickle_item(pickle, tuple, i, DE_PICKLE_INTEGER);
        if (!size || size->integer < 0)
            return de_pickle_fail(pickle,
                                  "a tensor's size or stride is negative or not an integer");
        sizes[i] = size->integer;
    }
    return true;
}

/* Sets the count, and checks that the first and last number lie in the storage. */
static bool check_view(de_pickle *pickle, de_torch_tensor *tensor, const de_torch_storage *storage)
{
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        if (!de_multiply_size(count, (size_t)tensor->shape[i], &count))
            return de_pickle_fail(pickle, "the product of a tensor's sizes overflows");
    if (count > (size_t)storage->count)
        return de_pickle_fail(pickle, "a tensor of %zu values in a storage of %jd", count,
                              (intmax_t)storage->count);
    tensor->count = (int64_t)count;
    int64_t room = storage->count - tensor->offset; /* behind what is reached so far */
    for (int i = 0; i < tensor->rank && count > 0; i++) {
        int64_t steps = tensor->shape[i] - 1;
        if (steps > 0 && tensor->strides[i] > room / steps)
            room = 0;
        else
            room -= steps * tensor->strides[i];
    }
    if (tensor->offset > storage->count || (count > 0 && room < 1))
        return de_pickle_fail(pickle, "a tensor extends beyond its storage of %jd values",
                              (intmax_t)storage->count);
    return true;
}

static bool rebuild_tensor(de_torch_objects *objects, de_pickle *pickle,
                           const de_pickle_value *arguments, de_pickle_value *result)
{
    const de_pickle_value *storage = de_pickle_item(pickle, arguments, 0, DE_PICKLE_STORAGE);
    const de_pickle_value *offset = de_pickle_item(pickle, arguments, 1, DE_PICKLE_INTEGER);
    const de_pickle_value *shape = de_pickle_item(pickle, arguments, 2, DE_PICKLE_TUPLE);
    const de_pickle_value *strides = de_pickle_item(pickle, arguments, 3, DE_PICKLE_TUPLE);
    if (!storage || !offset || offset->integer < 0 || !shape || !strides ||
        shape->length != strides->length)
        return de_pickle_fail(pickle,
                              "a tensor needs a storage, an offset, sizes and as many strides");
    if (shape->length > DE_TABLE_RANK)
        return de_pickle_fail(pickle, "a tensor of %u dimensions; at most %d are supported",
                              shape->length, DE_TABLE_RANK);
    de_torch_tensor tensor = {
        .storage = storage->index, .offset = offset->integer, .rank = (int)shape->length};
    if (!read_sizes(pickle, shape, tensor.shape) || !read_sizes(pickle, strides, tensor.strides) ||
        !check_view(pickle, &tensor, &objects->storages[storage->index]) ||
        !de_pickle_grow(pickle, (void **)&objects->tensors, &objects->tensor_capacity,
                        objects->tensor_count + 1, sizeof *objects->tensors))
        return false;
    objects->tensors[objects->tensor_count] = tensor;
    *result = (de_pickle_value){.kind = DE_PICKLE_TENSOR,
                                .index = (uint32_t)objects->tensor_count++};
    return true;
}

static bool call(void *user, de_pickle *pickle, uint32_t name, const de_pickle_value *arguments,
                 de_pickle_value *result)
{
    const de_pickle_value *tensor;
    switch (NAMES[name].role) {
    case REBUILD_TENSOR: return rebuild_tensor(user, pickle, arguments, result);
    case REBUILD_PARAMETER:
        tensor = de_pickle_item(pickle, arguments, 0, DE_PICKLE_TENSOR);
        if (!tensor)
            return de_pickle_fail(pickle, "a parameter needs a tensor");
        *result = *tensor;
        return true;
    case ORDERED_DICT:
        if (arguments->length > 0)
            return de_pickle_fail(pickle,
                                  "an OrderedDict made from a list (Python 2) is not supported");
        return de_pickle_new_dict(pickle, result);
    case STORAGE: return de_pickle_fail(pickle, "a storage inside the pickle is not supported");
    default: return true;
    }
}

const de_pickle_meaning de_torch_meaning = {
    .name = find_name, .call = call, .outside = find_storage};

void de_torch_objects_free(de_torch_objects *objects)
{
    free(objects->storages);
    free(objects->tensors);
    *objects = (de_torch_objects){0};
}
