/* The table of lines, and that of their means, as CSV. */
#ifndef EVAL_CSV_TABLES_H
#define EVAL_CSV_TABLES_H

#include "figures.h"

/* A row for each line. Errors: FILE. */
diffedit_status csv_write_lines(const figures *figures, const char *path, diffedit_error *error);
/* For all lines, and for each category if there are several: a row with the means, one with the
 * medians, one with how many values those are of, and one with how many of these are infinite.
 * Errors: FILE. */
diffedit_status csv_write_means(const figures *figures, const figures_groups *groups,
                                const char *path, diffedit_error *error);

#endif
