/* A file of eval's own making: a stream whose file appears whole or not at all. */
#ifndef EVAL_WRITTEN_H
#define EVAL_WRITTEN_H

#include <stdio.h>

#include "common/new_file.h"

typedef struct written {
    de_new_file file;
    FILE *stream;
} written;

/* `path` must live as long as the file is written. Errors: FILE, MEMORY; nothing is to be ended
 * then. */
diffedit_status written_begin(written *to, const char *path, diffedit_error *error);
/* Puts the file into its place if `status` and all of its writing went well, else removes it.
 * Returns `status`, or FILE. */
diffedit_status written_end(written *to, diffedit_status status, diffedit_error *error);

#endif
