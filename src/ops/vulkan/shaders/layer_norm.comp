/* y = (x - mean) / deviation * scale + shift, x and y [rows, c], over each row.
 *
 * 32 invocations a row, 8 rows a workgroup. The row is read three times, from the second time on
 * out of the cache: that takes few registers, so that many workgroups hide each other's waiting,
 * and the variance is that of differences from the mean. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "columns.glsl"

layout(push_constant, scalar) uniform Push
{
    uint64_t x, y, scale, shift;
    uint rows, c;
    float eps;
};

const uint LANES = 32, ROWS = gl_WorkGroupSize.x / LANES;

shared float sums[gl_WorkGroupSize.x];

/* The sum over the invocations of a row, always in the same order */
float sum_over_row(float value)
{
    uint i = gl_LocalInvocationIndex, lane = i % LANES;
    barrier(); /* the last sum has been read */
    sums[i] = value;
    [[unroll]] for (uint step = LANES / 2; step > 0; step /= 2) {
        barrier();
        if (lane < step)
            sums[i] += sums[i + step];
    }
    barrier();
    return sums[i - lane];
}

/* Differences of a row's columns from a value, 0 where there is none */
vec4 differences(uint i, float from)
{
    return VECTORS ? load4(x, i, WIDE) - from : vec4(load(x, i) - from, 0, 0, 0);
}

void norm(uint row, bool stored)
{
    uint lane = gl_LocalInvocationIndex % LANES, count = c / WIDTH, first = row * count;
    float pivot = columns(x, first).x, sum = 0, squares = 0;
    for (uint i = lane; i < count; i += LANES)
        sum += dot(differences(first + i, pivot), vec4(1));
    float mean = pivot + sum_over_row(sum) / c;
    for (uint i = lane; i < count; i += LANES) {
        vec4 apart = differences(first + i, mean);
        squares += dot(apart, apart);
    }
    float factor = inversesqrt(sum_over_row(squares) / c + eps);
    for (uint i = lane; i < count && stored; i += LANES)
        store_columns(y, first + i,
                      differences(first + i, mean) * factor * float_columns(scale, i) +
                          float_columns(shift, i));
}

void main()
{
    uint mine = gl_LocalInvocationIndex / LANES;
    for (uint row = gl_WorkGroupID.x * ROWS; row < rows; row += gl_NumWorkGroups.x * ROWS)
        norm(min(row + mine, rows - 1), row + mine < rows);
}
