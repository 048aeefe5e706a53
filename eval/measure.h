/* The figures of one edit. */
#ifndef EVAL_MEASURE_H
#define EVAL_MEASURE_H

#include "columns.h"

typedef struct measure_input {
    const diffedit_picture *picture, *result;
    const uint8_t *found, *truth; /* [height, width] of the picture, 0 or 1; NULL: there is none */
    int edge;                     /* pixels around a mask that are neither inside nor outside */
} measure_input;

/* Fills what follows from the pixels, and leaves `seconds` and `evaluations`; NaN where there is no
 * mask or no pixel. Errors: PICTURE (the sizes differ), MEMORY. */
diffedit_status measure(double values[COLUMNS], const measure_input *input, diffedit_error *error);

#endif
