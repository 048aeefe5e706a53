#include "weights/weights.h"

#include "weights/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct de_weights {
    char *path;
    unsigned char *bytes; /* the mapped file, [size] */
    size_t size;
    de_table table;
};

static diffedit_status fail_file(diffedit_error *error, const char *path, const char *what)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %s: %s", path, what, strerror(errno));
}

static diffedit_status map_descriptor(de_weights *weights, int descriptor, diffedit_error *error)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        return fail_file(error, weights->path, "cannot be read");
    if (!S_ISREG(info.st_mode))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: expected a weight file, found something that is no file",
                       weights->path);
    if (info.st_size == 0)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: the file is empty", weights->path);
    if ((uintmax_t)info.st_size > SIZE_MAX)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: the file is too large for this machine",
                       weights->path);
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED)
        return fail_file(error, weights->path, "cannot be mapped");
    weights->bytes = bytes;
    weights->size = (size_t)info.st_size;
    return DIFFEDIT_OK;
}

static diffedit_status map_file(de_weights *weights, diffedit_error *error)
{
    int descriptor = open(weights->path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail_file(error, weights->path, "cannot be opened");
    diffedit_status status = map_descriptor(weights, descriptor, error);
    close(descriptor); /* the mapping stays */
    return status;
}

diffedit_status de_weights_open(de_weights **weights, const char *path, diffedit_error *error)
{
    de_weights *new = calloc(1, sizeof *new);
    if (!new || !(new->path = strdup(path))) {
        free(new);
        return de_fail_memory(error, sizeof *new + strlen(path), "a weight file");
    }
    diffedit_status status = map_file(new, error);
    if (status == DIFFEDIT_OK)
        status = de_safetensors_read(&new->table, path, new->bytes, new->size, error);
    if (status != DIFFEDIT_OK) {
        de_weights_close(new);
        return status;
    }
    *weights = new;
    return DIFFEDIT_OK;
}

void de_weights_close(de_weights *weights)
{
    if (!weights)
        return;
    de_table_free(&weights->table);
    if (weights->bytes)
        munmap(weights->bytes, weights->size);
    free(weights->path);
    free(weights);
}

const char *de_weights_path(const de_weights *weights)
{
    return weights->path;
}

int64_t de_weights_parameters(const de_weights *weights)
{
    int64_t parameters = 0;
    for (size_t i = 0; i < weights->table.count; i++) {
        const de_table_entry *entry = &weights->table.entries[i];
        int64_t count = 1;
        for (int j = 0; j < entry->rank; j++)
            count *= entry->shape[j];
        parameters += count;
    }
    return parameters;
}

bool de_weights_has(const de_weights *weights, const char *name)
{
    return de_table_find(&weights->table, name) != NULL;
}

enum { SHAPE_LENGTH = DE_TABLE_RANK * 22 + 3 };

/* "[320, 4, 3, 3]" */
static const char *shape_format(char text[SHAPE_LENGTH], int rank, const int64_t *shape)
{
    int length = snprintf(text, SHAPE_LENGTH, "[");
    for (int i = 0; i < rank; i++)
        length += snprintf(text + length, (size_t)(SHAPE_LENGTH - length), "%s%jd", i ? ", " : "",
                           (intmax_t)shape[i]);
    snprintf(text + length, (size_t)(SHAPE_LENGTH - length), "]");
    return text;
}

diffedit_status de_weights_get(const de_weights *weights, const char *name, int rank,
                               const int64_t *shape, de_weight *weight, diffedit_error *error)
{
    const de_table_entry *entry = de_table_find(&weights->table, name);
    if (!entry)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: the tensor `%s` is missing", weights->path, name);
    if (entry->rank != rank || memcmp(entry->shape, shape, (size_t)rank * sizeof *shape) != 0) {
        char expected[SHAPE_LENGTH], found[SHAPE_LENGTH];
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%s`: expected shape %s, found %s",
                       weights->path, name, shape_format(expected, rank, shape),
                       shape_format(found, entry->rank, entry->shape));
    }
    if (!entry->readable)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%s`: expected type F32, F16 or BF16, found %s",
                       weights->path, name, entry->type);
    *weight = (de_weight){.data = entry->data, .dtype = entry->dtype, .rank = rank};
    memcpy(weight->shape, shape, (size_t)rank * sizeof *shape);
    return DIFFEDIT_OK;
}
