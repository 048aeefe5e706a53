#include "weights/weights.h"

#include "common/layout.h"
#include "weights/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

struct de_weights {
    char *path;
    de_weight_file **files; /* each held once */
    int file_count;
    de_table table;
    size_t capacity;           /* of the table */
    de_random_weights *random; /* or NULL; then there is no table */
};

diffedit_status de_weights_new(de_weights **weights, const char *path, diffedit_error *error)
{
    de_weights *new = calloc(1, sizeof *new);
    if (!new || !(new->path = strdup(path))) {
        free(new);
        return de_fail_memory(error, sizeof *new + strlen(path), "weights");
    }
    *weights = new;
    return DIFFEDIT_OK;
}

diffedit_status de_weights_new_random(de_weights **weights, const char *name, diffedit_error *error)
{
    de_weights *new = NULL;
    diffedit_status status = de_weights_new(&new, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    new->random = de_random_weights_new();
    if (!new->random) {
        de_weights_close(new);
        return de_fail_memory(error, sizeof new->random, "weights");
    }
    *weights = new;
    return DIFFEDIT_OK;
}

void de_weights_close(de_weights *weights)
{
    if (!weights)
        return;
    de_random_weights_free(weights->random);
    de_table_free(&weights->table);
    for (int i = 0; i < weights->file_count; i++)
        de_weight_file_release(weights->files[i]);
    free(weights->files);
    free(weights->path);
    free(weights);
}

static diffedit_status hold(de_weights *weights, de_weight_file *file, diffedit_error *error)
{
    for (int i = 0; i < weights->file_count; i++)
        if (weights->files[i] == file)
            return DIFFEDIT_OK;
    size_t bytes = ((size_t)weights->file_count + 1) * sizeof(de_weight_file *);
    de_weight_file **grown = realloc(weights->files, bytes);
    if (!grown)
        return de_fail_memory(error, bytes, "a list of files");
    weights->files = grown;
    grown[weights->file_count++] = de_weight_file_hold(file);
    return DIFFEDIT_OK;
}

diffedit_status de_weights_add(de_weights *weights, de_weight_file *file,
                               const de_table_entry *entry, const char *name, diffedit_error *error)
{
    diffedit_status status = hold(weights, file, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_table *table = &weights->table;
    if (table->count == weights->capacity) {
        size_t capacity = 2 * weights->capacity + 64;
        de_table_entry *grown = realloc(table->entries, capacity * sizeof *grown);
        if (!grown)
            return de_fail_memory(error, capacity * sizeof *grown, "a list of tensors");
        table->entries = grown;
        weights->capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy)
        return de_fail_memory(error, strlen(name) + 1, "a tensor's name");
    table->entries[table->count] = *entry;
    table->entries[table->count++].name = copy;
    return DIFFEDIT_OK;
}

diffedit_status de_weights_finish(de_weights *weights, diffedit_error *error)
{
    return de_table_sort(&weights->table, weights->path, error);
}

diffedit_status de_weights_add_file(de_weights *weights, de_weight_file *file, de_rename_fn rename,
                                    const void *user, diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < table->count && status == DIFFEDIT_OK; i++) {
        const de_table_entry *entry = &table->entries[i];
        char published[DE_TENSOR_NAME];
        if (!rename)
            status = de_weights_add(weights, file, entry, entry->name, error);
        else if (rename(user, entry->name, published))
            status = de_weights_add(weights, file, entry, published, error);
    }
    return status;
}

static diffedit_status add_path(de_weights *weights, const char *path, de_rename_fn rename,
                                diffedit_error *error)
{
    de_weight_file *file;
    diffedit_status status = de_weight_file_open(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_weights_add_file(weights, file, rename, NULL, error);
    de_weight_file_release(file);
    return status;
}

/* ---- several files under an index ---- */

/* A file that stands beside the index. */
static diffedit_status add_shard(de_weights *weights, const char *name, de_rename_fn rename,
                                 diffedit_error *error)
{
    const char *slash = strrchr(weights->path, '/');
    int folder = slash ? (int)(slash - weights->path + 1) : 0;
    if (strchr(name, '/') || strcmp(name, "..") == 0)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: expected names of files in its own folder, found \"%.80s\"",
                       weights->path, name);
    size_t size = (size_t)folder + strlen(name) + 1;
    char *path = malloc(size);
    if (!path)
        return de_fail_memory(error, size, "a path");
    snprintf(path, size, "%.*s%s", folder, weights->path, name);
    diffedit_status status = add_path(weights, path, rename, error);
    free(path);
    return status;
}

static diffedit_status add_shards(de_weights *weights, json_t *map, de_rename_fn rename,
                                  diffedit_error *error)
{
    json_t *seen = json_object();
    diffedit_status status = seen ? DIFFEDIT_OK : de_fail_memory(error, 64, "a list of files");
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value)
    {
        const char *shard = json_string_value(value);
        if (status == DIFFEDIT_OK && !shard)
            status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%.80s` has no file name",
                             weights->path, name);
        if (status != DIFFEDIT_OK || json_object_get(seen, shard))
            continue;
        json_object_set_new(seen, shard, json_true());
        status = add_shard(weights, shard, rename, error);
    }
    json_decref(seen);
    return status;
}

static diffedit_status add_index(de_weights *weights, de_rename_fn rename, diffedit_error *error)
{
    enum { MOST_BYTES = 64 << 20 };
    struct stat info;
    if (stat(weights->path, &info) == 0 && info.st_size > MOST_BYTES)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: expected an index of at most %d bytes, found %jd", weights->path,
                       MOST_BYTES, (intmax_t)info.st_size);
    json_error_t reason;
    json_t *index = json_load_file(weights->path, JSON_REJECT_DUPLICATES, &reason);
    json_t *map = json_object_get(index, "weight_map");
    diffedit_status status = DIFFEDIT_OK;
    if (!index)
        status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: expected a JSON object: %.200s",
                         weights->path, reason.text);
    else if (json_object_size(map) == 0)
        status = de_fail(error, DIFFEDIT_ERROR_MODEL,
                         "%s: expected a `weight_map` of tensors to files, found none",
                         weights->path);
    else
        status = add_shards(weights, map, rename, error);
    json_decref(index);
    return status;
}

diffedit_status de_weights_open(de_weights **weights, const char *path, de_rename_fn rename,
                                diffedit_error *error)
{
    de_weights *new = NULL;
    diffedit_status status = de_weights_new(&new, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_layout_is_index(path) ? add_index(new, rename, error)
                                      : add_path(new, path, rename, error);
    if (status == DIFFEDIT_OK)
        status = de_weights_finish(new, error);
    if (status != DIFFEDIT_OK) {
        de_weights_close(new);
        return status;
    }
    *weights = new;
    return DIFFEDIT_OK;
}

const char *de_weights_path(const de_weights *weights)
{
    return weights->path;
}

int64_t de_weights_parameters(const de_weights *weights)
{
    int64_t parameters = weights->random ? de_random_weights_count(weights->random) : 0;
    for (size_t i = 0; i < weights->table.count; i++)
        parameters += de_table_entry_count(&weights->table.entries[i]);
    return parameters;
}

const de_table *de_weights_table(const de_weights *weights)
{
    return &weights->table;
}

diffedit_status de_weights_check_size(const de_weights *weights, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < weights->file_count && status == DIFFEDIT_OK; i++)
        status = de_weight_file_check_size(weights->files[i], error);
    return status;
}

static bool is_damaged(const de_table_entry *entry)
{
    return atomic_load(&entry->damaged);
}

static bool is_unused(const de_table_entry *entry)
{
    return !atomic_load(&entry->used);
}

static const char *find_first(const de_weights *weights, bool (*is)(const de_table_entry *entry),
                              int *count)
{
    const char *first = NULL;
    for (size_t i = 0; i < weights->table.count; i++) {
        const de_table_entry *entry = &weights->table.entries[i];
        if (!is(entry))
            continue;
        first = first ? first : entry->name;
        ++*count;
    }
    return first;
}

const char *de_weights_damaged(const de_weights *weights, int *count)
{
    return find_first(weights, is_damaged, count);
}

const char *de_weights_unused(const de_weights *weights, int *count)
{
    int unused = 0;
    const char *first = find_first(weights, is_unused, &unused);
    if ((size_t)unused == weights->table.count)
        return NULL;
    *count += unused;
    return first;
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

/* Without the last sizes of 1 of what is at least a matrix. */
static int plain_rank(int rank, const int64_t *shape)
{
    while (rank > 2 && shape[rank - 1] == 1)
        rank--;
    return rank;
}

diffedit_status de_weights_get(const de_weights *weights, const char *name, int rank,
                               const int64_t *shape, de_weight *weight, diffedit_error *error)
{
    if (weights->random)
        return de_random_weights_get(weights->random, name, rank, shape, weight, error);
    const de_table_entry *entry = de_table_find(&weights->table, name);
    if (!entry)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%s` is missing", weights->path,
                       name);
    de_table_entry *marked = (de_table_entry *)
        entry; /* its marks are all that changes in a table */
    atomic_store(&marked->used, true);
    int plain = plain_rank(rank, shape);
    if (plain_rank(entry->rank, entry->shape) != plain ||
        memcmp(entry->shape, shape, (size_t)plain * sizeof *shape) != 0) {
        char expected[SHAPE_LENGTH], found[SHAPE_LENGTH];
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%s`: expected shape %s, found %s",
                       weights->path, name, shape_format(expected, rank, shape),
                       shape_format(found, entry->rank, entry->shape));
    }
    if (!entry->readable)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s`: expected type F32, F16 or BF16, found %s", weights->path,
                       name, entry->type);
    *weight = (de_weight){.data = entry->data,
                          .dtype = entry->dtype,
                          .rank = rank,
                          .mapped = entry->mapped,
                          .damaged = &marked->damaged};
    memcpy(weight->shape, shape, (size_t)rank * sizeof *shape);
    return DIFFEDIT_OK;
}
