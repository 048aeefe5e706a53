/* geglu.comp by cooperative matrices, of f16 alone. Of 2 N columns of the tile, N are values and
 * the others their gates, so that both are in one subgroup. */
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

/* The value that a column of the tile is, or is the gate of */
uint output_of(uint column)
{
    return tile_column() / 2 + column / (2 * N) * N + column % N;
}

Chunk weight_chunk(uint i, uint k)
{
    uint column = first_chunk() + i * STRIDE, at = output_of(column), width = product.columns / 2;
    uint row = column % (2 * N) < N ? at : width + at;
    return weight_row(at < width ? row : product.columns, k);
}

float gates[M * N / SUBGROUP];

/* Stores a matrix of values, whose gates are there. */
void finish_values(uint i, uint j)
{
    uint width = product.columns / 2;
    [[unroll]] for (uint k = 0; k < M * N / SUBGROUP; k++) {
        uint at = k * SUBGROUP + gl_SubgroupInvocationID;
        uint row = tile_row() + part_row() + i * M + at / N;
        uint column = output_of(part_column() + j * N + at % N);
        if (row >= product.rows || column >= width)
            continue;
        float value = shown[first_shown() + at], gate = gates[k];
        if (product.bias != 0) {
            value += floats(product.bias).at[column];
            gate += floats(product.bias).at[width + column];
        }
        store(product.y, row * width + column, value * gelu(gate));
    }
}

void main()
{
    if (tile_row() >= product.rows)
        return;
    add_up();
    [[unroll]] for (uint i = 0; i < DOWN; i++)
        [[unroll]] for (uint j = 0; j < ACROSS; j += 2) {
            show(sums[i][j + 1]);
            [[unroll]] for (uint k = 0; k < M * N / SUBGROUP; k++)
                gates[k] = shown[first_shown() + k * SUBGROUP + gl_SubgroupInvocationID];
            show(sums[i][j]);
            finish_values(i, j);
        }
}
