/* A file that is there whole or not at all: written beside its place, and renamed at the end. Every
 * result is written so, the library's and the command's. */
#ifndef DE_NEW_FILE_H
#define DE_NEW_FILE_H

#include <stdbool.h>

#include "common/error.h"

typedef struct de_new_file {
    const char *path; /* borrowed */
    char *temporary;  /* owned; NULL: the bytes go straight to what is there */
    int descriptor;
    bool stays_open; /* it is somebody else's */
} de_new_file;

/* A path that is no regular file, such as a pipe or /dev/null, is written to as it is. Errors:
 * FILE, MEMORY; there is then nothing to finish. */
diffedit_status de_new_file_create(de_new_file *file, const char *path, diffedit_error *error);
/* A stream in place of a file: the descriptor stays open, and `name` is what messages call it. */
de_new_file de_new_file_around(int descriptor, const char *name);
/* Errors: FILE. */
diffedit_status de_new_file_write(de_new_file *file, const void *bytes, size_t size,
                                  diffedit_error *error);
/* Once, at the end: puts the file in its place if `status`, that of writing it, is OK, else removes
 * it. Returns `status`. Errors: FILE too. */
diffedit_status de_new_file_finish(de_new_file *file, diffedit_status status,
                                   diffedit_error *error);

/* What this process calls a file while it is not finished; freed by the caller, NULL without
 * memory. */
char *de_new_file_temporary(const char *path);
/* All of them, or false and errno. */
bool de_write_all(int descriptor, const void *bytes, size_t size);

#endif
