/* The tables of a byte-pair tokenizer: token texts to ids, and which pairs merge in which order. */
#ifndef DE_VOCABULARY_H
#define DE_VOCABULARY_H

#include "models/documents.h"

/* A hash table from byte strings to numbers. */
typedef struct de_string_map {
    struct de_string_entry *entries; /* [capacity], a power of two */
    size_t capacity, count;
} de_string_map;

enum { DE_NOT_FOUND = -1 };

/* Adds a copy of the key or overwrites its value. Errors: MEMORY (false). */
bool de_string_map_set(de_string_map *map, const char *key, size_t length, int32_t value);
int32_t de_string_map_get(const de_string_map *map, const char *key, size_t length);
void de_string_map_free(de_string_map *map);

typedef struct de_vocabulary {
    de_string_map ids;    /* token -> id */
    de_string_map merges; /* "left right" -> rank, the lowest first */
    int size;             /* the largest id + 1 */
} de_vocabulary;

/* From the documents that hold a vocab.json and a merges.txt. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_vocabulary_open(de_vocabulary *vocabulary, const de_documents *from,
                                   const char *vocab_name, const char *merges_name,
                                   diffedit_error *error);
/* The published CLIP vocabulary: 256 bytes, the same ending a word, a token for each merge, start,
 * end. Errors: MEMORY. */
diffedit_status de_vocabulary_open_clip(de_vocabulary *vocabulary, diffedit_error *error);
void de_vocabulary_close(de_vocabulary *vocabulary);

/* The printable character that stands for a byte, as UTF-8; returns its length, 1 or 2. */
int de_byte_symbol(uint8_t byte, char symbol[3]);

#endif
