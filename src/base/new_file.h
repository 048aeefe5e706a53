/* A file that is there whole or not at all: written beside its place, and renamed at the end. */
#ifndef DE_NEW_FILE_H
#define DE_NEW_FILE_H

#include "base/base.h"

typedef struct de_new_file {
    const char *path; /* borrowed */
    char *temporary;
    int descriptor;
} de_new_file;

/* Errors: FILE, MEMORY; there is then nothing to discard. */
diffedit_status de_new_file_create(de_new_file *file, const char *path, diffedit_error *error);
/* Errors: FILE; the caller discards the file. */
diffedit_status de_new_file_write(de_new_file *file, const void *bytes, size_t size,
                                  diffedit_error *error);
/* Puts it in its place, or discards it. Errors: FILE. */
diffedit_status de_new_file_commit(de_new_file *file, diffedit_error *error);
void de_new_file_discard(de_new_file *file);

#endif
