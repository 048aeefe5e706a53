/* Reading a list of edits: CSV, JSON lines or PIE-Bench's mapping file, recognised by its content.
 * A reader is a row of the table in lines.c. */
#ifndef BATCH_LINES_H
#define BATCH_LINES_H

#include "line.h"

#include <stdbool.h>

/* Gets each line in turn, whose values it may take (and set to NULL). */
typedef diffedit_status (*lines_fn)(void *user, batch_line *line, diffedit_error *error);

/* Calls `each` for every line of the list at `path` until one fails. Memory does not grow with the
 * list. `interrupted` (may be NULL) is asked now and then. Errors: FILE (a sentence that names the
 * file and the line), MEMORY, CANCELLED, and what `each` returns, with file and line before its
 * sentence. */
diffedit_status lines_read(const char *path, bool (*interrupted)(void), lines_fn each, void *user,
                           diffedit_error *error);

#endif
