/* y = activation((x - mean) / deviation * scale + shift) over the rows and the columns of a group,
 * for each image; y may be x. A workgroup for each slice, chunk and image. The statistics are those
 * that group_norm_chunks.comp found or, where there is one chunk, found here. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "group_norm.glsl"
#include "activation.glsl"

vec4 activate_all(vec4 values)
{
    [[unroll]] for (uint j = 0; j < 4; j++)
        if (j < WIDTH)
            values[j] = activate(activation, values[j]);
    return values;
}

void norm_rows(uint column, uint row, uint step, uint end)
{
    vec4 mean = vec4(0), factor = vec4(0);
    uint first = first_group() * width / WIDTH;
    [[unroll]] for (uint j = 0; j < 4; j++)
        if (j < WIDTH) {
            Moments found = group_moments((column * WIDTH + j) / width);
            mean[j] = found.mean;
            factor[j] = inversesqrt(found.squares / found.count + eps);
        }
    factor *= float_columns(scale, first + column);
    vec4 offset = float_columns(shift, first + column);
    for (; row < end; row += BLOCK * step) {
        vec4 values[BLOCK];
        load_block(column, row, step, end, values);
        [[unroll]] for (uint i = 0; i < BLOCK; i++) {
            uint at = row + i * step;
            if (at < end)
                store_columns(y, row_start(at) + column,
                              activate_all((values[i] - mean) * factor + offset));
        }
    }
}

void main()
{
    uint i = gl_LocalInvocationIndex, lane = i / across();
    uint begin = gl_WorkGroupID.y * chunk_rows;
    if (parts == 0)
        measure_columns(0, rows);
    merge_groups(parts != 0);
    if (lane < down())
        for (uint column = i % across(); column < slice_columns(); column += across())
            norm_rows(column, begin + lane, down(), min(begin + chunk_rows, rows));
}
