/* A tile of a product x W^T by cooperative matrices: f16 values, f32 sums.
 *
 * A workgroup makes TILE_ROWS x TILE_COLUMNS sums, each of its subgroups PART_ROWS x PART_COLUMNS
 * of them, which stay in registers. Rows of x and W pass through shared memory, STEP values of each
 * at a time; while one step is multiplied, the next one is on its way from memory into registers.
 * In shared memory a row has 8 values more than a step, so that matrices are read from different
 * banks, and stays aligned to 16 bytes.
 *
 * Whoever includes it has `product` among its push constants and says what x and W are by
 * x_chunk() and weight_chunk(), calls add_up(), and then finish_tile() or show(). */
#include "matrix.glsl"

layout(constant_id = 6) const uint TILE_ROWS = 64;
layout(constant_id = 7) const uint TILE_COLUMNS = 64;
layout(constant_id = 8) const uint PART_ROWS = 32;
layout(constant_id = 9) const uint PART_COLUMNS = 32;

const uint STEP = 32, ROW = (STEP + 8) / 4;       /* in vectors of 4 */
const uint STRIDE = INVOCATIONS / (STEP / 8);     /* rows that are loaded at once */
const uint X_CHUNKS = TILE_ROWS / STRIDE;         /* that an invocation loads for a step */
const uint WEIGHT_CHUNKS = TILE_COLUMNS / STRIDE;

shared f16vec4 x_step[TILE_ROWS * ROW];
shared f16vec4 weight_step[TILE_COLUMNS * ROW];

/* The subgroup's part of the tile. (An array of matrices cannot be passed to a function.) */
const uint DOWN = PART_ROWS / M, ACROSS = PART_COLUMNS / N;
coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[DOWN][ACROSS];

/* Values [k, k + 8) of row or column first_chunk() + i * STRIDE of the tile, k a multiple of 8; 0
 * where there is none */
Chunk x_chunk(uint i, uint k);
Chunk weight_chunk(uint i, uint k);

uint first_chunk()
{
    return gl_LocalInvocationIndex / (STEP / 8);
}

/* Values [k, k + 8) of one of `rows` rows [depth] of an array; 0 beyond the end of either */
Chunk row_chunk(uint64_t array, uint row, uint rows, uint k)
{
    bool there = row < rows && k < product.depth;
    return load_chunk(array, row * product.depth + k, there ? product.depth - k : 0);
}

/* Of a row of x or W as it stands */
Chunk x_row(uint row, uint k)
{
    return row_chunk(product.x, row, product.rows, k);
}
Chunk weight_row(uint row, uint k)
{
    return row_chunk(product.weights, row, product.columns, k);
}

void fetch(uint k, out Chunk x[X_CHUNKS], out Chunk weights[WEIGHT_CHUNKS])
{
    k += gl_LocalInvocationIndex % (STEP / 8) * 8;
    [[unroll]] for (uint i = 0; i < X_CHUNKS; i++)
        x[i] = x_chunk(i, k);
    [[unroll]] for (uint i = 0; i < WEIGHT_CHUNKS; i++)
        weights[i] = weight_chunk(i, k);
}

void put(Chunk x[X_CHUNKS], Chunk weights[WEIGHT_CHUNKS])
{
    uint at = first_chunk() * ROW + gl_LocalInvocationIndex % (STEP / 8) * 2;
    [[unroll]] for (uint i = 0; i < X_CHUNKS; i++) {
        x_step[at + i * STRIDE * ROW] = low_of(x[i]);
        x_step[at + i * STRIDE * ROW + 1] = high_of(x[i]);
    }
    [[unroll]] for (uint i = 0; i < WEIGHT_CHUNKS; i++) {
        weight_step[at + i * STRIDE * ROW] = low_of(weights[i]);
        weight_step[at + i * STRIDE * ROW + 1] = high_of(weights[i]);
    }
}

/* Where the subgroup's part of the tile begins */
uint part_row()
{
    return gl_SubgroupID / (TILE_COLUMNS / PART_COLUMNS) * PART_ROWS;
}
uint part_column()
{
    return gl_SubgroupID % (TILE_COLUMNS / PART_COLUMNS) * PART_COLUMNS;
}

void multiply()
{
    [[unroll]] for (uint k = 0; k < STEP; k += K) {
        coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> x[DOWN];
        [[unroll]] for (uint i = 0; i < DOWN; i++)
            coopMatLoad(x[i], x_step, (part_row() + i * M) * ROW + k / 4, ROW,
                        gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint j = 0; j < ACROSS; j++) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> weights;
            coopMatLoad(weights, weight_step, (part_column() + j * N) * ROW + k / 4, ROW,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint i = 0; i < DOWN; i++)
                sums[i][j] = coopMatMulAdd(x[i], weights, sums[i][j]);
        }
    }
}

#include "workgroup.glsl"

/* Makes the sums of the workgroup's slice of the depth. */
void add_up()
{
    uint k = is_sliced() ? gl_WorkGroupID.z * product.slice : 0;
    uint end = min(k + product.slice, product.depth);
    Chunk x[X_CHUNKS], weights[WEIGHT_CHUNKS];
    [[unroll]] for (uint i = 0; i < DOWN; i++)
        [[unroll]] for (uint j = 0; j < ACROSS; j++)
            sums[i][j] =
                coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    fetch(k, x, weights);
    for (; k < end; k += STEP) {
        barrier(); /* the step before is read */
        put(x, weights);
        barrier();
        fetch(k + STEP, x, weights); /* the last time for nothing: `if` would wait for it */
        multiply();
    }
}

/* Stores what the epilogue makes of the tile's sums, or the sums of a slice. */
void finish_tile()
{
    [[unroll]] for (uint i = 0; i < DOWN; i++)
        [[unroll]] for (uint j = 0; j < ACROSS; j++) {
            uint first_row = tile_row() + part_row() + i * M;
            uint first_column = tile_column() + part_column() + j * N;
            show(sums[i][j]);
            for (uint at = gl_SubgroupInvocationID * 4; at < M * N; at += SUBGROUP * 4) {
                uint row = first_row + at / N, column = first_column + at % N;
                vec4 sum = shown4(at);
                if (row >= product.rows)
                    continue;
                if (is_sliced())
                    store_slice(row, column, sum);
                else
                    finish4(product, row, column, sum);
            }
        }
}
