/* A product with packed weights, cut into tasks for the threads: what linear layers and direct
 * convolutions are. */
#ifndef DE_PRODUCT_H
#define DE_PRODUCT_H

#include "ops/cpu/panels.h"
#include "ops/ops.h"

/* Fills x [taps, rows] with pointers to the rows `first`.. of an input. */
typedef void (*de_product_rows_fn)(const void *source, int64_t first, int64_t rows,
                                   const float **x);

typedef struct de_product {
    const de_panels *panels;
    const float *bias; /* [columns padded to 16] */
    bool gated;        /* GEGLU: the second half of the columns are the gates of the first */
    de_product_rows_fn rows_fn;
    const void *source;
    int64_t images, image_rows; /* rows of the output: images * image_rows */
    de_epilogue epilogue;
    float *y; /* [rows, columns], or half of them if gated */
} de_product;

void de_product_run(de_context *context, const de_product *product);
/* bias + image_bias for each of `images` images in the arena, [images, columns padded to 16] */
float *de_product_biases(de_context *context, const float *bias, de_tensor image_bias,
                         int64_t images);
/* `count` pointers in the arena */
const float **de_product_pointers(de_context *context, int64_t count);

#endif
