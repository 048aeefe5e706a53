/* Linear interpolation between pixels whose centres are at halves. */
#ifndef DE_INTERPOLATE_H
#define DE_INTERPOLATE_H

#include "picture/work.h"

/* What lies between pixels `at` and `next`, `part` of the way. */
typedef struct de_between {
    int at, next;
    float part;
} de_between;

/* Where the centre of pixel i of n lies among `known` pixels of the same picture. */
static inline de_between de_between_at(int64_t i, int n, int known)
{
    double at = ((double)i + 0.5) * known / n - 0.5;
    at = at < 0 ? 0 : at > known - 1 ? known - 1 : at;
    int whole = (int)at;
    return (de_between){
        .at = whole, .next = whole + 1 < known ? whole + 1 : whole, .part = (float)(at - whole)};
}

static inline float de_mix(float a, float b, float part)
{
    return a + part * (b - a);
}

/* values [h, w] -> scaled [height, width]. One loop of work. Errors: MEMORY, of the step. */
diffedit_status de_scale_linear(float *scaled, int height, int width, const float *values, int h,
                                int w, de_work *work, diffedit_error *error);

#endif
