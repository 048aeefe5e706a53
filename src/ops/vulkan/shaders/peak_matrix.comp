/* The same as peak.comp by cooperative matrices: products of f16 [M, K] x [K, N], summed in f32.
 * y [M, N] for each subgroup. */
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "arrays.glsl"

layout(constant_id = 1) const uint M = 16;
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;
const uint CHAINS = 8;

layout(local_size_x = 256) in;
layout(push_constant, scalar) uniform Push
{
    uint64_t y;
    float scale, step;
    uint rounds;
};

void main()
{
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a =
        coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>(float16_t(step));
    coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b =
        coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>(float16_t(step));
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[CHAINS];
    [[unroll]] for (uint chain = 0; chain < CHAINS; chain++)
        sums[chain] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(chain);
    for (uint round = 0; round < rounds; round++) {
        [[unroll]] for (uint chain = 0; chain < CHAINS; chain++)
            sums[chain] = coopMatMulAdd(a, b, sums[chain]);
    }
    [[unroll]] for (uint chain = 1; chain < CHAINS; chain++)
        sums[0] += sums[chain];
    uint subgroup = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID;
    coopMatStore(sums[0], floats(y).at, subgroup * M * N, N, gl_CooperativeMatrixLayoutRowMajor);
}
