/* Files, and what "-" stands for. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "common/new_file.h"

/* A file that appears whole or not at all (common/new_file.h); "-" is standard output. Errors:
 * FILE, MEMORY, CANCELLED. */
diffedit_status cli_file_create(de_new_file *file, const char *path, diffedit_error *error);

bool cli_is_standard(const char *path); /* "-" */
/* Whether a path names what standard input is, under whatever name. */
bool cli_is_standard_input(const char *path);

#endif
