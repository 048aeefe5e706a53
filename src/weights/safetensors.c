#include "weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Stable Diffusion's headers take 0.2 MB. The reference allows 100 MB, which take gigabytes of
 * memory as JSON. */
enum { LENGTH_BYTES = 8, MAX_HEADER = 16 << 20 };

/* One file while its header is being read. */
typedef struct reader {
    const char *path;
    const unsigned char *data; /* the arrays, [data_size] */
    size_t data_size;
    diffedit_error *error;
} reader;

static diffedit_status refuse(const reader *r, const char *name, const char *what)
{
    return de_fail(r->error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%s`: %s", r->path, name, what);
}

/* Sets the entry's type; *bytes is the size of one element. */
static diffedit_status read_type(const reader *r, de_table_entry *entry, const json_t *info,
                                 size_t *bytes)
{
    const char *type = json_string_value(json_object_get(info, "dtype"));
    if (!type)
        return refuse(r, entry->name, "`dtype` is missing or not a string");
    const de_table_type *known = de_table_find_type(type);
    if (!known)
        return de_fail(r->error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s` has an unknown type \"%.40s\"", r->path, entry->name, type);
    de_table_set_type(entry, known);
    *bytes = known->bytes;
    return DIFFEDIT_OK;
}

/* Sets the entry's shape; *bytes is multiplied by its sizes. */
static diffedit_status read_shape(const reader *r, de_table_entry *entry, const json_t *info,
                                  size_t *bytes)
{
    const json_t *shape = json_object_get(info, "shape");
    if (!json_is_array(shape))
        return refuse(r, entry->name, "`shape` is missing or not a list");
    if (json_array_size(shape) > DE_TABLE_RANK)
        return de_fail(r->error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s` has %zu dimensions; at most %d are supported", r->path,
                       entry->name, json_array_size(shape), DE_TABLE_RANK);
    entry->rank = (int)json_array_size(shape);
    for (int i = 0; i < entry->rank; i++) {
        const json_t *size = json_array_get(shape, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return refuse(r, entry->name, "`shape` contains something that is not a size");
        entry->shape[i] = json_integer_value(size);
        if (!de_multiply_size(*bytes, (size_t)entry->shape[i], bytes))
            return refuse(r, entry->name, "the product of its sizes overflows");
    }
    return DIFFEDIT_OK;
}

/* The value at `index` of a pair of offsets; false where there is none. */
static bool read_offset(const json_t *offsets, size_t index, uint64_t *offset)
{
    const json_t *value = json_array_get(offsets, index);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *offset = (uint64_t)json_integer_value(value);
    return true;
}

static diffedit_status read_place(const reader *r, de_table_entry *entry, const json_t *info,
                                  size_t bytes)
{
    const json_t *offsets = json_object_get(info, "data_offsets");
    uint64_t begin, end;
    if (json_array_size(offsets) != 2 || !read_offset(offsets, 0, &begin) ||
        !read_offset(offsets, 1, &end) || begin > end)
        return refuse(r, entry->name, "`data_offsets` is missing or not a pair of offsets");
    if (end > r->data_size)
        return de_fail(r->error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s` ends at byte %ju of the data, but the file has only %zu; "
                       "it is truncated or damaged",
                       r->path, entry->name, (uintmax_t)end, r->data_size);
    if (end - begin != bytes)
        return de_fail(r->error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s`: expected %zu bytes by its type and shape, found %ju",
                       r->path, entry->name, bytes, (uintmax_t)(end - begin));
    entry->data = r->data + begin;
    entry->bytes = bytes;
    entry->mapped = true;
    return DIFFEDIT_OK;
}

static diffedit_status read_entry(const reader *r, de_table_entry *entry, const char *name,
                                  const json_t *info)
{
    if (!json_is_object(info))
        return refuse(r, name, "its entry in the header is not an object");
    entry->name = strdup(name);
    if (!entry->name)
        return de_fail_memory(r->error, strlen(name) + 1, "a tensor's name");
    size_t bytes;
    diffedit_status status = read_type(r, entry, info, &bytes);
    if (status == DIFFEDIT_OK)
        status = read_shape(r, entry, info, &bytes);
    if (status == DIFFEDIT_OK)
        status = read_place(r, entry, info, bytes);
    return status;
}

/* The writer's notes: `modelspec.prediction_type`, or the architecture where it implies one. */
static de_prediction read_prediction(const json_t *notes)
{
    const char *said = json_string_value(json_object_get(notes, "modelspec.prediction_type"));
    const char *kind = json_string_value(json_object_get(notes, "modelspec.architecture"));
    if (!said)
        said = json_string_value(json_object_get(notes, "prediction_type"));
    if (said && (strcmp(said, "v") == 0 || strcmp(said, "v_prediction") == 0))
        return DE_PREDICTION_V;
    if (said && strcmp(said, "epsilon") == 0)
        return DE_PREDICTION_EPSILON;
    if (kind && strncmp(kind, "stable-diffusion-v2-768-v", 25) == 0)
        return DE_PREDICTION_V;
    return kind && strncmp(kind, "stable-diffusion-v2-512", 23) == 0 ? DE_PREDICTION_EPSILON
                                                                     : DE_PREDICTION_UNKNOWN;
}

static diffedit_status read_entries(const reader *r, de_table *table, json_t *header)
{
    table->entries = calloc(json_object_size(header) + 1, sizeof *table->entries);
    if (!table->entries)
        return de_fail_memory(r->error, json_object_size(header) * sizeof *table->entries,
                              "a list of tensors");
    const char *name;
    json_t *info;
    json_object_foreach (header, name, info) {
        if (strcmp(name, "__metadata__") == 0) {
            table->prediction = read_prediction(info);
            table->notes = json_incref(info);
            continue;
        }
        diffedit_status status = read_entry(r, &table->entries[table->count++], name, info);
        if (status != DIFFEDIT_OK)
            return status;
    }
    diffedit_status status = de_table_sort(table, r->path, r->error);
    return status == DIFFEDIT_OK ? de_table_check_overlap(table, r->path, r->error) : status;
}

/* What people take for a weight file, told by its first bytes. */
static const char *guess(const unsigned char *bytes, size_t size)
{
#define OTHER_FORM ", which is not supported; use the safetensors file"
    static const struct {
        size_t at;
        const char *start, *what;
    } kinds[] = {
        {0, "version https://git-lfs", "a Git LFS pointer; fetch the file itself (git lfs pull)"},
        {0, "<", "a web page"},
        {0, "GGUF", "a GGUF file" OTHER_FORM},
        {0, "{", "a JSON file; name the file or folder of the model"},
        {257, "ustar", "a tar archive; unpack it, and name what is in it"},
        {0, "\x1f\x8b", "a file compressed by gzip; unpack it, and name what is in it"},
        {0, "BZh", "a file compressed by bzip2; unpack it, and name what is in it"},
        {0,
         "\xfd"
         "7zXZ",
         "a file compressed by xz; unpack it, and name what is in it"},
        {0, "\x28\xb5\x2f\xfd", "a file compressed by zstd; unpack it, and name what is in it"},
        {0, "7z\xbc\xaf", "a 7z archive; unpack it, and name what is in it"},
        {0, "Rar!", "a RAR archive; unpack it, and name what is in it"},
        {0, "\x89HDF", "an HDF5 file (Keras)" OTHER_FORM},
        {0, "\x93NUMPY", "a NumPy array, which is no model"},
        {4, "TFL3", "a TensorFlow Lite file" OTHER_FORM},
        {0, "\x89PNG", "a picture"},
        {0, "\xff\xd8\xff", "a picture"},
        {0, "RIFF", "a picture"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (size >= kinds[i].at + strlen(kinds[i].start) &&
            memcmp(bytes + kinds[i].at, kinds[i].start, strlen(kinds[i].start)) == 0)
            return kinds[i].what;
    /* a version, and a text or a message behind it, in the encoding of protocol buffers */
    if (bytes[0] == 0x08 && bytes[1] < 0x20 && (bytes[2] == 0x12 || bytes[2] == 0x3a))
        return "an ONNX file" OTHER_FORM;
    if (bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
        return "a Python pickle that torch.save() did not write";
    return "an unknown format";
#undef OTHER_FORM
}

/* The header's length, checked against the file's. */
static diffedit_status read_length(const char *path, const unsigned char *bytes, size_t size,
                                   size_t *length, diffedit_error *error)
{
    static const char expected[] = "expected a safetensors file or a torch checkpoint";
    if (size <= LENGTH_BYTES)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s, found %zu bytes", path, expected,
                       size);
    uint64_t value = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    if (bytes[LENGTH_BYTES] != '{')
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s, found %s", path, expected,
                       guess(bytes, size));
    if (value > MAX_HEADER || value < 2)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: expected a header of 2 to %d bytes, found one of %ju", path, MAX_HEADER,
                       (uintmax_t)value);
    if (value > size - LENGTH_BYTES)
        return de_fail(
            error, DIFFEDIT_ERROR_MODEL,
            "%s: expected a header of %ju bytes, but only %zu follow; the file is truncated", path,
            (uintmax_t)value, size - LENGTH_BYTES);
    *length = (size_t)value;
    return DIFFEDIT_OK;
}

diffedit_status de_safetensors_read(de_table *table, const char *path, const unsigned char *bytes,
                                    size_t size, diffedit_error *error)
{
    *table = (de_table){0};
    size_t length = 0;
    diffedit_status status = read_length(path, bytes, size, &length, error);
    if (status != DIFFEDIT_OK)
        return status;
    json_error_t reason;
    json_t *header = json_loadb((const char *)bytes + LENGTH_BYTES, length, JSON_REJECT_DUPLICATES,
                                &reason);
    if (!header)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: the header is not valid JSON: %s at byte %d", path, reason.text,
                       reason.position);
    reader r = {.path = path,
                .data = bytes + LENGTH_BYTES + length,
                .data_size = size - LENGTH_BYTES - length,
                .error = error};
    status = read_entries(&r, table, header);
    json_decref(header);
    if (status != DIFFEDIT_OK)
        de_table_free(table);
    return status;
}
