#include "weights/torch_pickle.h"

#include <stdlib.h>
#include <string.h>

/* What a name is to us. */
typedef enum role {
    REBUILD_TENSOR,    /* (storage, offset, shape, strides, ...) */
    REBUILD_TYPED,     /* the same, of bytes, with the type of the tensor as the seventh */
    REBUILD_PARAMETER, /* (tensor, ...) */
    REBUILD_SUBCLASS,  /* (name, class, arguments, ...): what the name makes of the arguments */
    PARAMETER,         /* a class, made of a tensor or of nothing */
    STORAGE,
    TYPE,
    ORDERED_DICT,
    OTHER /* found in published files; what it makes is never looked at */
} role;

static const struct {
    const char *module, *name;
    role role;
    const char *type; /* of a storage; or the type that is named, or NULL */
} NAMES[] = {
    {"torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR, NULL},
    {"torch._utils", "_rebuild_tensor", REBUILD_TENSOR, NULL},
    {"torch._utils", "_rebuild_tensor_v3", REBUILD_TYPED, NULL},
    {"torch._tensor", "_rebuild_from_type_v2", REBUILD_SUBCLASS, NULL},
    {"torch.nn.parameter", "Parameter", PARAMETER, NULL},
    {"torch.nn.parameter", "Buffer", PARAMETER, NULL},
    {"torch.nn", "Parameter", PARAMETER, NULL},
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
    {"torch", "UntypedStorage", STORAGE, "U8"},
    {"torch.storage", "UntypedStorage", STORAGE, "U8"},
    {"torch", "float64", TYPE, "F64"},
    {"torch", "double", TYPE, "F64"},
    {"torch", "float32", TYPE, "F32"},
    {"torch", "float", TYPE, "F32"},
    {"torch", "float16", TYPE, "F16"},
    {"torch", "half", TYPE, "F16"},
    {"torch", "bfloat16", TYPE, "BF16"},
    {"torch", "float8_e4m3fn", TYPE, "F8_E4M3"},
    {"torch", "float8_e5m2", TYPE, "F8_E5M2"},
    {"torch", "float8_e4m3fnuz", TYPE, "F8_E4M3FNUZ"},
    {"torch", "float8_e5m2fnuz", TYPE, "F8_E5M2FNUZ"},
    {"torch", "float8_e8m0fnu", TYPE, "F8_E8M0"},
    {"torch", "complex64", TYPE, "C64"},
    {"torch", "uint64", TYPE, "U64"},
    {"torch", "uint32", TYPE, "U32"},
    {"torch", "uint16", TYPE, "U16"},
    {"torch", "uint8", TYPE, "U8"},
    {"torch", "int64", TYPE, "I64"},
    {"torch", "long", TYPE, "I64"},
    {"torch", "int32", TYPE, "I32"},
    {"torch", "int", TYPE, "I32"},
    {"torch", "int16", TYPE, "I16"},
    {"torch", "int8", TYPE, "I8"},
    {"torch", "bool", TYPE, "BOOL"},
    {"collections", "OrderedDict", ORDERED_DICT, NULL},
    /* beside the weights in checkpoints of a training: its state, its settings */
    {"collections", "defaultdict", OTHER, NULL},
    {"collections", "Counter", OTHER, NULL},
    {"torch", "Size", OTHER, NULL},
    {"torch", "device", OTHER, NULL},
    {"torch", "Tensor", OTHER, NULL},
    {"torch", "strided", OTHER, NULL},
    {"torch", "contiguous_format", OTHER, NULL},
    {"torch", "channels_last", OTHER, NULL},
    {"torch", "preserve_format", OTHER, NULL},
    {"torch.torch_version", "TorchVersion", OTHER, NULL},
    {"torch.serialization", "_get_layout", OTHER, NULL},
    {"torch.nn.modules.container", "ParameterDict", OTHER, NULL},
    {"numpy", "dtype", OTHER, NULL},
    {"numpy", "bool_", OTHER, NULL},
    {"numpy", "int32", OTHER, NULL},
    {"numpy", "int64", OTHER, NULL},
    {"numpy", "float16", OTHER, NULL},
    {"numpy", "float32", OTHER, NULL},
    {"numpy", "float64", OTHER, NULL},
    {"numpy.dtypes", "BoolDType", OTHER, NULL},
    {"numpy.dtypes", "Int32DType", OTHER, NULL},
    {"numpy.dtypes", "Int64DType", OTHER, NULL},
    {"numpy.dtypes", "UInt32DType", OTHER, NULL},
    {"numpy.dtypes", "Float16DType", OTHER, NULL},
    {"numpy.dtypes", "Float32DType", OTHER, NULL},
    {"numpy.dtypes", "Float64DType", OTHER, NULL},
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
    {"pathlib", "WindowsPath", OTHER, NULL},
    {"pathlib", "PurePosixPath", OTHER, NULL},
    {"datetime", "datetime", OTHER, NULL},
    {"datetime", "timedelta", OTHER, NULL},
    {"argparse", "Namespace", OTHER, NULL},
    {"builtins", "dict", OTHER, NULL},
    {"builtins", "list", OTHER, NULL},
    {"builtins", "set", OTHER, NULL},
    {"builtins", "int", OTHER, NULL},
    {"builtins", "float", OTHER, NULL},
    {"builtins", "str", OTHER, NULL},
    {"builtins", "bool", OTHER, NULL},
    {"builtins", "complex", OTHER, NULL},
    {"builtins", "bytearray", OTHER, NULL},
    {"builtins", "slice", OTHER, NULL},
    {"builtins", "tuple", OTHER, NULL},
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
                          "`%.*s.%.*s` is not allowed in a file of tensors; nothing was run; "
                          "convert it to safetensors on a machine that trusts the file",
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

/* Sets the count, and checks that the first and last number lie in the storage, which holds
 * `stored` of the tensor's type. */
static bool check_view(de_pickle *pickle, de_torch_tensor *tensor, int64_t stored)
{
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        if (!de_multiply_size(count, (size_t)tensor->shape[i], &count))
            return de_pickle_fail(pickle, "the product of a tensor's sizes overflows");
    if (count > (size_t)stored)
        return de_pickle_fail(pickle, "a tensor of %zu values in a storage of %jd", count,
                              (intmax_t)stored);
    tensor->count = (int64_t)count;
    int64_t room = stored - tensor->offset; /* behind what is reached so far */
    for (int i = 0; i < tensor->rank && count > 0; i++) {
        int64_t steps = tensor->shape[i] - 1;
        if (steps > 0 && tensor->strides[i] > room / steps)
            room = 0;
        else
            room -= steps * tensor->strides[i];
    }
    if (tensor->offset > stored || (count > 0 && room < 1))
        return de_pickle_fail(pickle, "a tensor extends beyond its storage of %jd values",
                              (intmax_t)stored);
    return true;
}

/* The type of a tensor: of its storage, which may say nothing but that there are bytes, or the one
 * that its maker was given. */
static bool find_type(de_pickle *pickle, bool typed, const de_pickle_value *arguments,
                      const de_torch_storage *storage, const de_table_type **type)
{
    enum { TYPE_ARGUMENT = 6 };
    const de_pickle_value *given = de_pickle_item(pickle, arguments, TYPE_ARGUMENT, DE_PICKLE_NAME);
    *type = storage->type;
    if (!typed)
        return true;
    if (!given || NAMES[given->index].role != TYPE || storage->type->bytes != 1)
        return de_pickle_fail(pickle, "a tensor of this kind needs a storage of bytes, and a type");
    *type = de_table_find_type(NAMES[given->index].type);
    return true;
}

static bool rebuild_tensor(de_torch_objects *objects, de_pickle *pickle, bool typed,
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
    const de_torch_storage *stored = &objects->storages[storage->index];
    if (!find_type(pickle, typed, arguments, stored, &tensor.type) ||
        !read_sizes(pickle, shape, tensor.shape) || !read_sizes(pickle, strides, tensor.strides) ||
        !check_view(pickle, &tensor,
                    typed ? stored->count / (int64_t)tensor.type->bytes : stored->count) ||
        !de_pickle_grow(pickle, (void **)&objects->tensors, &objects->tensor_capacity,
                        objects->tensor_count + 1, sizeof *objects->tensors))
        return false;
    objects->tensors[objects->tensor_count] = tensor;
    *result = (de_pickle_value){.kind = DE_PICKLE_TENSOR,
                                .index = (uint32_t)objects->tensor_count++};
    return true;
}

static bool call(void *user, de_pickle *pickle, uint32_t name, const de_pickle_value *arguments,
                 de_pickle_value *result);

/* A tensor of a class of its own, or with attributes, is made as a plain one. */
static bool rebuild_subclass(void *user, de_pickle *pickle, const de_pickle_value *arguments,
                             de_pickle_value *result)
{
    const de_pickle_value *maker = de_pickle_item(pickle, arguments, 0, DE_PICKLE_NAME);
    const de_pickle_value *inner = de_pickle_item(pickle, arguments, 2, DE_PICKLE_TUPLE);
    if (!maker || !inner || NAMES[maker->index].role == REBUILD_SUBCLASS)
        return de_pickle_fail(pickle, "a tensor of a class of its own needs what makes it");
    return call(user, pickle, maker->index, inner, result);
}

static bool call(void *user, de_pickle *pickle, uint32_t name, const de_pickle_value *arguments,
                 de_pickle_value *result)
{
    const de_pickle_value *tensor;
    switch (NAMES[name].role) {
    case REBUILD_TENSOR: return rebuild_tensor(user, pickle, false, arguments, result);
    case REBUILD_TYPED: return rebuild_tensor(user, pickle, true, arguments, result);
    case REBUILD_SUBCLASS: return rebuild_subclass(user, pickle, arguments, result);
    case PARAMETER:
        tensor = de_pickle_item(pickle, arguments, 0, DE_PICKLE_TENSOR);
        if (tensor)
            *result = *tensor;
        return true;
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
