/* attention.comp by cooperative matrices, of f16 alone and not causal.
 *
 * A workgroup has some queries of a head and goes through the keys, KEYS at a time: scores q k^T
 * are summed in f32, become weights, 2^(score - reference) rounded to f16, and the sums of values
 * times their weights stay in registers as f32. PARTS subgroups share ROWS queries: each makes the
 * scores of a part of the keys and the sums of a part of the columns. Keys and values pass through
 * shared memory, PIECE columns at a time: so they are read once for all subgroups, and rows of any
 * length at any address get zeros to the end of a matrix. While one piece is multiplied, the next
 * one is on its way from memory into registers.
 *
 * Values have one column more than there are, of ones: its sum is that of the weights as they were
 * rounded, by which all is divided in the end. Beyond the last key the last one is repeated, so
 * that no score is out of the way there, with values of 0, in that column too.
 *
 * A reference is not a query's highest score so far, but was 2^TOP below it when it was last set,
 * and is set again only when a score is more than 2^MOST above it: all sums are to be scaled then.
 * So weights are at most 2^MOST, of which f16 holds any and f32 any sum; and the highest is at
 * least 2^TOP, beside which those that f16 may not hold, below 2^-14, are nothing. q is multiplied
 * as it is and the scores are scaled, because rounding q anew would show in weights. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vectors.glsl"
#include "matrix.glsl"

layout(constant_id = 6) const uint D = 64;
layout(constant_id = 7) const uint KEYS = 32;
layout(constant_id = 8) const uint PIECE = 80;
layout(constant_id = 9) const uint ROWS = 16;
layout(constant_id = 11) const uint PARTS = 1;

layout(push_constant, scalar) uniform Push
{
    uint64_t q, k, v, y;
    uint queries, keys, heads, q_stride, k_stride, v_stride, causal;
    float scale; /* log2(e) / sqrt(d) */
};

const float MOST = 15, TOP = 8;

const uint SUBGROUPS = INVOCATIONS / SUBGROUP, TILE = SUBGROUPS / PARTS * ROWS;
const uint DEPTH = (D + K - 1) / K * K;
const uint KEY_PIECES = (D + PIECE - 1) / PIECE, VALUE_PIECES = D / PIECE + 1;
const uint PART = PIECE / PARTS; /* columns of a piece of values that a subgroup has */

/* Rows in shared memory, in vectors of 4. They have 8 values more than they need, so that matrices
 * are read from different banks. */
const uint QUERY = (DEPTH + 8) / 4, ROW = (PIECE + 8) / 4, WEIGHTS = (KEYS + 8) / 4;
shared f16vec4 tile[TILE * QUERY];
shared f16vec4 piece[KEYS * ROW];
shared f16vec4 weights[TILE * WEIGHTS];

/* Of the queries of each subgroup: the highest of the scores that it made, how much the reference
 * rises and what that multiplies sums with */
shared float highest[SUBGROUPS * ROWS], rises[SUBGROUPS * ROWS], factors[SUBGROUPS * ROWS];
shared uint raised_at; /* for which keys one rose last: the number of the first of them, and 1 */

#define SUMS coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
const uint DOWN = ROWS / M, ACROSS = PART / N, SCORES = KEYS / PARTS / N;
SUMS sums[VALUE_PIECES][DOWN][ACROSS];
SUMS scores[DOWN][SCORES];
SUMS begin[DOWN]; /* what the sum of a score begins with: less the reference */

/* What an invocation loads of the next piece */
const uint PIECE_CHUNKS = KEYS * PIECE / 8, CHUNKS = (PIECE_CHUNKS + INVOCATIONS - 1) / INVOCATIONS;
Chunk next[CHUNKS];
uint one[CHUNKS]; /* which value of it is the one behind a row of values; 8 or more: none */

uint head()
{
    return gl_WorkGroupID.z % heads;
}
uint image()
{
    return gl_WorkGroupID.z / heads;
}
/* The first query of the workgroup. It may be beyond the last: then there is nothing to do. */
uint first_query()
{
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * TILE;
}
/* The first of the subgroup's queries in the tile, and which part of keys and columns it has */
uint first_row()
{
    return gl_SubgroupID / PARTS * ROWS;
}
uint part()
{
    return gl_SubgroupID % PARTS;
}

/* Columns [column, column + 8) of one of an image's `rows` rows of q, k or v; 0 beyond them */
Chunk head_chunk(uint64_t array, uint row, uint rows, uint stride, uint column)
{
    uint at = (image() * rows + row) * stride + head() * D + column;
    return load_chunk(array, at, row < rows && column < D ? D - column : 0);
}

void load_queries()
{
    const uint across = DEPTH / 8;
    for (uint at = gl_LocalInvocationIndex; at < TILE * across; at += INVOCATIONS) {
        uint row = at / across, chunk = at % across;
        Chunk loaded = head_chunk(q, first_query() + row, queries, q_stride, chunk * 8);
        tile[row * QUERY + chunk * 2] = low_of(loaded);
        tile[row * QUERY + chunk * 2 + 1] = high_of(loaded);
    }
}

void store_tile()
{
    const uint across = (D + 3) / 4;
    for (uint at = gl_LocalInvocationIndex; at < TILE * across; at += INVOCATIONS) {
        uint row = at / across, column = at % across * 4, query = first_query() + row;
        uint to = ((image() * queries + query) * heads + head()) * D + column;
        f16vec4 values = tile[row * QUERY + column / 4];
        if (query >= queries)
            return;
        if (D % 4 == 0)
            halves4(y).at[to / 4] = values;
        else
            [[unroll]] for (uint i = 0; i < 4; i++)
                if (column + i < D)
                    halves(y).at[to + i] = values[i];
    }
}

void fetch_keys(uint first, uint column)
{
    [[unroll]] for (uint i = 0; i < CHUNKS; i++) {
        uint at = i * INVOCATIONS + gl_LocalInvocationIndex;
        uint key = min(first + at / (PIECE / 8), keys - 1);
        next[i] = head_chunk(k, key, keys, k_stride, column + at % (PIECE / 8) * 8);
        one[i] = 8;
    }
}

void fetch_values(uint first, uint column)
{
    [[unroll]] for (uint i = 0; i < CHUNKS; i++) {
        uint at = i * INVOCATIONS + gl_LocalInvocationIndex;
        uint key = first + at / (PIECE / 8), from = column + at % (PIECE / 8) * 8;
        next[i] = head_chunk(v, key, keys, v_stride, from);
        one[i] = key < keys ? D - from : 8;
    }
}

/* Puts what was fetched where all see it, after a barrier behind their reading the piece before */
void put()
{
    [[unroll]] for (uint i = 0; i < CHUNKS; i++) {
        uint at = i * INVOCATIONS + gl_LocalInvocationIndex;
        uint to = at / (PIECE / 8) * ROW + at % (PIECE / 8) * 2;
        f16vec4 low = low_of(next[i]), high = high_of(next[i]);
        [[unroll]] for (uint j = 0; j < 4; j++) {
            low[j] = one[i] == j ? float16_t(1) : low[j];
            high[j] = one[i] == 4 + j ? float16_t(1) : high[j];
        }
        if (at < PIECE_CHUNKS) {
            piece[to] = low;
            piece[to + 1] = high;
        }
    }
    barrier();
}

/* Adds to the scores what columns [column, column + PIECE) make of them. (Loops that index no array
 * of matrices are for the driver to unroll, which it does where that is of use.) */
void multiply_keys(const uint column)
{
    uint row = part() * (KEYS / PARTS);
    for (uint i = 0; i < PIECE && column + i < DEPTH; i += K) {
        coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> of_queries[DOWN];
        [[unroll]] for (uint r = 0; r < DOWN; r++)
            coopMatLoad(of_queries[r], tile, (first_row() + r * M) * QUERY + (column + i) / 4,
                        QUERY, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint c = 0; c < SCORES; c++) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> of_keys;
            coopMatLoad(of_keys, piece, (row + c * N) * ROW + i / 4, ROW,
                        gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint r = 0; r < DOWN; r++)
                scores[r][c] = coopMatMulAdd(of_queries[r], of_keys, scores[r][c]);
        }
    }
}

/* The same of the sums, sums[p]: columns [p PIECE, (p + 1) PIECE) */
void multiply_values(const uint p)
{
    for (uint i = 0; i < KEYS; i += K) {
        coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> of_weights[DOWN];
        [[unroll]] for (uint r = 0; r < DOWN; r++)
            coopMatLoad(of_weights[r], weights, (first_row() + r * M) * WEIGHTS + i / 4, WEIGHTS,
                        gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint c = 0; c < ACROSS; c++) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> of_values;
            coopMatLoad(of_values, piece, i * ROW + (part() * PART + c * N) / 4, ROW,
                        gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint r = 0; r < DOWN; r++)
                sums[p][r][c] = coopMatMulAdd(of_weights[r], of_values, sums[p][r][c]);
        }
    }
}

void find_highest()
{
    [[unroll]] for (uint r = 0; r < DOWN; r++)
        [[unroll]] for (uint c = 0; c < SCORES; c++) {
            show(scores[r][c]);
            for (uint row = gl_SubgroupInvocationID; row < M; row += SUBGROUP) {
                uint to = gl_SubgroupID * ROWS + r * M + row;
                float most = c == 0 ? shown[first_shown() + row * N] : highest[to];
                for (uint column = 0; column < N; column++)
                    most = max(most, shown[first_shown() + row * N + column]);
                highest[to] = most;
            }
        }
}

/* Raises the references of those queries that have a score too far above it. The first ones may be
 * anywhere. */
void raise_references(bool are_first)
{
    find_highest();
    barrier();
    for (uint row = gl_SubgroupInvocationID; row < ROWS; row += SUBGROUP) {
        uint to = gl_SubgroupID * ROWS + row;
        float most = highest[to - part() * ROWS];
        for (uint i = 1; i < PARTS; i++)
            most = max(most, highest[to + (i - part()) * ROWS]);
        float rise = are_first || most * scale > MOST ? most - TOP / scale : 0;
        rises[to] = rise;
        factors[to] = are_first ? 0 : exp2(-rise * scale);
    }
    subgroupBarrier();
    [[unroll]] for (uint r = 0; r < DOWN; r++) {
        SUMS rise; /* the same in each column, and so is `factor` */
        SUMS factor;
        uint row = gl_SubgroupID * ROWS + r * M;
        coopMatLoad(rise, rises, row, 0, gl_CooperativeMatrixLayoutColumnMajor);
        coopMatLoad(factor, factors, row, 0, gl_CooperativeMatrixLayoutColumnMajor);
        begin[r] -= rise;
        [[unroll]] for (uint c = 0; c < SCORES; c++)
            scores[r][c] -= rise;
        [[unroll]] for (uint p = 0; p < VALUE_PIECES; p++)
            [[unroll]] for (uint c = 0; c < ACROSS; c++)
                sums[p][r][c] *= factor;
    }
}

bool are_far_above()
{
    bool above = false;
    [[unroll]] for (uint r = 0; r < DOWN; r++)
        [[unroll]] for (uint c = 0; c < SCORES; c++)
            [[unroll]] for (uint i = 0; i < scores[r][c].length(); i++)
                above = above || scores[r][c][i] * scale > MOST;
    return above;
}

/* Makes weights of the scores. */
void weigh()
{
    [[unroll]] for (uint r = 0; r < DOWN; r++)
        [[unroll]] for (uint c = 0; c < SCORES; c++) {
            show(scores[r][c]);
            uint to = (first_row() + r * M) * WEIGHTS + (part() * SCORES + c) * (N / 4);
            for (uint at = gl_SubgroupInvocationID * 4; at < M * N; at += SUBGROUP * 4)
                weights[to + at / N * WEIGHTS + at % N / 4] = f16vec4(exp2(shown4(at) * scale));
        }
}

void add_keys(uint first)
{
    [[unroll]] for (uint r = 0; r < DOWN; r++)
        [[unroll]] for (uint c = 0; c < SCORES; c++)
            scores[r][c] = begin[r];
    [[unroll]] for (uint p = 0; p < KEY_PIECES; p++) {
        barrier();
        put();
        if (p + 1 < KEY_PIECES)
            fetch_keys(first, (p + 1) * PIECE);
        else
            fetch_values(first, 0);
        multiply_keys(p * PIECE);
    }
    if (first == 0 || are_far_above())
        raised_at = first + 1;
    barrier();
    if (raised_at == first + 1)
        raise_references(first == 0);
    weigh();
    [[unroll]] for (uint p = 0; p < VALUE_PIECES; p++) {
        if (p > 0)
            barrier();
        put(); /* weights are seen then, too */
        if (p + 1 < VALUE_PIECES)
            fetch_values(first, (p + 1) * PIECE);
        else
            fetch_keys(first + KEYS, 0); /* the last time for nothing: `if` would wait for it */
        multiply_values(p);
    }
}

/* Shows the sums of the weights to all: factors[first_row() + i] is that of the subgroup's query i
 * then. */
void show_totals()
{
    const uint column = D % PIECE;
    [[unroll]] for (uint r = 0; r < DOWN; r++) {
        show(sums[D / PIECE][r][column % PART / N]);
        for (uint row = gl_SubgroupInvocationID; row < M; row += SUBGROUP)
            if (part() == column / PART)
                factors[first_row() + r * M + row] = shown[first_shown() + row * N + column % N];
    }
    barrier();
}

void finish()
{
    show_totals();
    [[unroll]] for (uint p = 0; p < VALUE_PIECES; p++)
        [[unroll]] for (uint r = 0; r < DOWN; r++)
            [[unroll]] for (uint c = 0; c < ACROSS; c++) {
                uint first = p * PIECE + part() * PART + c * N;
                show(sums[p][r][c]);
                for (uint at = gl_SubgroupInvocationID * 4; at < M * N; at += SUBGROUP * 4) {
                    uint row = first_row() + r * M + at / N, column = first + at % N;
                    if (column < D)
                        tile[row * QUERY + column / 4] =
                            f16vec4(ranged(shown4(at) / factors[row]));
                }
            }
    barrier();
    store_tile();
}

void main()
{
    if (first_query() >= queries)
        return;
    [[unroll]] for (uint r = 0; r < DOWN; r++) {
        begin[r] = SUMS(0);
        [[unroll]] for (uint p = 0; p < VALUE_PIECES; p++)
            [[unroll]] for (uint c = 0; c < ACROSS; c++)
                sums[p][r][c] = SUMS(0);
    }
    load_queries();
    fetch_keys(0, 0);
    for (uint first = 0; first < keys; first += KEYS)
        add_keys(first);
    finish();
}
