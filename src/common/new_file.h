/* A file that appears whole or not at all: it is written under another name beside its place, and
 * renamed at the end. The library and the command write every result this way. */
#ifndef DE_NEW_FILE_H
#define DE_NEW_FILE_H

#include <stdbool.h>

#include "common/error.h"

typedef struct de_new_file {
    const char *path; /* borrowed */
    char *temporary;  /* owned; NULL: the bytes go straight to `path` */
    int descriptor;
    bool stays_open; /* the descriptor is the caller's */
} de_new_file;

/* A path that is not a regular file, such as a pipe or /dev/null, is written to directly. Errors:
 * FILE, MEMORY; there is then nothing to finish. */
diffedit_status de_new_file_create(de_new_file *file, const char *path, diffedit_error *error);
/* A stream instead of a file: the descriptor stays open, and messages use `name`. */
de_new_file de_new_file_around(int descriptor, const char *name);
/* Errors: FILE. */
diffedit_status de_new_file_write(de_new_file *file, const void *bytes, size_t size,
                                  diffedit_error *error);
/* To be called once, at the end. If `status`, that of writing the file, is OK, the file is renamed
 * into place; otherwise it is removed. Returns `status`, or FILE if renaming fails. */
diffedit_status de_new_file_finish(de_new_file *file, diffedit_status status,
                                   diffedit_error *error);

/* The name that this process gives a file until it is finished; freed by the caller, NULL if
 * memory is short. */
char *de_new_file_temporary(const char *path);
/* Writes all bytes; false and errno on failure. */
bool de_write_all(int descriptor, const void *bytes, size_t size);

#endif
