/* y [rows, columns / 2] = value * gelu(gate), [value, gate] = x W^T + bias, x [rows, depth]. Of the
 * 4 columns of an invocation two are values and two are their gates. */
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

/* The column of y that a column of the tile is the value or the gate of */
uint output_of(uint column)
{
    return tile_column() / 2 + column / 4 * 2 + column % 2;
}

uint weight_row(uint column)
{
    uint at = output_of(column), width = product.columns / 2;
    return at >= width ? NOWHERE : column % 4 < 2 ? at : width + at;
}

void main()
{
    if (tile_row() >= product.rows)
        return;
    add_up();
    uint row = tile_row() + first_row(), end = min(row + ROWS, product.rows);
    uint width = product.columns / 2, column = output_of(first_column());
    vec4 bias = vec4(0);
    [[unroll]] for (uint j = 0; j < 2; j++)
        if (product.bias != 0 && column + j < width) {
            bias[j] = floats(product.bias).at[column + j];
            bias[j + 2] = floats(product.bias).at[width + column + j];
        }
    [[dont_unroll]] for (; row < end; row++, next_sums())
        [[unroll]] for (uint j = 0; j < 2; j++)
            if (column + j < width)
                store(product.y, row * width + column + j,
                      (sums[0][j] + bias[j]) * gelu(sums[0][j + 2] + bias[j + 2]));
}
