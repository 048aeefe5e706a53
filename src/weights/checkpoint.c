#include "weights/checkpoint.h"

#include "weights/torch_pickle.h"
#include "weights/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const char *path;
    const unsigned char *bytes;
    size_t size;
    diffedit_error *error;
    de_torch_objects objects;
    size_t copied; /* bytes of tensors that were put in order */
} reader;

#define BAD(...) de_fail(r->error, DIFFEDIT_ERROR_MODEL, __VA_ARGS__)
#define KEY(storage) (int)de_min_i64(80, (int64_t)(storage)->key_length), (storage)->key

static diffedit_status run(reader *r, de_pickle **pickle, const unsigned char *bytes, size_t size,
                           size_t *at)
{
    return de_pickle_run(pickle, r->path, bytes, size, at, &de_torch_meaning, &r->objects,
                         r->error);
}

/* ---- the zip archive ---- */

static diffedit_status check_stored(const reader *r, const de_zip_entry *entry)
{
    return entry->stored
               ? DIFFEDIT_OK
               : BAD("%s: zip entry `%.*s` is compressed; torch.save() does not compress", r->path,
                     (int)de_min_i64(80, (int64_t)entry->name_length), entry->name);
}

/* The only entry FOLDER/data.pkl; *folder is the length of "FOLDER/". */
static diffedit_status find_pickle(const reader *r, const de_zip *zip, const de_zip_entry **pickle,
                                   size_t *folder)
{
    static const char name[] = "data.pkl";
    *pickle = NULL;
    for (size_t i = 0; i < zip->count; i++) {
        const de_zip_entry *entry = &zip->entries[i];
        const char *slash = memchr(entry->name, '/', entry->name_length);
        size_t before = slash ? (size_t)(slash - entry->name) + 1 : 0;
        if (!slash || entry->name_length - before != strlen(name) ||
            memcmp(slash + 1, name, strlen(name)) != 0)
            continue;
        if (*pickle)
            return BAD("%s: expected one FOLDER/%s in the zip file, found two", r->path, name);
        *pickle = entry;
        *folder = before;
    }
    return *pickle ? DIFFEDIT_OK
                   : BAD("%s: expected a file of torch.save(), found no FOLDER/%s in the zip file; "
                         "if it is an archive of models, unpack it, and name what is in it",
                         r->path, name);
}

enum { ENTRY_NAME = 1024 };

/* Looks up an entry beside the pickle; NULL where there is none. */
static const de_zip_entry *find_beside(const de_zip *zip, const de_zip_entry *pickle, size_t folder,
                                       const char *part, const char *name, size_t length)
{
    char full[ENTRY_NAME];
    if (folder + strlen(part) + length > sizeof full)
        return NULL;
    memcpy(full, pickle->name, folder);
    memcpy(full + folder, part, strlen(part));
    memcpy(full + folder + strlen(part), name, length);
    return de_zip_find(zip, full, folder + strlen(part) + length);
}

static diffedit_status find_storages(reader *r, const de_zip *zip, const de_zip_entry *pickle,
                                     size_t folder)
{
    for (size_t i = 0; i < r->objects.storage_count; i++) {
        de_torch_storage *storage = &r->objects.storages[i];
        const de_zip_entry *entry = find_beside(zip, pickle, folder, "data/", storage->key,
                                                storage->key_length);
        size_t bytes;
        if (!entry)
            return BAD("%s: storage `%.*s` is missing", r->path, KEY(storage));
        diffedit_status status = check_stored(r, entry);
        if (status != DIFFEDIT_OK)
            return status;
        if (!de_multiply_size((size_t)storage->count, storage->type->bytes, &bytes) ||
            bytes > entry->size)
            return BAD("%s: storage `%.*s`: expected %jd values of %zu bytes, found %zu bytes",
                       r->path, KEY(storage), (intmax_t)storage->count, storage->type->bytes,
                       entry->size);
        storage->data = entry->data;
    }
    return DIFFEDIT_OK;
}

static diffedit_status read_zip(reader *r, const de_zip *zip, de_pickle **pickle)
{
    const de_zip_entry *entry, *order;
    size_t folder = 0, at = 0;
    diffedit_status status = find_pickle(r, zip, &entry, &folder);
    if (status != DIFFEDIT_OK)
        return status;
    if (find_beside(zip, entry, folder, "constants.pkl", "", 0))
        return BAD("%s: expected a dict of tensors, found a TorchScript program, which is not run",
                   r->path);
    order = find_beside(zip, entry, folder, "byteorder", "", 0);
    if (order && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return BAD("%s: expected little-endian data, found \"%.*s\"", r->path,
                   (int)de_min_i64(16, (int64_t)order->size), (const char *)order->data);
    status = check_stored(r, entry);
    if (status == DIFFEDIT_OK)
        status = run(r, pickle, entry->data, entry->size, &at);
    return status == DIFFEDIT_OK ? find_storages(r, zip, entry, folder) : status;
}

/* ---- the format before 2020 ---- */

enum { OLD_VERSION = 1001, COUNT_BYTES = 8 };

/* The length of the pickle of its magic number, which is of protocol 2 to 5 and from 4 on has a
 * frame; 0: there is none. */
static size_t old_head(const unsigned char *bytes, size_t size)
{
    enum { PROTO = 0x80, FRAME = 0x95, FRAMED_PROTOCOL = 4 };
    static const unsigned char magic[] = {0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                          0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
    static const unsigned char frame[] = {FRAME, sizeof magic, 0, 0, 0, 0, 0, 0, 0};
    size_t at = 2;
    if (size < at + sizeof frame + sizeof magic || bytes[0] != PROTO || bytes[1] < 2 ||
        bytes[1] > 5)
        return 0;
    if (bytes[1] >= FRAMED_PROTOCOL) {
        if (memcmp(bytes + at, frame, sizeof frame) != 0)
            return 0;
        at += sizeof frame;
    }
    return memcmp(bytes + at, magic, sizeof magic) == 0 ? at + sizeof magic : 0;
}

static int compare_keys(const void *a, const void *b)
{
    const de_torch_storage *first = *(de_torch_storage *const *)a,
                           *second = *(de_torch_storage *const *)b;
    if (first->key_length != second->key_length)
        return first->key_length < second->key_length ? -1 : 1;
    return memcmp(first->key, second->key, first->key_length);
}

/* The first of the mentions, sorted by key, of what a list of storages holds; `count` where there
 * is none. */
static size_t find_mention(de_torch_storage **mentions, size_t count, const de_pickle_value *listed)
{
    if (listed->kind != DE_PICKLE_TEXT)
        return count;
    const de_torch_storage wanted = {.key = listed->text, .key_length = listed->length},
                           *key = &wanted;
    size_t begin = 0, end = count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (compare_keys(&mentions[middle], &key) < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin < count && compare_keys(&mentions[begin], &key) == 0 ? begin : count;
}

/* The storage that stands at *at belongs to all mentions of a key. */
static diffedit_status place_storage(reader *r, de_torch_storage **mentions, size_t count,
                                     const de_pickle_value *listed, size_t *at)
{
    size_t first = find_mention(mentions, count, listed), bytes;
    if (first == count || mentions[first]->data)
        return BAD("%s: the list of storages has an unknown or repeated entry", r->path);
    const de_torch_storage *storage = mentions[first];
    uint64_t found = 0;
    if (r->size - *at < COUNT_BYTES)
        return BAD("%s: storage `%.*s` is missing; the file is truncated", r->path, KEY(storage));
    for (int i = COUNT_BYTES - 1; i >= 0; i--)
        found = found << 8 | r->bytes[*at + (size_t)i];
    *at += COUNT_BYTES;
    if (found != (uint64_t)storage->count)
        return BAD("%s: storage `%.*s`: expected %jd values, found %ju", r->path, KEY(storage),
                   (intmax_t)storage->count, (uintmax_t)found);
    if (!de_multiply_size((size_t)found, storage->type->bytes, &bytes) || bytes > r->size - *at)
        return BAD("%s: storage `%.*s`: expected %jd values of %zu bytes, but only %zu bytes "
                   "follow; the file is truncated",
                   r->path, KEY(storage), (intmax_t)storage->count, storage->type->bytes,
                   r->size - *at);
    for (size_t i = first; i < count && compare_keys(&mentions[i], &mentions[first]) == 0; i++) {
        if (mentions[i]->type != storage->type || mentions[i]->count != storage->count)
            return BAD("%s: storage `%.*s` has two descriptions", r->path, KEY(storage));
        mentions[i]->data = r->bytes + *at;
    }
    *at += bytes;
    return DIFFEDIT_OK;
}

static diffedit_status place_storages(reader *r, const de_pickle *keys, size_t at)
{
    size_t count = r->objects.storage_count;
    const de_pickle_value *list = de_pickle_result(keys);
    if (list->kind != DE_PICKLE_LIST)
        return BAD("%s: expected a list of storages, found none", r->path);
    de_torch_storage **mentions = malloc((count + 1) * sizeof *mentions);
    if (!mentions)
        return de_fail_memory(r->error, (count + 1) * sizeof *mentions, "a list of storages");
    for (size_t i = 0; i < count; i++)
        mentions[i] = &r->objects.storages[i];
    qsort(mentions, count, sizeof *mentions, compare_keys);
    diffedit_status status = DIFFEDIT_OK;
    for (const de_pickle_pair *pair = NULL;
         status == DIFFEDIT_OK && (pair = de_pickle_next(keys, list, pair));)
        status = place_storage(r, mentions, count, &pair->value, &at);
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++)
        if (!mentions[i]->data)
            status = BAD("%s: storage `%.*s` is missing", r->path, KEY(mentions[i]));
    free(mentions);
    return status;
}

/* The value of a text key; NULL where there is none. */
static const de_pickle_value *lookup(const de_pickle *pickle, const de_pickle_value *dict,
                                     const char *key)
{
    if (dict->kind != DE_PICKLE_DICT)
        return NULL;
    for (const de_pickle_pair *pair = NULL; (pair = de_pickle_next(pickle, dict, pair));)
        if (de_pickle_is_text(&pair->key, key))
            return &pair->value;
    return NULL;
}

/* Runs a pickle whose values are not needed any longer than it takes to look at one. */
static diffedit_status check_head(reader *r, size_t *at, bool (*is_good)(const de_pickle *),
                                  const char *expected)
{
    de_pickle *pickle;
    diffedit_status status = run(r, &pickle, r->bytes, r->size, at);
    if (status == DIFFEDIT_OK && !is_good(pickle))
        status = BAD("%s: expected %s", r->path, expected);
    de_pickle_free(pickle);
    return status;
}

static bool is_known_version(const de_pickle *pickle)
{
    const de_pickle_value *version = de_pickle_result(pickle);
    return version->kind == DE_PICKLE_INTEGER && version->integer == OLD_VERSION;
}

static bool is_little_endian(const de_pickle *pickle)
{
    const de_pickle_value *little = lookup(pickle, de_pickle_result(pickle), "little_endian");
    return little && little->kind == DE_PICKLE_INTEGER && little->integer == 1;
}

static diffedit_status read_old(reader *r, de_pickle **pickle)
{
    size_t at = old_head(r->bytes, r->size);
    de_pickle *keys = NULL;
    diffedit_status status = check_head(r, &at, is_known_version,
                                        "version 1001 of torch's legacy format");
    if (status == DIFFEDIT_OK)
        status = check_head(r, &at, is_little_endian, "little-endian data");
    if (status == DIFFEDIT_OK)
        status = run(r, pickle, r->bytes, r->size, &at);
    if (status == DIFFEDIT_OK)
        status = run(r, &keys, r->bytes, r->size, &at);
    if (status == DIFFEDIT_OK)
        status = place_storages(r, keys, at);
    de_pickle_free(keys);
    return status;
}

/* ---- tensors ---- */

enum { LONGEST_NAME = 1000 };

/* Copies a tensor's values in the order of its shape. */
static diffedit_status put_in_order(reader *r, de_table *table, de_table_entry *entry,
                                    const de_torch_tensor *tensor, size_t value_bytes)
{
    if (entry->bytes > r->size - r->copied)
        return BAD("%s: copies of its non-contiguous tensors would be larger than the file",
                   r->path);
    r->copied += entry->bytes;
    unsigned char *out = de_table_allocate(table, entry->bytes);
    if (!out)
        return de_fail_memory(r->error, entry->bytes, "a tensor");
    int64_t at[DE_TABLE_RANK] = {0}, place = 0;
    for (int64_t i = 0; i < tensor->count; i++) {
        memcpy(out + (size_t)i * value_bytes, entry->data + (size_t)place * value_bytes,
               value_bytes);
        for (int d = tensor->rank - 1; d >= 0; d--) { /* the next place: an odometer */
            place += tensor->strides[d];
            if (++at[d] < tensor->shape[d])
                break;
            place -= at[d] * tensor->strides[d];
            at[d] = 0;
        }
    }
    entry->data = out;
    entry->mapped = false;
    return DIFFEDIT_OK;
}

static diffedit_status read_tensor(reader *r, de_table *table, const de_pickle_value *name,
                                   const de_torch_tensor *tensor)
{
    const de_torch_storage *storage = &r->objects.storages[tensor->storage];
    de_table_entry *entry = &table->entries[table->count];
    if (name->length > LONGEST_NAME || memchr(name->text, 0, name->length))
        return BAD("%s: a tensor's name, of %u bytes, contains a zero byte or is longer than %d",
                   r->path, name->length, LONGEST_NAME);
    *entry = (de_table_entry){
        .name = strndup(name->text, name->length), .rank = tensor->rank, .mapped = true};
    if (!entry->name)
        return de_fail_memory(r->error, name->length + 1, "a tensor's name");
    table->count++;
    de_table_set_type(entry, tensor->type);
    memcpy(entry->shape, tensor->shape, sizeof entry->shape);
    entry->data = storage->data + (size_t)tensor->offset * tensor->type->bytes;
    entry->bytes = (size_t)tensor->count * tensor->type->bytes;
    return de_torch_tensor_contiguous(tensor)
               ? DIFFEDIT_OK
               : put_in_order(r, table, entry, tensor, tensor->type->bytes);
}

static size_t count_tensors(const de_pickle *pickle, const de_pickle_value *dict)
{
    size_t count = 0;
    for (const de_pickle_pair *pair = NULL; (pair = de_pickle_next(pickle, dict, pair));)
        count += pair->value.kind == DE_PICKLE_TENSOR && pair->key.kind == DE_PICKLE_TEXT;
    return count;
}

/* The dict of weights inside what a training saved: `state_dict`, or one that other tools write,
 * weights before their averages, where no tensor stands beside it. */
static const de_pickle_value *find_weights(const de_pickle *pickle, const de_pickle_value *dict)
{
    static const char *const names[] = {
        "state_dict", "model_state_dict", "model",      "module", "network",   "net",
        "params",     "weights",          "params_ema", "ema",    "model_ema", "ema_state_dict"};
    enum { DEEPEST = 3 };
    for (int depth = 0; depth < DEEPEST && dict->kind == DE_PICKLE_DICT; depth++) {
        const de_pickle_value *inner = lookup(pickle, dict, names[0]);
        bool bare = count_tensors(pickle, dict) == 0;
        for (size_t i = 1;
             bare && i < sizeof names / sizeof *names && !(inner && inner->kind == DE_PICKLE_DICT);
             i++)
            inner = lookup(pickle, dict, names[i]);
        if (!inner || inner->kind != DE_PICKLE_DICT)
            break;
        dict = inner;
    }
    return dict;
}

static diffedit_status read_tensors(reader *r, de_table *table, const de_pickle *pickle)
{
    const de_pickle_value *dict = find_weights(pickle, de_pickle_result(pickle));
    if (dict->kind != DE_PICKLE_DICT)
        return BAD("%s: expected a dict of tensors, found another value", r->path);
    size_t count = count_tensors(pickle, dict);
    if (count == 0)
        return BAD("%s: expected a dict of tensors, found no tensor in it", r->path);
    table->entries = calloc(count, sizeof *table->entries);
    if (!table->entries)
        return de_fail_memory(r->error, count * sizeof *table->entries, "a list of tensors");
    diffedit_status status = DIFFEDIT_OK;
    for (const de_pickle_pair *pair = NULL;
         status == DIFFEDIT_OK && (pair = de_pickle_next(pickle, dict, pair));)
        if (pair->value.kind == DE_PICKLE_TENSOR && pair->key.kind == DE_PICKLE_TEXT)
            status = read_tensor(r, table, &pair->key, &r->objects.tensors[pair->value.index]);
    return status == DIFFEDIT_OK ? de_table_sort(table, r->path, r->error) : status;
}

bool de_checkpoint_begins(const unsigned char *bytes, size_t size)
{
    return de_zip_begins(bytes, size) || old_head(bytes, size) > 0;
}

diffedit_status de_checkpoint_read(de_table *table, const char *path, const unsigned char *bytes,
                                   size_t size, diffedit_error *error)
{
    reader reading = {.path = path, .bytes = bytes, .size = size, .error = error}, *r = &reading;
    de_pickle *pickle = NULL;
    de_zip zip = {0};
    *table = (de_table){0};
    diffedit_status status;
    if (old_head(bytes, size) > 0) {
        status = read_old(r, &pickle);
    } else {
        status = de_zip_read(&zip, path, bytes, size, error);
        if (status == DIFFEDIT_OK)
            status = read_zip(r, &zip, &pickle);
    }
    if (status == DIFFEDIT_OK)
        status = read_tensors(r, table, pickle);
    de_pickle_free(pickle);
    de_zip_free(&zip);
    de_torch_objects_free(&r->objects);
    if (status != DIFFEDIT_OK)
        de_table_free(table);
    return status;
}
