#include "summary.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Moves what is a number to the front; how many they are. */
static size_t drop_missing(double *values, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[kept++] = values[i];
    return kept;
}

summary summary_make(double *values, size_t count)
{
    summary of = {.count = drop_missing(values, count), .mean = NAN, .median = NAN};
    if (of.count == 0)
        return of;
    qsort(values, of.count, sizeof *values, compare);
    double sum = 0;
    for (size_t i = 0; i < of.count; i++) {
        of.infinite += isinf(values[i]) != 0;
        sum += isinf(values[i]) ? 0 : values[i];
    }
    size_t finite = of.count - of.infinite, half = of.count / 2;
    of.median = of.count % 2 || values[half - 1] == values[half]
                    ? values[half]
                    : (values[half - 1] + values[half]) / 2;
    of.mean = finite ? sum / (double)finite : of.median;
    return of;
}
