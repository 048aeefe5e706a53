/* A task: a line as it is computed, whatever the files are called and wherever they lie. Its text
 * is canonical JSON,
 *     {"options": {"from": "a horse", "steps": "20", "to": "a zebra"}, "picture": HASH},
 * with "mask", "correction" and "preset" where they were given; and its id names its results. */
#ifndef BATCH_TASK_H
#define BATCH_TASK_H

#include <stdbool.h>

#include <jansson.h>

#include "line.h"

enum {
    TASK_ID = 17, /* 16 hex digits of SHA-256 of the text, and a zero */
    TASK_KIN = 64,
    TASK_HASH = 33 /* 32 hex digits of SHA-256 of a file's bytes, and a zero */
};

/* The files of a line, as hashes; "": none. */
typedef struct task_files {
    char picture[TASK_HASH], mask[TASK_HASH], correction[TASK_HASH];
    const char *missing; /* path of one that cannot be read; NULL: all can */
} task_files;

typedef struct task_text {
    char *text; /* freed by whoever made it */
    char id[TASK_ID];
    char kin[TASK_KIN]; /* for sorting: tasks of a picture share the more work, the longer they are
                           the same from their beginning */
} task_text;

/* The task of a line over the defaults of all lines (whose own values it hides). A file that is
 * missing stands in the text as "missing": such a task has failed before it began. Errors: ARGUMENT
 * (an option is out of range, no `to`, no `picture`), MEMORY. */
diffedit_status task_make(task_text *made, const batch_line *line, const batch_line *defaults,
                          const task_files *files, diffedit_error *error);
/* The id of a task's text. */
void task_name(char id[TASK_ID], const char *text);
/* Reads a task, from wherever it comes. *task is freed by the caller. Errors: FILE (it is none),
 * MEMORY. */
diffedit_status task_read(json_t **task, const char *text, diffedit_error *error);
/* The options of a task under a model; they borrow its texts. Errors: ARGUMENT, MODEL. */
diffedit_status task_options(diffedit_options *options, const json_t *task,
                             const diffedit_model *model, diffedit_error *error);
/* The hash under "picture", "mask" or "correction"; NULL: it has none. */
const char *task_file(const json_t *task, const char *name);

/* The hash of bytes, as it stands in a task. */
void task_hash(char hash[TASK_HASH], const void *bytes, size_t size);
/* The same of a file. Errors: FILE (also: it is no regular file), CANCELLED. */
diffedit_status task_hash_file(char hash[TASK_HASH], const char *path, bool (*interrupted)(void),
                               diffedit_error *error);

#endif
