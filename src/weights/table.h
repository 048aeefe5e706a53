/* What a weight file's reader hands to the set of weights: a list of named arrays, checked and
 * sorted by name. */
#ifndef DE_TABLE_H
#define DE_TABLE_H

#include "weights/weight.h"

#include <jansson.h>

enum { DE_TABLE_RANK = 8 };

/* A type of numbers, under the name that safetensors gives it. */
typedef struct de_table_type {
    const char *name;
    size_t bytes;  /* of one number */
    bool readable; /* a network may have it as weights */
    de_dtype dtype;
} de_table_type;

/* NULL: no such type */
const de_table_type *de_table_find_type(const char *name);

/* `type` is as safetensors writes it; `readable` is false for those that no network has as weights.
 */
typedef struct de_table_entry {
    char *name;       /* owned */
    const char *type; /* static */
    bool readable;
    de_dtype dtype; /* where readable */
    int rank;
    int64_t shape[DE_TABLE_RANK];
    const unsigned char *data; /* `bytes` bytes, borrowed */
    size_t bytes;
    bool mapped;         /* `data` lies in the file, not in memory of the table's */
    atomic_bool used;    /* a network asked for it */
    atomic_bool damaged; /* and found a value that is no finite number */
} de_table_entry;

/* What a file's notes say that its UNet predicts. */
typedef enum de_prediction {
    DE_PREDICTION_UNKNOWN,
    DE_PREDICTION_EPSILON,
    DE_PREDICTION_V
} de_prediction;

typedef struct de_table {
    de_table_entry *entries; /* [count], owned */
    size_t count;
    de_prediction prediction;
    json_t *notes; /* owned: texts that the file holds beside its arrays, by name; or NULL */
    struct de_table_memory
        *memory; /* owned: values that do not stand in the file as they are needed */
} de_table;

void de_table_free(de_table *table);
void de_table_set_type(de_table_entry *entry, const de_table_type *type);
/* Memory that lives as long as the table; NULL if it is short. */
void *de_table_allocate(de_table *table, size_t bytes);
/* Sorts by name. Errors: MODEL (two arrays of one name). */
diffedit_status de_table_sort(de_table *table, const char *path, diffedit_error *error);
/* Refuses arrays that overlap in the file. Errors: MODEL, MEMORY. */
diffedit_status de_table_check_overlap(const de_table *table, const char *path,
                                       diffedit_error *error);
/* NULL: no such array */
const de_table_entry *de_table_find(const de_table *table, const char *name);

/* NULL: no such note */
const char *de_table_note(const de_table *table, const char *name);

int64_t de_table_entry_count(const de_table_entry *entry); /* values */

#endif
