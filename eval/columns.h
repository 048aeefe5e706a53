/* The figures of a line: what the table has of each, and what the page says of it. A column is a
 * row of the table in columns.c; docs/EVAL.md defines each. */
#ifndef EVAL_COLUMNS_H
#define EVAL_COLUMNS_H

#include "metrics.h"

/* Parts of a picture: bits of a comparison's regions. Outside of a mask is what is farther from it
 * than the edge that was asked for. */
enum {
    COLUMN_WHOLE,
    COLUMN_FOUND_INSIDE, /* found: the mask that the edit used */
    COLUMN_FOUND_OUTSIDE,
    COLUMN_TRUE_INSIDE,
    COLUMN_TRUE_OUTSIDE,
    COLUMN_BOTH_OUTSIDE, /* outside of both masks */
    COLUMN_PARTS
};

typedef enum column_group {
    COLUMN_OF_RUN,
    COLUMN_OF_WHOLE,
    COLUMN_OF_FOUND,
    COLUMN_OF_TRUE,
    COLUMN_OF_BOTH,
    COLUMN_OF_USER, /* joined from a file */
    COLUMN_GROUPS
} column_group;

typedef enum column_form { COLUMN_NUMBER, COLUMN_SHARE, COLUMN_DECIBELS } column_form;

typedef struct column {
    const char *name;  /* in the tables */
    const char *title; /* on the page */
    column_group group;
    column_form form;
    int digits; /* after the point, on the page */
    bool main;  /* shown there at first */
    int part;
    double (*of)(const metrics_sums *sums); /* of that part; NULL: measure.c says it */
} column;

/* Places of those that are not a metric of one part, in front of the others. */
enum {
    COLUMN_SECONDS,
    COLUMN_EVALUATIONS,
    COLUMN_FOUND_SHARE,
    COLUMN_TRUE_SHARE,
    COLUMN_OVERLAP,
    COLUMN_METRICS,
    COLUMNS = COLUMN_METRICS + 25
};

extern const column column_table[COLUMNS];

/* "found mask": what the page calls a group. */
const char *column_group_name(column_group group);

#endif
