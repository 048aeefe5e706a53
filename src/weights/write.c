#include "weights/write.h"

#include "base/half.h"
#include "common/new_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 16 }; /* values converted at a time */

static const struct {
    const char *name;
    size_t bytes;
} TYPES[] = {[DE_F32] = {"F32", 4}, [DE_F16] = {"F16", 2}, [DE_BF16] = {"BF16", 2}};

static int64_t bytes_of(const de_written_tensor *tensor)
{
    return de_weight_count(&tensor->weight) * (int64_t)TYPES[tensor->dtype].bytes;
}

/* ---- the header ---- */

static json_t *describe(const de_written_tensor *tensor, int64_t offset)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->weight.rank; i++)
        json_array_append_new(shape, json_integer(tensor->weight.shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", TYPES[tensor->dtype].name, "shape", shape,
                     "data_offsets", (json_int_t)offset, (json_int_t)(offset + bytes_of(tensor)));
}

/* The header as text, with spaces behind it so that the arrays begin at a multiple of 8 bytes; or
 * NULL. */
static char *make_header(const de_written_tensor *tensors, size_t count, json_t *notes,
                         size_t *length)
{
    json_t *header = json_pack("{s:O}", "__metadata__", notes);
    int64_t offset = 0;
    bool complete = header != NULL;
    for (size_t i = 0; i < count && complete; i++) {
        complete = json_object_set_new(header, tensors[i].name, describe(&tensors[i], offset)) == 0;
        offset += bytes_of(&tensors[i]);
    }
    char *text = complete ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text)
        return NULL;
    size_t used = strlen(text);
    *length = (used + 7) / 8 * 8;
    char *padded = realloc(text, *length + 1);
    if (!padded) {
        free(text);
        return NULL;
    }
    memset(padded + used, ' ', *length - used);
    return padded;
}

static diffedit_status write_header(de_new_file *file, const de_written_tensor *tensors,
                                    size_t count, json_t *notes, diffedit_error *error)
{
    size_t length;
    unsigned char prefix[8];
    char *text = make_header(tensors, count, notes, &length);
    if (!text)
        return de_fail_memory(error, count * 128, "a header");
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)(length >> (8 * i));
    diffedit_status status = de_new_file_write(file, prefix, sizeof prefix, error);
    if (status == DIFFEDIT_OK)
        status = de_new_file_write(file, text, length, error);
    free(text);
    return status;
}

/* ---- the arrays ---- */

/* What is being written, and who hears of it. */
typedef struct writing {
    de_new_file file;
    float values[BLOCK];
    uint16_t halves[BLOCK];
    diffedit_bytes_fn progress;
    void *user;
    int64_t done, total;
} writing;

static diffedit_status write_f16(writing *to, const de_written_tensor *tensor, int64_t count,
                                 diffedit_error *error)
{
    for (int64_t i = 0; i < count; i++) {
        to->halves[i] = de_float_to_half(to->values[i]);
        if (isfinite(to->values[i]) && (to->halves[i] & 0x7fff) >= 0x7c00)
            return de_fail(
                error, DIFFEDIT_ERROR_MODEL,
                "tensor `%s` contains %g, which is too large for f16; convert to f32 instead",
                tensor->name, to->values[i]);
    }
    return de_new_file_write(&to->file, to->halves, (size_t)count * sizeof *to->halves, error);
}

static diffedit_status write_block(writing *to, const de_written_tensor *tensor, int64_t begin,
                                   int64_t count, diffedit_error *error)
{
    const de_weight *weight = &tensor->weight;
    size_t bytes = (size_t)count * TYPES[tensor->dtype].bytes;
    if (weight->dtype == tensor->dtype)
        return de_new_file_write(
            &to->file, (const char *)weight->data + (size_t)begin * TYPES[tensor->dtype].bytes,
            bytes, error);
    de_weight_to_f32(weight, begin, count, to->values);
    return tensor->dtype == DE_F16 ? write_f16(to, tensor, count, error)
                                   : de_new_file_write(&to->file, to->values, bytes, error);
}

/* A tensor that has to be computed is, one at a time. */
static diffedit_status find_values(de_written_tensor *tensor, diffedit_error *error)
{
    const de_weight described = tensor->weight;
    return described.data ? DIFFEDIT_OK
                          : de_weights_get(tensor->source, tensor->name + tensor->prefix,
                                           described.rank, described.shape, &tensor->weight, error);
}

static diffedit_status write_tensor(writing *to, const de_written_tensor *listed,
                                    diffedit_error *error)
{
    de_written_tensor found = *listed, *tensor = &found;
    int64_t count = de_weight_count(&tensor->weight);
    diffedit_status status = find_values(tensor, error);
    for (int64_t begin = 0; begin < count && status == DIFFEDIT_OK; begin += BLOCK) {
        int64_t block = de_min_i64(BLOCK, count - begin);
        status = write_block(to, tensor, begin, block, error);
        to->done += block * (int64_t)TYPES[tensor->dtype].bytes;
        if (status == DIFFEDIT_OK && to->progress &&
            to->progress(to->user, to->done, to->total) != 0)
            status = de_fail(error, DIFFEDIT_ERROR_CANCELLED, "cancelled");
    }
    de_weight_forget_pages(&tensor->weight);
    return status;
}

diffedit_status de_safetensors_write(const char *path, const de_written_tensor *tensors,
                                     size_t count, json_t *notes, diffedit_bytes_fn progress,
                                     void *user, diffedit_error *error)
{
    writing *to = malloc(sizeof *to);
    if (!to)
        return de_fail_memory(error, sizeof *to, "a file to be written");
    to->progress = progress;
    to->user = user;
    to->done = to->total = 0;
    for (size_t i = 0; i < count; i++)
        to->total += bytes_of(&tensors[i]);
    diffedit_status status = de_new_file_create(&to->file, path, error);
    if (status == DIFFEDIT_OK) {
        status = write_header(&to->file, tensors, count, notes, error);
        for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++)
            status = write_tensor(to, &tensors[i], error);
        status = de_new_file_finish(&to->file, status, error);
    }
    free(to);
    return status;
}
