/* What the GPU's multipliers do when nothing else is in their way: sums of products in registers,
 * in as many invocations as there are y; y [invocations] = what came of it, so that none can be
 * left out. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arrays.glsl"

const uint CHAINS = 8; /* that do not wait for each other */

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push
{
    uint64_t y;
    float scale, step; /* so that the sums stay finite, and are not known beforehand */
    uint rounds;
};

void main()
{
    vec4 sums[CHAINS];
    [[unroll]] for (uint chain = 0; chain < CHAINS; chain++)
        sums[chain] = vec4(chain + gl_LocalInvocationIndex);
    for (uint round = 0; round < rounds; round++) {
        [[unroll]] for (uint chain = 0; chain < CHAINS; chain++)
            sums[chain] = sums[chain] * scale + step;
    }
    vec4 sum = vec4(0);
    [[unroll]] for (uint chain = 0; chain < CHAINS; chain++)
        sum += sums[chain];
    floats(y).at[gl_GlobalInvocationID.x] = sum.x + sum.y + sum.z + sum.w;
}
