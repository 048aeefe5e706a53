/* Where a convolution's window looks. */
#ifndef DE_WINDOW_H
#define DE_WINDOW_H

#include "ops/cpu/cpu.h"

/* The pixel that is row y and column x of the padded, possibly enlarged input of image `image`, as
 * a pointer to its channels: `zeros` outside. */
static inline const float *de_window_pixel(const de_tensor *input,
                                           const de_convolution_shape *shape, int64_t image,
                                           int64_t y, int64_t x, const float *zeros)
{
    int64_t h = shape->up_h ? shape->up_h : input->h, w = shape->up_w ? shape->up_w : input->w;
    y -= shape->pad_top;
    x -= shape->pad_left;
    if (y < 0 || y >= h || x < 0 || x >= w)
        return zeros;
    if (h != input->h)
        y = y * input->h / h;
    if (w != input->w)
        x = x * input->w / w;
    return de_cpu_floats(*input) + ((image * input->h + y) * input->w + x) * input->c;
}

#endif
