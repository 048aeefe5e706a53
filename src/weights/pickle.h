/* Python's pickle format, as far as a file of tensors needs it (opcodes: Lib/pickletools.py). A
 * pickle is a program for a small stack machine; this machine builds values and does nothing else.
 * The caller says what a name means, from a fixed list: nothing is looked up, imported or called,
 * and an unknown opcode or name is an error. */
#ifndef DE_PICKLE_H
#define DE_PICKLE_H

#include "base/base.h"

typedef enum de_pickle_kind {
    DE_PICKLE_OPAQUE, /* a value that is not needed: a float, None, an object */
    DE_PICKLE_INTEGER,
    DE_PICKLE_TEXT,
    DE_PICKLE_TUPLE,
    DE_PICKLE_LIST,
    DE_PICKLE_DICT,
    DE_PICKLE_NAME,    /* a global; `index` is the caller's */
    DE_PICKLE_STORAGE, /* these two are made and numbered by the caller */
    DE_PICKLE_TENSOR
} de_pickle_kind;

typedef struct de_pickle_value {
    de_pickle_kind kind;
    uint32_t length; /* of a text or tuple */
    union {
        int64_t integer;
        const char *text; /* borrowed from the file, not terminated */
        uint32_t index;
    };
} de_pickle_value;

/* One entry of a dict or (without a key) of a list. */
typedef struct de_pickle_pair {
    de_pickle_value key, value;
    uint32_t next; /* 0: the last */
} de_pickle_pair;

typedef struct de_pickle de_pickle;

/* The caller's part. Each function fails through de_pickle_fail(). */
typedef struct de_pickle_meaning {
    /* the index of a known name */
    bool (*name)(void *user, de_pickle *pickle, const de_pickle_value *module,
                 const de_pickle_value *name, uint32_t *index);
    /* the result of name(...), or a new object of the class `name` */
    bool (*call)(void *user, de_pickle *pickle, uint32_t name, const de_pickle_value *arguments,
                 de_pickle_value *result);
    /* the value outside the pickle that a persistent id refers to */
    bool (*outside)(void *user, de_pickle *pickle, const de_pickle_value *identity,
                    de_pickle_value *result);
} de_pickle_meaning;

/* Runs the pickle that begins at bytes[*at] and sets *at to its end. All values live as long as
 * `pickle`. Errors: MODEL, MEMORY; `pickle` is then NULL. */
diffedit_status de_pickle_run(de_pickle **pickle, const char *path, const unsigned char *bytes,
                              size_t size, size_t *at, const de_pickle_meaning *meaning, void *user,
                              diffedit_error *error);
void de_pickle_free(de_pickle *pickle);
/* Keeps the first failure; returns false. */
bool de_pickle_fail(de_pickle *pickle, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Grows *array, which has room for *capacity items of `item` bytes, to hold `count` of them, at
 * most 2^20. False after a failure. */
bool de_pickle_grow(de_pickle *pickle, void **array, size_t *capacity, size_t count, size_t item);

const de_pickle_value *de_pickle_result(const de_pickle *pickle);
/* Item `number` of a tuple; NULL if there is none, or if it is of another kind. */
const de_pickle_value *de_pickle_item(const de_pickle *pickle, const de_pickle_value *tuple,
                                      uint32_t number, de_pickle_kind kind);
/* Iterates over a dict or list: the pair after `pair` (NULL: the first), or NULL after the last. */
const de_pickle_pair *de_pickle_next(const de_pickle *pickle, const de_pickle_value *container,
                                     const de_pickle_pair *pair);
bool de_pickle_new_dict(de_pickle *pickle, de_pickle_value *dict);
bool de_pickle_is_text(const de_pickle_value *value, const char *text);

#endif
