/* What every shader includes: arrays by their address, of f16 or f32. */
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : enable
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : enable

layout(constant_id = 0) const bool WIDE = false; /* activations are f32, else f16 */

layout(buffer_reference, scalar, buffer_reference_align = 2) buffer halves {
    float16_t at[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer floats {
    float at[];
};

/* What f16 cannot hold becomes infinite, which is how it is noticed. (Vulkan leaves it to the
 * driver whether the largest f16 is meant instead.) */
float ranged(float value)
{
    return abs(value) < 65520 ? value : value * 1e38;
}

/* Element i of the activations at an address */
float load(uint64_t array, uint i)
{
    return WIDE ? floats(array).at[i] : float(halves(array).at[i]);
}
void store(uint64_t array, uint i, float value)
{
    if (WIDE)
        floats(array).at[i] = value;
    else
        halves(array).at[i] = float16_t(ranged(value));
}
