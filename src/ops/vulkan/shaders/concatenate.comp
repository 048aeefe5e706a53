/* y [rows, a_c + b_c] = rows of a beside rows of b, which begin again after b_rows */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arrays.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push
{
    uint64_t a, b, y;
    uint a_c, b_c, b_rows, count;
};

void main()
{
    uint width = a_c + b_c, step = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        uint row = i / width, column = i % width;
        store(y, i, column < a_c ? load(a, row * a_c + column)
                                 : load(b, row % b_rows * b_c + column - a_c));
    }
}
