/* What many lines have in common: means and medians of a column. */
#ifndef EVAL_SUMMARY_H
#define EVAL_SUMMARY_H

#include <stddef.h>

typedef struct summary {
    size_t count;    /* of values: NaN is none */
    size_t infinite; /* of these: a PSNR where nothing differs */
    double mean;     /* of the finite ones; infinite if all are; NaN: there is none */
    double median;   /* of all; the mean of the two in the middle */
} summary;

/* Of count values, which it sorts. */
summary summary_make(double *values, size_t count);

#endif
