/* y [images, count] = x [count], as often */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arrays.glsl"

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push
{
    uint64_t x, y;
    uint count, images;
};

void main()
{
    uint step = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        float value = load(x, i);
        for (uint image = 0; image < images; image++)
            store(y, image * count + i, value);
    }
}
