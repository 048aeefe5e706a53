#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "weights/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct de_page_array {
    char *name;
    void *values;
    size_t bytes;
} de_page_array;

void de_pages_free(de_pages *pages)
{
    for (size_t i = 0; i < pages->count; i++) {
        munmap(pages->arrays[i].values, pages->arrays[i].bytes);
        free(pages->arrays[i].name);
    }
    free(pages->arrays);
    *pages = (de_pages){0};
}

static const de_page_array *find(const de_pages *pages, const char *name, size_t bytes)
{
    for (size_t i = 0; i < pages->count; i++)
        if (pages->arrays[i].bytes == bytes && strcmp(pages->arrays[i].name, name) == 0)
            return &pages->arrays[i];
    return NULL;
}

static diffedit_status add(de_pages *pages, const char *name, size_t bytes, diffedit_error *error)
{
    if (pages->count == pages->capacity) {
        size_t capacity = 2 * pages->capacity + 256;
        de_page_array *grown = realloc(pages->arrays, capacity * sizeof *grown);
        if (!grown)
            return de_fail_memory(error, capacity * sizeof *grown, "a list of tensors");
        pages->arrays = grown;
        pages->capacity = capacity;
    }
    char *copy = strdup(name);
    void *values = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!copy || values == MAP_FAILED) {
        free(copy);
        if (values != MAP_FAILED)
            munmap(values, bytes);
        return de_fail_memory(error, bytes, name);
    }
    pages->arrays[pages->count++] = (de_page_array){copy, values, bytes};
    return DIFFEDIT_OK;
}

diffedit_status de_pages_get(de_pages *pages, const char *name, de_dtype dtype, int rank,
                             const int64_t *shape, de_weight *weight, void **values,
                             diffedit_error *error)
{
    *weight = (de_weight){.dtype = dtype, .rank = rank, .mapped = true};
    memcpy(weight->shape, shape, (size_t)rank * sizeof *shape);
    int64_t count = de_weight_count(weight);
    size_t bytes = (size_t)count * de_dtype_bytes(dtype);
    const de_page_array *array = find(pages, name, bytes);
    if (!array) {
        diffedit_status status = add(pages, name, bytes, error);
        if (status != DIFFEDIT_OK)
            return status;
        array = &pages->arrays[pages->count - 1];
        pages->values += count;
    }
    *values = array->values;
    weight->data = array->values;
    return DIFFEDIT_OK;
}
