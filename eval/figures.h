/* The lines of a batch with their figures, in memory: some hundred bytes a line, and no pixels. */
#ifndef EVAL_FIGURES_H
#define EVAL_FIGURES_H

#include "columns.h"
#include "summary.h"

typedef enum row_state {
    ROW_MEASURED,
    ROW_FAILED,  /* in the batch: there is no result */
    ROW_WAITING, /* likewise: not yet */
    ROW_REFUSED  /* there is a result, but it or what it is compared with cannot be used */
} row_state;

/* Texts are owned, NULL where there is none. */
typedef struct figures_row {
    int64_t number; /* of the line in its list */
    row_state state;
    char *id; /* of the task */
    char *name, *category, *from, *to;
    char *message;         /* why it is not measured */
    char *picture, *truth; /* path; path or run lengths */
    char *result, *mask;   /* names in the folder */
    char *picture_hash, *result_hash;
    double *values;   /* [column_count], NaN where there is none; owned */
    int64_t pictures; /* where the page's pictures of it begin, in a file of the page's own */
    size_t pictures_size;
} figures_row;

typedef struct figures {
    const char *folder; /* of the batch; borrowed */
    int edge;           /* that was left out around masks, pixels */
    figures_row *rows;  /* [count], by number */
    size_t count;
    column
        *columns; /* [column_count]: those of columns.h, then the user's, whose names are owned */
    size_t column_count;
    bool *present; /* [column_count] of figures_note_present(); NULL before it */
} figures;

/* An empty one. Errors: MEMORY. */
diffedit_status figures_begin(figures *figures, const char *folder, int edge,
                              diffedit_error *error);
void figures_free(figures *figures);
/* A row behind the others, all zero but its values, which are NaN; NULL: memory is short. Valid
 * until the next one is added. */
figures_row *figures_add(figures *figures);
void figures_row_free(figures_row *row);
/* Sorts the rows by number. */
void figures_sort(figures *figures);
/* Another column, without a value in any row. Errors: MEMORY. */
diffedit_status figures_add_column(figures *figures, const char *name, diffedit_error *error);

/* "measured" */
const char *figures_state_name(row_state state);
size_t figures_count(const figures *figures, row_state state);

/* Measured rows of one category. */
typedef struct figures_group {
    const char *name; /* borrowed from a row; NULL: of all rows; "": of those without a category */
    const size_t *rows; /* [count], places in the table */
    size_t count;
} figures_group;

typedef struct figures_groups {
    figures_group *groups; /* [count]: all rows, then each category, by name */
    size_t count;
    size_t *rows; /* of the groups */
    double *scratch;
} figures_groups;

/* Errors: MEMORY. */
diffedit_status figures_group_rows(figures_groups *groups, const figures *figures,
                                   diffedit_error *error);
void figures_groups_free(figures_groups *groups);
/* Whether the categories say more than all rows together do. */
bool figures_groups_differ(const figures_groups *groups);
/* Of the values of the column at `place` in the rows of a group. */
summary figures_summary(const figures *figures, size_t place, const figures_groups *groups,
                        const figures_group *group);
/* Notes of each column whether any measured row has a value in it: others are not on the page. To
 * be called once, when all values are there. Errors: MEMORY. */
diffedit_status figures_note_present(figures *figures, diffedit_error *error);

/* What eval writes and what it says: the number of bytes, as snprintf. "": NaN. */
enum { FIGURES_NUMBER = 32 };
void figures_write_number(char text[FIGURES_NUMBER], double value);

#endif
