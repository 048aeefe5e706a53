/* The moments of each group in a chunk of an image's rows, for group_norm.comp. A workgroup for
 * each slice, chunk and image: a norm of 32 groups then has work for the whole GPU. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "group_norm.glsl"

void main()
{
    uint group = gl_LocalInvocationIndex, begin = gl_WorkGroupID.y * chunk_rows;
    measure_columns(begin, min(begin + chunk_rows, rows));
    merge_groups(false);
    if (group < slice_groups()) {
        Moments found = group_moments(group);
        pairs(parts).at[(gl_WorkGroupID.z * groups + first_group() + group) * chunks +
                        gl_WorkGroupID.y] = vec2(found.mean, found.squares);
    }
}
