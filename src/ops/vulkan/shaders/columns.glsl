/* What the norms' shaders share: they take the columns of a row four at a time, or one at a time
 * where a row is no multiple of four; the first element of a vector alone is then used. */
#include "vectors.glsl"

layout(constant_id = 1) const bool VECTORS = false; /* four at a time */
const uint WIDTH = VECTORS ? 4u : 1u;

layout(local_size_x = 256) in;

/* Columns of activations, and of scales and shifts, which are f32; i counts in WIDTH. */
vec4 columns(uint64_t array, uint i)
{
    return VECTORS ? load4(array, i, WIDE) : vec4(load(array, i), 0, 0, 0);
}
vec4 float_columns(uint64_t array, uint i)
{
    return VECTORS ? load4(array, i, true) : vec4(floats(array).at[i], 0, 0, 0);
}
void store_columns(uint64_t array, uint i, vec4 values)
{
    if (VECTORS)
        store4(array, i, values);
    else
        store(array, i, values.x);
}
