/* Files and paths. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "common/new_file.h"

/* A file that appears whole or not at all (common/new_file.h); "-" is standard output. Errors:
 * FILE, MEMORY. */
diffedit_status cli_file_create(de_new_file *file, const char *path, diffedit_error *error);

bool cli_is_standard(const char *path); /* "-" */
/* Whether both exist and are the same file, under whatever names. */
bool cli_same_file(const char *a, const char *b);
/* Fails unless a file could be created at `path`: its folder exists and is writable. Errors: FILE.
 */
diffedit_status cli_check_folder(const char *path, diffedit_error *error);
/* All of standard input; *bytes is freed by the caller. Errors: FILE, MEMORY, CANCELLED. */
diffedit_status cli_read_standard_input(void **bytes, size_t *size, diffedit_error *error);
/* "FOLDER/NAME", freed by the caller; NULL if memory is short. */
char *cli_join_path(const char *folder, const char *name);

#endif
