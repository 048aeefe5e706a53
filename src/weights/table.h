/* A list of named arrays, checked and sorted by name: what reading a weight file gives. */
#ifndef DE_TABLE_H
#define DE_TABLE_H

#include "weights/weight.h"

#include <jansson.h>

enum { DE_TABLE_RANK = 8 };

/* A type of elements, by its name in safetensors. */
typedef struct de_table_type {
    const char *name;
    size_t bytes;   /* of one element */
    bool readable;  /* a network's weights may have it */
    de_dtype dtype; /* if readable */
} de_table_type;

/* NULL: no such type */
const de_table_type *de_table_find_type(const char *name);

typedef struct de_table_entry {
    char *name; /* owned */
    const char
        *in_file; /* what the file calls it, where that is longer; the table's memory; or NULL */
    const char *type; /* these three are those of de_table_type */
    bool readable;
    de_dtype dtype;
    int rank;
    int64_t shape[DE_TABLE_RANK];
    const unsigned char *data; /* `bytes` bytes, borrowed */
    size_t bytes;
    float scale;         /* of an 8-bit type, see de_weight */
    const char *title;   /* owned by a file set: `its name in the file` (`the published one`) */
    bool mapped;         /* `data` is in the mapped file, not in memory of the table */
    atomic_bool used;    /* a network asked for it */
    atomic_bool damaged; /* a network found an infinite value or a NaN in it */
} de_table_entry;

/* What the UNet predicts, according to the file's metadata. */
typedef enum de_prediction {
    DE_PREDICTION_UNKNOWN,
    DE_PREDICTION_EPSILON,
    DE_PREDICTION_V
} de_prediction;

typedef struct de_table {
    de_table_entry *entries; /* [count], owned */
    size_t count;
    de_prediction prediction;
    json_t *notes; /* owned: the file's metadata, texts by name; or NULL */
    struct de_table_memory
        *memory; /* owned: copies of arrays that are not contiguous in the file */
} de_table;

void de_table_free(de_table *table);
void de_table_set_type(de_table_entry *entry, const de_table_type *type);
/* Memory that lives as long as the table; NULL if it is short. */
void *de_table_allocate(de_table *table, size_t bytes);
/* Sorts by name. Errors: MODEL (a name occurs twice). */
diffedit_status de_table_sort(de_table *table, const char *path, diffedit_error *error);
/* Refuses arrays that overlap in the file. Errors: MODEL, MEMORY. */
diffedit_status de_table_check_overlap(const de_table *table, const char *path,
                                       diffedit_error *error);
/* NULL: no such array */
const de_table_entry *de_table_find(const de_table *table, const char *name);
/* The same, of a name that is put together. */
const de_table_entry *de_table_find_format(const de_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* NULL: no such note */
const char *de_table_note(const de_table *table, const char *name);

int64_t de_table_entry_count(const de_table_entry *entry); /* values */
/* The name that messages show: what the file calls it. */
const char *de_table_entry_in_file(const de_table_entry *entry);

#endif
