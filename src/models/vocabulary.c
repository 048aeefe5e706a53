#include "models/vocabulary.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD(...) de_fail(error, DIFFEDIT_ERROR_MODEL, __VA_ARGS__)

/* ---- the hash table ---- */

struct de_string_entry {
    char *key; /* NULL: free */
    size_t length;
    int32_t value;
};

/* FNV-1a */
static size_t hash(const char *key, size_t length)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (uint8_t)key[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* The key's entry, or the free one where it would stand. */
static struct de_string_entry *locate(const de_string_map *map, const char *key, size_t length)
{
    size_t i = hash(key, length) & (map->capacity - 1);
    while (map->entries[i].key &&
           (map->entries[i].length != length || memcmp(map->entries[i].key, key, length) != 0))
        i = (i + 1) & (map->capacity - 1);
    return &map->entries[i];
}

static bool grow(de_string_map *map)
{
    de_string_map grown = {.capacity = map->capacity ? 2 * map->capacity : 1024,
                           .count = map->count};
    grown.entries = calloc(grown.capacity, sizeof *grown.entries);
    if (!grown.entries)
        return false;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].key)
            *locate(&grown, map->entries[i].key, map->entries[i].length) = map->entries[i];
    free(map->entries);
    *map = grown;
    return true;
}

bool de_string_map_set(de_string_map *map, const char *key, size_t length, int32_t value)
{
    if (2 * map->count >= map->capacity && !grow(map))
        return false;
    struct de_string_entry *entry = locate(map, key, length);
    if (!entry->key) {
        char *copy = malloc(length + 1);
        if (!copy)
            return false;
        memcpy(copy, key, length);
        *entry = (struct de_string_entry){.key = copy, .length = length};
        map->count++;
    }
    entry->value = value;
    return true;
}

int32_t de_string_map_get(const de_string_map *map, const char *key, size_t length)
{
    if (!map->capacity)
        return DE_NOT_FOUND;
    const struct de_string_entry *entry = locate(map, key, length);
    return entry->key ? entry->value : DE_NOT_FOUND;
}

void de_string_map_free(de_string_map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->entries[i].key);
    free(map->entries);
    *map = (de_string_map){0};
}

/* ---- bytes as printable characters ---- */

static bool is_printable(int byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

int de_byte_symbol(uint8_t byte, char symbol[3])
{
    int codepoint = byte;
    if (!is_printable(byte)) { /* the others follow from U+0100 on, in order */
        codepoint = 0x100;
        for (int other = 0; other < byte; other++)
            codepoint += !is_printable(other);
    }
    if (codepoint < 0x80) {
        symbol[0] = (char)codepoint;
        symbol[1] = 0;
        return 1;
    }
    symbol[0] = (char)(0xc0 | codepoint >> 6);
    symbol[1] = (char)(0x80 | (codepoint & 0x3f));
    symbol[2] = 0;
    return 2;
}

/* ---- merges ---- */

static diffedit_status out_of_memory(diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory for a vocabulary");
}

/* Reads lines of "left right" after a first line that tells a version, and no more of them than the
 * reference does; `name` is for messages. */
static diffedit_status read_merges(de_vocabulary *vocabulary, const char *text, size_t size,
                                   const char *name, diffedit_error *error)
{
    enum { LAST_LINE = 48895 };
    int32_t rank = 0;
    const char *end = text + size;
    for (int line = 1; text < end && line <= LAST_LINE; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *next = stop ? stop + 1 : end;
        size_t length = (size_t)((stop ? stop : end) - text);
        if (length && text[length - 1] == '\r')
            length--;
        const char *space = memchr(text, ' ', length);
        bool skipped = length == 0 || line == 1;
        if (!skipped && (!space || space == text || space == text + length - 1 ||
                         memchr(space + 1, ' ', (size_t)(text + length - space - 1))))
            return BAD("%s: line %d: expected two tokens with a space between them", name, line);
        if (!skipped && !de_string_map_set(&vocabulary->merges, text, length, rank++))
            return out_of_memory(error);
        text = next;
    }
    if (rank == 0)
        return BAD("%s: contains no merges", name);
    return DIFFEDIT_OK;
}

/* ---- a model's own vocabulary ---- */

static diffedit_status read_ids(de_vocabulary *vocabulary, const de_documents *from,
                                const char *name, diffedit_error *error)
{
    enum { MOST_TOKENS = 1 << 20 };
    json_t *json = NULL;
    char path[DE_DOCUMENT_PATH];
    de_document_path(path, from, name);
    diffedit_status status = de_document_read_json(&json, from, name, error);
    const char *token;
    json_t *id;
    json_object_foreach (json, token, id) {
        if (status != DIFFEDIT_OK)
            break;
        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) >= MOST_TOKENS)
            status = BAD("%s: token \"%.60s\": expected an id from 0 to %d", path, token,
                         MOST_TOKENS - 1);
        else if (!de_string_map_set(&vocabulary->ids, token, strlen(token),
                                    (int32_t)json_integer_value(id)))
            status = out_of_memory(error);
        else if (json_integer_value(id) >= vocabulary->size)
            vocabulary->size = (int)json_integer_value(id) + 1;
    }
    json_decref(json);
    return status;
}

static diffedit_status read_merges_document(de_vocabulary *vocabulary, const de_documents *from,
                                            const char *name, diffedit_error *error)
{
    char *text, path[DE_DOCUMENT_PATH];
    size_t size;
    diffedit_status status = de_document_read(&text, &size, from, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_document_path(path, from, name);
    status = read_merges(vocabulary, text, size, path, error);
    free(text);
    return status;
}

diffedit_status de_vocabulary_open(de_vocabulary *vocabulary, const de_documents *from,
                                   const char *vocab_name, const char *merges_name,
                                   diffedit_error *error)
{
    *vocabulary = (de_vocabulary){0};
    diffedit_status status = read_ids(vocabulary, from, vocab_name, error);
    if (status == DIFFEDIT_OK)
        status = read_merges_document(vocabulary, from, merges_name, error);
    if (status != DIFFEDIT_OK)
        de_vocabulary_close(vocabulary);
    return status;
}

void de_vocabulary_close(de_vocabulary *vocabulary)
{
    de_string_map_free(&vocabulary->ids);
    de_string_map_free(&vocabulary->merges);
    vocabulary->size = 0;
}

/* ---- the published vocabulary ---- */

extern const char de_clip_merges[],
    de_clip_merges_end[]; /* data/clip/merges.txt, by clip_merges.S */

static bool add_token(de_vocabulary *vocabulary, const char *token, size_t length)
{
    return de_string_map_set(&vocabulary->ids, token, length, vocabulary->size++);
}

/* The symbols of all bytes, printable ones first, each followed by `suffix`. */
static bool add_bytes(de_vocabulary *vocabulary, const char *suffix)
{
    bool added = true;
    for (int printable = 1; printable >= 0; printable--)
        for (int byte = 0; byte < 256; byte++) {
            char symbol[3], token[16];
            if (is_printable(byte) != printable)
                continue;
            de_byte_symbol((uint8_t)byte, symbol);
            int length = snprintf(token, sizeof token, "%s%s", symbol, suffix);
            added = added && add_token(vocabulary, token, (size_t)length);
        }
    return added;
}

/* A token for each merge: its line without the space. */
static bool add_merged(de_vocabulary *vocabulary)
{
    char token[512];
    const char *header_end = memchr(de_clip_merges, '\n',
                                    (size_t)(de_clip_merges_end - de_clip_merges));
    const char *text = header_end + 1;
    bool added = true;
    while (text < de_clip_merges_end) {
        size_t length = 0;
        for (; *text != '\n'; text++)
            if (*text != ' ')
                token[length++] = *text;
        added = added && add_token(vocabulary, token, length);
        text++;
    }
    return added;
}

diffedit_status de_vocabulary_open_clip(de_vocabulary *vocabulary, diffedit_error *error)
{
    static const char start[] = "<|startoftext|>", end[] = "<|endoftext|>";
    *vocabulary = (de_vocabulary){0};
    bool added = add_bytes(vocabulary, "") && add_bytes(vocabulary, "</w>") &&
                 add_merged(vocabulary) && add_token(vocabulary, start, sizeof start - 1) &&
                 add_token(vocabulary, end, sizeof end - 1);
    diffedit_status status = added ? read_merges(vocabulary, de_clip_merges,
                                                 (size_t)(de_clip_merges_end - de_clip_merges),
                                                 "the built-in vocabulary", error)
                                   : out_of_memory(error);
    if (status != DIFFEDIT_OK)
        de_vocabulary_close(vocabulary);
    return status;
}
