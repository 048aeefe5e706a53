/* 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3), of a picture shown twice as large by
 * F(5x5, 2x2). */
#ifndef DE_OPS_WINOGRAD_H
#define DE_OPS_WINOGRAD_H

#include "ops/cpu/panels.h"
#include "ops/ops.h"

/* Rows of the 6 x 6 points come in pairs (de_winograd_weights), of 12 points. */
enum { DE_WINOGRAD_PAIRS = 3, DE_WINOGRAD_PAIR_POINTS = 2 * DE_WINOGRAD_IN };

typedef struct de_winograd {
    const de_panels *panels; /* [ceil(columns / 16), 9, depth, 16] */
    const float *bias;       /* [columns padded to 16] */
    const float *zeros;      /* [depth] */
    bool doubles;            /* pictures may be shown twice as large */
    const float *scales;     /* NULL: products are of floats; else values of de_winograd_scales */
} de_winograd;

/* The scales of the int16 that transformed weights become: [36] of [columns], the points pair after
 * pair; where pictures may be doubled, then [36] of [4 phases, columns]. Columns are padded to 16.
 */
typedef struct de_winograd_scales {
    float *values; /* free() them */
    bool doubles;
    int64_t columns;
} de_winograd_scales;

/* Memory for them. Errors: MEMORY. */
diffedit_status de_winograd_scales_new(de_winograd_scales *scales, int64_t columns, bool doubles,
                                       diffedit_error *error);
/* Those of a panel, as is done with each that has been packed; `scales` is a de_winograd_scales. */
void de_winograd_scale_panel(void *scales, const de_panels *panels, int64_t panel);
/* The weights of all channels of a panel, which is one of a phase's (of 1 or 4), at a pair of rows
 * of points; without a place to go to. */
de_winograd_weights de_winograd_weights_of(const de_panels *panels, int64_t phases, int64_t panel,
                                           int pair);

void de_winograd_run(de_context *context, const de_winograd *winograd, de_tensor x,
                     de_convolution_shape shape, de_epilogue epilogue, de_tensor y);

#endif
