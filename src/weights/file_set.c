#include "weights/file_set.h"

#include "common/layout.h"
#include "weights/scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

struct de_file_set {
    de_weights weights; /* the set as such */
    char *path;
    de_weight_file **files; /* each held once */
    int file_count;
    de_table table;
    size_t capacity; /* of the table */
};

static const de_weights_source SOURCE;

diffedit_status de_file_set_new(de_file_set **set, const char *path, diffedit_error *error)
{
    de_file_set *new = calloc(1, sizeof *new);
    if (!new || !(new->path = strdup(path))) {
        free(new);
        return de_fail_memory(error, sizeof *new + strlen(path), "weights");
    }
    new->weights = (de_weights){&SOURCE, new, new->path};
    *set = new;
    return DIFFEDIT_OK;
}

void de_file_set_close(de_file_set *set)
{
    if (!set)
        return;
    de_table_free(&set->table);
    for (int i = 0; i < set->file_count; i++)
        de_weight_file_release(set->files[i]);
    free(set->files);
    free(set->path);
    free(set);
}

static diffedit_status hold(de_file_set *set, de_weight_file *file, diffedit_error *error)
{
    for (int i = 0; i < set->file_count; i++)
        if (set->files[i] == file)
            return DIFFEDIT_OK;
    size_t bytes = ((size_t)set->file_count + 1) * sizeof(de_weight_file *);
    de_weight_file **grown = realloc(set->files, bytes);
    if (!grown)
        return de_fail_memory(error, bytes, "a list of files");
    set->files = grown;
    grown[set->file_count++] = de_weight_file_hold(file);
    return DIFFEDIT_OK;
}

/* `model.diffusion_model.out.2.bias` (`conv_out.bias`); NULL without memory */
static const char *make_title(de_table *table, const char *in_file, const char *published)
{
    size_t size = strlen(in_file) + strlen(published) + sizeof "`` (``)";
    char *title = de_table_allocate(table, size);
    if (title && strcmp(in_file, published) == 0)
        snprintf(title, size, "`%s`", published);
    else if (title)
        snprintf(title, size, "`%s` (`%s`)", in_file, published);
    return title;
}

diffedit_status de_file_set_add(de_file_set *set, de_weight_file *file, const de_table_entry *entry,
                                const char *name, diffedit_error *error)
{
    if (de_scale_is(de_weight_file_table(file), entry))
        return DIFFEDIT_OK;
    diffedit_status status = hold(set, file, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_table *table = &set->table;
    if (table->count == set->capacity) {
        size_t capacity = 2 * set->capacity + 64;
        de_table_entry *grown = realloc(table->entries, capacity * sizeof *grown);
        if (!grown)
            return de_fail_memory(error, capacity * sizeof *grown, "a list of tensors");
        table->entries = grown;
        set->capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy)
        return de_fail_memory(error, strlen(name) + 1, "a tensor's name");
    de_table_entry *added = &table->entries[table->count++];
    *added = *entry;
    added->name = copy;
    added->title = make_title(table, de_table_entry_in_file(entry), name);
    if (!added->title)
        return de_fail_memory(error, strlen(name) + 1, "a tensor's name");
    return de_scale_find(&added->scale, de_weight_file_table(file), entry,
                         de_weight_file_path(file), error);
}

diffedit_status de_file_set_keep(de_weights **weights, bool *empty, de_file_set *set,
                                 diffedit_status status, diffedit_error *error)
{
    if (status == DIFFEDIT_OK)
        status = de_table_sort(&set->table, set->path, error);
    bool none = empty && status == DIFFEDIT_OK && set->table.count == 0;
    if (empty)
        *empty = none;
    if (status == DIFFEDIT_OK && !none)
        *weights = &set->weights;
    else
        de_file_set_close(set);
    return status;
}

diffedit_status de_file_set_add_file(de_file_set *set, de_weight_file *file, de_rename_fn rename,
                                     const void *user, diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < table->count && status == DIFFEDIT_OK; i++) {
        const de_table_entry *entry = &table->entries[i];
        char published[DE_TENSOR_NAME];
        if (!rename)
            status = de_file_set_add(set, file, entry, entry->name, error);
        else if (rename(user, entry->name, published))
            status = de_file_set_add(set, file, entry, published, error);
    }
    return status;
}

static diffedit_status add_path(de_file_set *set, const char *path, de_rename_fn rename,
                                diffedit_error *error)
{
    de_weight_file *file;
    diffedit_status status = de_weight_file_open(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_file_set_add_file(set, file, rename, NULL, error);
    de_weight_file_release(file);
    return status;
}

/* ---- several files under an index ---- */

/* A file that stands beside the index. */
static diffedit_status add_shard(de_file_set *set, const char *name, de_rename_fn rename,
                                 diffedit_error *error)
{
    const char *slash = strrchr(set->path, '/');
    int folder = slash ? (int)(slash - set->path + 1) : 0;
    if (strchr(name, '/') || strcmp(name, "..") == 0)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: expected names of files in its own folder, found \"%.80s\"", set->path,
                       name);
    size_t size = (size_t)folder + strlen(name) + 1;
    char *path = malloc(size);
    if (!path)
        return de_fail_memory(error, size, "a path");
    snprintf(path, size, "%.*s%s", folder, set->path, name);
    diffedit_status status = add_path(set, path, rename, error);
    free(path);
    return status;
}

static diffedit_status add_shards(de_file_set *set, json_t *map, de_rename_fn rename,
                                  diffedit_error *error)
{
    json_t *seen = json_object();
    diffedit_status status = seen ? DIFFEDIT_OK : de_fail_memory(error, 64, "a list of files");
    const char *name;
    json_t *value;
    json_object_foreach (map, name, value) {
        const char *shard = json_string_value(value);
        if (status == DIFFEDIT_OK && !shard)
            status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%.80s` has no file name",
                             set->path, name);
        if (status != DIFFEDIT_OK || json_object_get(seen, shard))
            continue;
        json_object_set_new(seen, shard, json_true());
        status = add_shard(set, shard, rename, error);
    }
    json_decref(seen);
    return status;
}

static diffedit_status add_index(de_file_set *set, de_rename_fn rename, diffedit_error *error)
{
    enum { MOST_BYTES = 64 << 20 };
    struct stat info;
    if (stat(set->path, &info) == 0 && info.st_size > MOST_BYTES)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: expected an index of at most %d bytes, found %jd", set->path,
                       MOST_BYTES, (intmax_t)info.st_size);
    json_error_t reason;
    json_t *index = json_load_file(set->path, JSON_REJECT_DUPLICATES, &reason);
    json_t *map = json_object_get(index, "weight_map");
    diffedit_status status = DIFFEDIT_OK;
    if (!index)
        status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: expected a JSON object: %.200s",
                         set->path, reason.text);
    else if (json_object_size(map) == 0)
        status = de_fail(error, DIFFEDIT_ERROR_MODEL,
                         "%s: expected a `weight_map` of tensors to files, found none", set->path);
    else
        status = add_shards(set, map, rename, error);
    json_decref(index);
    return status;
}

diffedit_status de_file_set_open(de_weights **weights, const char *path, de_rename_fn rename,
                                 diffedit_error *error)
{
    de_file_set *set = NULL;
    diffedit_status status = de_file_set_new(&set, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_layout_is_index(path) ? add_index(set, rename, error)
                                      : add_path(set, path, rename, error);
    return de_file_set_keep(weights, NULL, set, status, error);
}

const de_table *de_file_set_table(const de_file_set *set)
{
    return &set->table;
}

/* ---- the set as a source ---- */

static void close_set(void *self)
{
    de_file_set_close(self);
}

static int64_t parameters(const void *self)
{
    const de_file_set *set = self;
    int64_t count = 0;
    for (size_t i = 0; i < set->table.count; i++)
        count += de_table_entry_count(&set->table.entries[i]);
    return count;
}

static diffedit_status check_size(const void *self, diffedit_error *error)
{
    const de_file_set *set = self;
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < set->file_count && status == DIFFEDIT_OK; i++)
        status = de_weight_file_check_size(set->files[i], error);
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

static const char *find_first(const de_file_set *set, bool (*is)(const de_table_entry *entry),
                              int *count)
{
    const char *first = NULL;
    for (size_t i = 0; i < set->table.count; i++) {
        const de_table_entry *entry = &set->table.entries[i];
        if (!is(entry))
            continue;
        first = first ? first : entry->title;
        ++*count;
    }
    return first;
}

static const char *damaged(const void *self, int *count)
{
    return find_first(self, is_damaged, count);
}

static const char *unused(const void *self, int *count)
{
    const de_file_set *set = self;
    int found = 0;
    const char *first = find_first(set, is_unused, &found);
    if ((size_t)found == set->table.count)
        return NULL;
    *count += found;
    return first;
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

static diffedit_status get(void *self, const char *name, int rank, const int64_t *shape,
                           de_weight *weight, diffedit_error *error)
{
    de_file_set *set = self;
    const de_table_entry *named = de_table_find(&set->table, name);
    if (!named)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor `%s` is missing", set->path, name);
    de_table_entry *entry = &set->table.entries[named - set->table.entries];
    atomic_store(&entry->used, true);
    if (!entry->readable)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor %s: expected a floating-point type (F64, F32, F16, BF16, "
                       "F8_E4M3 or F8_E5M2), found %s",
                       set->path, entry->title, entry->type);
    int plain = plain_rank(rank, shape);
    if (plain_rank(entry->rank, entry->shape) != plain ||
        memcmp(entry->shape, shape, (size_t)plain * sizeof *shape) != 0) {
        char expected[SHAPE_LENGTH], found[SHAPE_LENGTH];
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor %s: expected shape %s, found %s",
                       set->path, entry->title, shape_format(expected, rank, shape),
                       shape_format(found, entry->rank, entry->shape));
    }
    *weight = (de_weight){.data = entry->data,
                          .dtype = entry->dtype,
                          .rank = rank,
                          .scale = entry->scale,
                          .title = entry->title,
                          .mapped = entry->mapped,
                          .damaged = &entry->damaged};
    memcpy(weight->shape, shape, (size_t)rank * sizeof *shape);
    return DIFFEDIT_OK;
}

static const de_weights_source SOURCE = {.get = get,
                                         .parameters = parameters,
                                         .check_size = check_size,
                                         .damaged = damaged,
                                         .unused = unused,
                                         .close = close_set};
