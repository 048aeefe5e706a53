/* product.comp by cooperative matrices, of f16 alone */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "product.glsl"

layout(push_constant, scalar) uniform Push
{
    Product product;
};
#include "matrix_tile.glsl"

Chunk x_chunk(uint i, uint k)
{
    return x_row(tile_row() + first_chunk() + i * STRIDE, k);
}

Chunk weight_chunk(uint i, uint k)
{
    return weight_row(tile_column() + first_chunk() + i * STRIDE, k);
}

void main()
{
    if (tile_row() >= product.rows)
        return;
    add_up();
    finish_tile();
}
