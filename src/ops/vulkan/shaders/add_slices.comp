/* y [rows, columns] = activation(x[0] + x[1] + ... + bias + image_bias) + residual, x f32 [depth,
 * rows, columns]: the end of a product whose depth was added up in slices, always in this order. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "product.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push
{
    Product product; /* `depth` slices; no weights */
};

void main()
{
    uint groups = (product.columns + 3) / 4, i = gl_GlobalInvocationID.x;
    uint row = i / groups, column = i % groups * 4;
    if (row >= product.rows)
        return;
    vec4 sums = vec4(0);
    for (uint slice = 0; slice < product.depth; slice++)
        [[unroll]] for (uint j = 0; j < 4; j++)
            if (column + j < product.columns)
                sums[j] += floats(product.x)
                               .at[(slice * product.rows + row) * product.columns + column + j];
    finish4(product, row, column, sums);
}
