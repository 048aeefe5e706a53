/* y [images, out_h, out_w, columns] = activation(x * W + bias + image_bias) + residual, x [images,
 * h, w, c] enlarged to up_h x up_w by nearest neighbours, W [columns, size, size, c]: a product
 * whose rows are the windows of x that outputs see, [size, size, c], read where they stand. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "product.glsl"
#include "convolution_push.glsl"
#include "tile.glsl"
#include "window.glsl"

uint channels()
{
    return c;
}

uint place_of(uint row, uint tap)
{
    return window_place(row, tap);
}

uint weight_row(uint column)
{
    column += tile_column();
    return column < product.columns ? column : NOWHERE;
}

void main()
{
    if (tile_row() >= product.rows)
        return;
    for (uint i = gl_LocalInvocationIndex; i < TILE_ROWS; i += gl_WorkGroupSize.x)
        place_window(tile_row(), i);
    barrier();
    add_up();
    store_sums();
}
