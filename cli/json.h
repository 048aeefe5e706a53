/* What a command did, for scripts. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "session.h"

/* The most memory that this process has held so far. */
int64_t cli_peak_memory(void);
/* Writes an object, which it takes over (NULL: there was no memory for it), to standard output.
 * Errors: FILE, MEMORY. */
diffedit_status cli_json_print(json_t *object, diffedit_error *error);

/* Writes the object of --json to standard output. Errors: FILE, MEMORY. */
diffedit_status cli_json_write(const cli_session *session, diffedit_error *error);

/* A path as a JSON text: a file's name need not be UTF-8; then it is null. */
json_t *cli_json_path(const char *path);
/* Appends a model's problem to `user`, a JSON array; a diffedit_problem_fn. */
void cli_json_collect(void *user, const char *problem);

#endif
