/* Columns of the user's own, from a CSV file: a line for each edit, named by `id` or `line`, and a
 * number in each other column. */
#ifndef EVAL_JOINED_H
#define EVAL_JOINED_H

#include "figures.h"

/* Adds the file's columns to the table, whose rows are all there. An empty value and "nan" are
 * none. Errors: FILE (a sentence with file and line: no such edit, a column that the table has, no
 * number), MEMORY. */
diffedit_status joined_read(figures *figures, const char *path, diffedit_error *error);

#endif
