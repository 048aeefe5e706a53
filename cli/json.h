/* The output of --json. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "session.h"

/* The peak resident memory of this process, in bytes. */
int64_t cli_peak_memory(void);
/* Writes an object to standard output and frees it; NULL means that memory was short. Errors: FILE,
 * MEMORY. */
diffedit_status cli_json_print(json_t *object, diffedit_error *error);

/* Writes the object of --json to standard output. Errors: FILE, MEMORY. */
diffedit_status cli_json_write(const cli_session *session, diffedit_error *error);

/* A path as a JSON string, or null if it is not UTF-8. */
json_t *cli_json_path(const char *path);
/* Appends a model's problem to `user`, a JSON array; a diffedit_problem_fn. */
void cli_json_collect(void *user, const char *problem);

#endif
