/* y [rows, columns] = activation(x W^T + bias + image_bias) + residual, x [rows, depth] */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "product.glsl"

layout(push_constant, scalar) uniform Push
{
    Product product;
};
#include "tile.glsl"

uint channels()
{
    return product.depth;
}

uint place_of(uint row, uint tap)
{
    row += tile_row();
    return row < product.rows ? row * product.depth : NOWHERE;
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
    add_up();
    store_sums();
}
