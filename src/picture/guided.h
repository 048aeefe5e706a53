#ifndef DE_GUIDED_H
#define DE_GUIDED_H

#include "picture/work.h"

enum { DE_GUIDED_CHANNELS = 6 };

typedef struct de_guided_params {
    int height, width; /* of guide and result */
    int channels;      /* of the guide, at most DE_GUIDED_CHANNELS */
    int h, w;          /* of what is filtered, at most height and width */
    int radius;        /* the window is 2 radius + 1 of its pixels wide and high */
    double epsilon;    /* of a guide from 0 to 1: edges of a variance above it are kept */
} de_guided_params;

/* The guided filter of values [h, w] in 0..1: made linear in the colours of the guide within each
 * window, so that their edges become the guide's (He, Sun and Tang 2013, equations 14, 19 and 20),
 * in its fast form (He and Sun 2015): the coefficients are made at h x w, from means of the guide,
 * and interpolated to where the guide is. guide [height, width, channels]; filtered [height, width]
 * in 0..1. Edges are replicated. The time at full size does not depend on the window. Two loops of
 * work. Errors: MEMORY, of the step. */
diffedit_status de_guided_filter(float *filtered, const de_guided_params *params,
                                 const uint8_t *guide, const float *values, de_work *work,
                                 diffedit_error *error);

#endif
