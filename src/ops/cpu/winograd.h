/* 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3), of a picture shown twice as large by
 * F(5x5, 2x2). */
#ifndef DE_OPS_WINOGRAD_H
#define DE_OPS_WINOGRAD_H

#include "ops/cpu/panels.h"
#include "ops/ops.h"

typedef struct de_winograd {
    const de_panels *panels; /* [ceil(columns / 16), 9, depth, 16] */
    const float *bias;       /* [columns padded to 16] */
    const float *zeros;      /* [depth] */
} de_winograd;

void de_winograd_run(de_context *context, const de_winograd *winograd, de_tensor x,
                     de_convolution_shape shape, de_epilogue epilogue, de_tensor y);

#endif
