/* y = softmax(q k^T scale) v for each head and image; q [images, queries, heads * d], k and v
 * [images, keys, heads * d], with rows q_stride, k_stride and v_stride apart; y like q, dense.
 * Causal: query i sees keys 0..i.
 *
 * A workgroup has QUERIES queries of a head and goes through the keys, KEYS at a time: LANES
 * invocations, a team, share 8 queries. Of their scores each makes those of every LANES-th key; the
 * scores become weights, 2^(score - highest score so far), and of the sums of weighted values each
 * has every LANES-th column, in registers. Wider heads have more lanes; the values of one of more
 * than 512 columns are divided among workgroups. All that is multiplied passes through shared
 * memory: queries and keys some columns at a time, then the weights, and values some keys at a
 * time. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vectors.glsl"

layout(constant_id = 1) const uint D = 64;
layout(constant_id = 2) const bool VECTORS = false; /* rows begin at, and d is, a multiple of 4 */
layout(constant_id = 3) const uint LANES = 8;       /* 8, 16, 32 or 64 */

layout(local_size_x = 128) in;
layout(push_constant, scalar) uniform Push
{
    uint64_t q, k, v, y;
    uint queries, keys, heads, q_stride, k_stride, v_stride, causal;
    float scale; /* log2(e) / sqrt(d) */
};

const uint INVOCATIONS = gl_WorkGroupSize.x;
const uint QUERIES = INVOCATIONS / LANES * 8, KEYS = LANES * 4;
const uint PART = D < 512 ? D : 512, PARTS = (D + PART - 1) / PART; /* columns of a workgroup */
const uint COLUMNS = (PART + LANES - 1) / LANES;                    /* of an invocation */

/* In shared memory are vectors of 4 columns, 32 KiB in all at most. How many of a query and a key
 * there are at a time, and how far apart rows are: an odd number, which spreads them over the
 * banks. */
const uint ROW = (D + 3) / 4;
const uint MOST = LANES <= 16 ? 8 : LANES == 32 ? 4 : 2;
const uint SLICES = (ROW + MOST - 1) / MOST, SLICE = (ROW + SLICES - 1) / SLICES;
const uint SLICE_ROW = SLICE / 2 * 2 + 1;

/* A row of values has all columns, of every lane equally many; of a tile there is a part at a time
 * that fits. */
const uint VALUE_ROW = COLUMNS * LANES / 4, FITTING = 640 / VALUE_ROW;
const uint VALUES = FITTING >= 32 ? 32 : FITTING >= 16 ? 16 : FITTING >= 8 ? 8 : 4;

/* Weights stand by key, in vectors of 4 queries. */
const uint WEIGHTS_ROW = QUERIES / 4 + 1;

/* What is laid down at a time, by all invocations equally often: some of it is beyond the end. */
const uint QUERIES_LAID = (QUERIES * SLICE + INVOCATIONS - 1) / INVOCATIONS * INVOCATIONS;
const uint KEYS_LAID = (KEYS * SLICE + INVOCATIONS - 1) / INVOCATIONS * INVOCATIONS;
const uint VALUES_LAID = (VALUES * VALUE_ROW + INVOCATIONS - 1) / INVOCATIONS * INVOCATIONS;

const uint QUERIES_SIZE = (QUERIES_LAID + SLICE - 1) / SLICE * SLICE_ROW;
const uint KEYS_SIZE = (KEYS_LAID + SLICE - 1) / SLICE * SLICE_ROW;
const uint WEIGHTS_SIZE = KEYS * WEIGHTS_ROW;
shared vec4 left[QUERIES_SIZE > WEIGHTS_SIZE ? QUERIES_SIZE : WEIGHTS_SIZE]; /* queries; weights */
shared vec4 right[KEYS_SIZE > VALUES_LAID ? KEYS_SIZE : VALUES_LAID];        /* keys; values */

/* Of this invocation's queries, 4 a vector */
vec4 scores[4][2], sums[COLUMNS][2];
vec4 highest[2], total[2]; /* score so far; of the weights that this invocation made */

uint lane()
{
    return gl_LocalInvocationIndex % LANES;
}
uint team()
{
    return gl_LocalInvocationIndex / LANES;
}

/* ---- from memory ---- */

/* The first element of the head in a row of an image */
uint place(uint row, uint rows, uint stride)
{
    uint head = gl_WorkGroupID.z / PARTS;
    return (head / heads * rows + row) * stride + head % heads * D;
}
/* The first of the workgroup's columns of values */
uint first_column()
{
    return gl_WorkGroupID.z % PARTS * PART;
}

/* Vector i of the row at `place`; 0 beyond its end, and where there is no such row. (A branch would
 * wait for each before loading the next.) */
vec4 load_vector(uint64_t array, uint place, uint i, bool there)
{
    vec4 values = vec4(0);
    there = there && i < ROW;
    if (VECTORS) {
        values = load4(array, there ? place / 4 + i : 0, WIDE);
        return there ? values : vec4(0);
    }
    [[unroll]] for (uint j = 0; j < 4; j++) {
        there = there && 4 * i + j < D;
        float value = load(array, there ? place + 4 * i + j : 0);
        values[j] = there ? value : 0;
    }
    return values;
}

/* Lays down vectors [column, column + SLICE) of the queries and keys; 0 beyond the last query and
 * key. */
void share_slice(uint first_query, uint first_key, uint column)
{
    [[unroll]] for (uint n = 0; n < QUERIES_LAID; n += INVOCATIONS) {
        uint i = n + gl_LocalInvocationIndex, row = i / SLICE, query = first_query + row;
        left[row * SLICE_ROW + i % SLICE] =
            load_vector(q, place(query, queries, q_stride), column + i % SLICE, query < queries) *
            scale;
    }
    [[unroll]] for (uint n = 0; n < KEYS_LAID; n += INVOCATIONS) {
        uint i = n + gl_LocalInvocationIndex, row = i / SLICE, key = first_key + row;
        right[row * SLICE_ROW + i % SLICE] =
            load_vector(k, place(key, keys, k_stride), column + i % SLICE, key < keys);
    }
}

/* Lays down the values of keys [first, first + VALUES); 0 from `end` on. */
void share_values(uint first, uint end)
{
    [[unroll]] for (uint n = 0; n < VALUES_LAID; n += INVOCATIONS) {
        uint i = n + gl_LocalInvocationIndex, key = first + i / VALUE_ROW;
        right[i] = load_vector(v, place(key, keys, v_stride),
                               first_column() / 4 + i % VALUE_ROW, key < end);
    }
}

/* ---- scores and weights ---- */

void multiply_slice()
{
    [[dont_unroll]] for (uint i = 0; i < SLICE; i++) {
        vec4 key[4];
        [[unroll]] for (uint j = 0; j < 4; j++)
            key[j] = right[(lane() + j * LANES) * SLICE_ROW + i];
        [[unroll]] for (uint row = 0; row < 8; row++) {
            vec4 query = left[(team() * 8 + row) * SLICE_ROW + i];
            [[unroll]] for (uint j = 0; j < 4; j++)
                [[unroll]] for (uint column = 0; column < 4; column++)
                    scores[j][row / 4][row % 4] += query[column] * key[j][column];
        }
    }
}

/* Those of keys from `first` on. What a query does not see has the lowest score. */
void make_scores(uint first_query, uint first)
{
    [[unroll]] for (uint j = 0; j < 4; j++)
        scores[j] = vec4[2](vec4(0), vec4(0));
    for (uint column = 0; column < ROW; column += SLICE) {
        barrier();
        share_slice(first_query, first, column);
        barrier();
        multiply_slice();
    }
    if (first + KEYS <= keys && causal == 0)
        return;
    uint query = first_query + team() * 8;
    [[unroll]] for (uint row = 0; row < 8; row++) {
        uint end = causal != 0 ? min(query + row + 1, keys) : keys;
        [[unroll]] for (uint j = 0; j < 4; j++)
            if (first + lane() + j * LANES >= end)
                scores[j][row / 4][row % 4] = -3e38;
    }
}

/* Shows the team what each lane has of its queries: lane i's is shown(i). */
void show(vec4 values[2])
{
    barrier();
    [[unroll]] for (uint quad = 0; quad < 2; quad++)
        left[lane() * WEIGHTS_ROW + team() * 2 + quad] = values[quad];
    barrier();
}
vec4 shown(uint i, uint quad)
{
    return left[i * WEIGHTS_ROW + team() * 2 + quad];
}

/* Turns the scores into weights, and lays them down. */
void weigh()
{
    vec4 before[2] = highest;
    [[unroll]] for (uint quad = 0; quad < 2; quad++)
        [[unroll]] for (uint j = 0; j < 4; j++)
            highest[quad] = max(highest[quad], scores[j][quad]);
    show(highest);
    [[dont_unroll]] for (uint first = 0; first < LANES; first += 8)
        [[unroll]] for (uint i = 0; i < 8; i++)
            [[unroll]] for (uint quad = 0; quad < 2; quad++)
                highest[quad] = max(highest[quad], shown(first + i, quad));
    barrier();
    [[unroll]] for (uint quad = 0; quad < 2; quad++) {
        vec4 shrink = exp2(before[quad] - highest[quad]);
        total[quad] *= shrink;
        [[unroll]] for (uint i = 0; i < COLUMNS; i++)
            sums[i][quad] *= shrink;
        [[unroll]] for (uint j = 0; j < 4; j++) {
            vec4 weight = exp2(scores[j][quad] - highest[quad]);
            total[quad] += weight;
            left[(lane() + j * LANES) * WEIGHTS_ROW + team() * 2 + quad] = weight;
        }
    }
}

/* ---- values ---- */

/* Adds those that lie there, whose weights begin with that of key `first` of the tile. */
void add_values(uint first)
{
    [[dont_unroll]] for (uint key = 0; key < VALUES; key += 2)
        [[unroll]] for (uint i = 0; i < 2; i++) {
            vec4 weight[2];
            [[unroll]] for (uint quad = 0; quad < 2; quad++)
                weight[quad] = left[(first + key + i) * WEIGHTS_ROW + team() * 2 + quad];
            [[unroll]] for (uint j = 0; j < COLUMNS; j++) {
                uint at = (key + i) * VALUE_ROW + j * LANES / 4 + lane() / 4;
                [[unroll]] for (uint quad = 0; quad < 2; quad++)
                    sums[j][quad] += weight[quad] * right[at][lane() % 4];
            }
        }
}

/* A column of the queries from `first_query` on */
void store_column(uint first_query, uint column, vec4 values[2])
{
    uint query = first_query + team() * 8, at = place(query, queries, heads * D) + column;
    [[unroll]] for (uint row = 0; row < 8; row++)
        if (query + row < queries)
            store(y, at + row * heads * D, values[row / 4][row % 4]);
}

/* (What is indexed in a loop that goes round does not stay in registers; so the sums move up, and
 * the code is short.) */
void store_sums(uint first_query)
{
    show(total);
    total = vec4[2](vec4(0), vec4(0));
    [[dont_unroll]] for (uint i = 0; i < LANES; i++)
        [[unroll]] for (uint quad = 0; quad < 2; quad++)
            total[quad] += shown(i, quad);
    uint end = min(first_column() + PART, D);
    [[dont_unroll]] for (uint column = first_column() + lane(); column < end; column += LANES) {
        store_column(first_query, column, vec4[2](sums[0][0] / total[0], sums[0][1] / total[1]));
        [[unroll]] for (uint i = 1; i < COLUMNS; i++)
            sums[i - 1] = sums[i];
    }
}

void main()
{
    uint block = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    uint query = block * QUERIES, end = causal != 0 ? min(query + QUERIES, keys) : keys;
    if (query >= queries)
        return;
    highest = vec4[2](vec4(-3e38), vec4(-3e38));
    total = vec4[2](vec4(0), vec4(0));
    [[unroll]] for (uint i = 0; i < COLUMNS; i++)
        sums[i] = vec4[2](vec4(0), vec4(0));
    for (uint first = 0; first < end; first += KEYS) {
        make_scores(query, first);
        weigh();
        for (uint key = 0; key < KEYS && first + key < end; key += VALUES) {
            barrier();
            share_values(first + key, end);
            barrier();
            add_values(key);
        }
    }
    store_sums(query);
}
