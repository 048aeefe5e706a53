/* Arrays, four elements at a time: from a multiple of four on, as they are aligned. */
#include "arrays.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer halves4 {
    f16vec4 at[];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer floats4 {
    vec4 at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer words2 {
    uvec2 at[];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer words4 {
    uvec4 at[];
};

/* Elements 4 i to 4 i + 3 of an array of f32, or of f16, as they stand in memory: who loads them
 * well before asking for their values does not wait for memory. */
uvec4 load_raw4(uint64_t array, uint i, bool wide)
{
    return wide ? words4(array).at[i] : uvec4(words2(array).at[i], 0, 0);
}
vec4 values_of(uvec4 raw, bool wide)
{
    return wide ? uintBitsToFloat(raw) : vec4(unpackHalf2x16(raw.x), unpackHalf2x16(raw.y));
}
vec4 load4(uint64_t array, uint i, bool wide)
{
    return values_of(load_raw4(array, i, wide), wide);
}
vec4 ranged(vec4 values)
{
    return mix(values * 1e38, values, lessThan(abs(values), vec4(65520)));
}
/* Of the activations */
void store4(uint64_t array, uint i, vec4 values)
{
    if (WIDE)
        floats4(array).at[i] = values;
    else
        halves4(array).at[i] = f16vec4(ranged(values));
}
