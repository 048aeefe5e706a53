/* convolution.comp by cooperative matrices, of f16 alone */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "product.glsl"
#include "convolution_push.glsl"
#include "matrix_tile.glsl"
#include "window.glsl"

/* The index in x of value k of a window; NOWHERE: zero */
uint place_of(uint row, uint k)
{
    uint at = k < product.depth ? window_place(row, k / c) : NOWHERE;
    return at == NOWHERE ? NOWHERE : at + k % c;
}

Chunk x_chunk(uint i, uint k)
{
    uint row = first_chunk() + i * STRIDE;
    if (WIDTH != 1) {
        uint low = place_of(row, k), high = WIDTH == 4 ? place_of(row, k + 4) : NOWHERE;
        return load_vectors(product.x, low, low != NOWHERE, high, high != NOWHERE);
    }
    f16vec4 low = f16vec4(0), high = f16vec4(0);
    [[unroll]] for (uint j = 0; j < 4; j++) {
        uint first = place_of(row, k + j), second = place_of(row, k + 4 + j);
        if (first != NOWHERE)
            low[j] = halves(product.x).at[first];
        if (second != NOWHERE)
            high[j] = halves(product.x).at[second];
    }
    return chunk_of(low, high);
}

Chunk weight_chunk(uint i, uint k)
{
    return weight_row(tile_column() + first_chunk() + i * STRIDE, k);
}

void main()
{
    if (tile_row() >= product.rows)
        return;
    for (uint i = gl_LocalInvocationIndex; i < TILE_ROWS; i += INVOCATIONS)
        place_window(tile_row(), i);
    barrier();
    add_up();
    finish_tile();
}
