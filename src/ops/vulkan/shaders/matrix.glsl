/* What the shaders of the matrix family share: the shape of matrices, how f16 values come from
 * memory, and a place where a subgroup sees what is in a matrix of sums: which invocation has which
 * of its elements is the driver's secret. */
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

layout(constant_id = 1) const uint M = 16; /* matrices are [M, K] and [K, N] */
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;
layout(constant_id = 4) const uint INVOCATIONS = 128;
layout(constant_id = 5) const uint SUBGROUP = 32; /* its invocations */
layout(constant_id = 10) const uint WIDTH = 8;    /* values that are loaded at once: 8, 4 or 1 */

layout(local_size_x_id = 4) in;

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer halves8 {
    uvec4 at[];
};

/* 8 values on their way, as they stand in memory, and whether they are there; else they are 0.
 * Nothing depends on them until they are asked for, not even a branch around the loading: GPUs
 * would wait there. */
struct Chunk {
    uvec4 bits;
    bool low_there, high_there;
};

f16vec4 low_of(Chunk chunk)
{
    f16vec4 values = f16vec4(unpackFloat2x16(chunk.bits.x), unpackFloat2x16(chunk.bits.y));
    return chunk.low_there ? values : f16vec4(0);
}
f16vec4 high_of(Chunk chunk)
{
    f16vec4 values = f16vec4(unpackFloat2x16(chunk.bits.z), unpackFloat2x16(chunk.bits.w));
    return chunk.high_there ? values : f16vec4(0);
}

/* Where WIDTH is 8 or 4: values [low, low + 4) and [high, high + 4) of an array, which with 8 are
 * those after them */
Chunk load_vectors(uint64_t array, uint low, bool low_there, uint high, bool high_there)
{
    if (WIDTH == 8)
        return Chunk(halves8(array).at[low_there ? low / 8 : 0], low_there, low_there);
    return Chunk(uvec4(words2(array).at[low_there ? low / 4 : 0],
                       words2(array).at[high_there ? high / 4 : 0]),
                 low_there, high_there);
}

/* Of values that are there */
Chunk chunk_of(f16vec4 low, f16vec4 high)
{
    return Chunk(uvec4(packFloat2x16(low.xy), packFloat2x16(low.zw), packFloat2x16(high.xy),
                       packFloat2x16(high.zw)),
                 true, true);
}

/* Values [at, at + 8) of an array, but 0 in place of all beyond the first `count` of them */
Chunk load_chunk(uint64_t array, uint at, uint count)
{
    if (WIDTH != 1)
        return load_vectors(array, at, count > 0, at + 4, count > 4);
    f16vec4 low = f16vec4(0), high = f16vec4(0);
    [[unroll]] for (uint i = 0; i < 4; i++) {
        if (i < count)
            low[i] = halves(array).at[at + i];
        if (4 + i < count)
            high[i] = halves(array).at[at + 4 + i];
    }
    return chunk_of(low, high);
}

shared float shown[INVOCATIONS / SUBGROUP * M * N]; /* a matrix of each subgroup */

uint first_shown()
{
    return gl_SubgroupID * M * N;
}

/* Shows a matrix of sums to its subgroup: value i of it, [M, N], is shown[first_shown() + i] then.
 * All of the subgroup's invocations call it together. */
void show(coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> matrix)
{
    subgroupBarrier(); /* what was shown before is read */
    coopMatStore(matrix, shown, first_shown(), N, gl_CooperativeMatrixLayoutRowMajor);
    subgroupBarrier();
}

/* Four values of it */
vec4 shown4(uint i)
{
    uint from = first_shown() + i;
    return vec4(shown[from], shown[from + 1], shown[from + 2], shown[from + 3]);
}
