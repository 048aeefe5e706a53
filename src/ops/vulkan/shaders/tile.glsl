/* A tile of a product x W^T a workgroup: 64 columns, and 32, 64 or 128 rows. An invocation makes 4
 * columns of 4, 8 or 16 rows: the more rows, the fewer vectors it reads from shared memory for each
 * multiplication, until registers run short. Rows of x and W pass through shared memory, 16 values
 * of each at a time, as f32; the next are on their way from memory while these are multiplied.
 *
 * Whoever includes it has `product` among its push constants and says which rows there are;
 * add_up() then makes `sums`. */
layout(constant_id = 1) const bool WIDE_WEIGHTS = false; /* f32, else f16 */
layout(constant_id = 2) const bool VECTORS = false;      /* channels() is a multiple of 4 */
layout(constant_id = 3) const uint ROWS = 8;             /* of an invocation: 4, 8 or 16 */

layout(local_size_x = 128) in;

const uint LANES = 16; /* invocations side by side */
const uint TILE_ROWS = 128 / LANES * ROWS, TILE_COLUMNS = LANES * 4;
const uint STEP = 16;

/* What an invocation fetches of a step: 4 values of each 32nd row of x and of W */
const uint LINES = 128 / (STEP / 4);
const uint X_FETCHES = TILE_ROWS / LINES, WEIGHT_FETCHES = TILE_COLUMNS / LINES;

/* [STEP, rows / 4]: a vector has one value of 4 rows each. The one vector more spreads the rows of
 * a fetch over the banks. */
const uint X_STRIDE = TILE_ROWS / 4 + 1, WEIGHT_STRIDE = TILE_COLUMNS / 4 + 1;
shared vec4 x_step[STEP * X_STRIDE], weight_step[STEP * WEIGHT_STRIDE];

/* Those of row first_row() + i of the tile, columns [first_column(), first_column() + 4) */
vec4 sums[ROWS];

/* A row of x has its depth in taps of as many channels, which stand together. */
uint channels();
/* The index in x of the first channel of a tap, for a row of the tile; NOWHERE: zeros */
uint place_of(uint row, uint tap);
/* The row of W for a column of the tile; NOWHERE: none */
uint weight_row(uint column);

#include "workgroup.glsl"

uint first_row()
{
    return gl_LocalInvocationIndex / LANES * ROWS;
}
uint first_column()
{
    return gl_LocalInvocationIndex % LANES * 4;
}

/* ---- steps ---- */

/* What this invocation fetches: values [k, k + 4), and, of x, where its rows' tap stands */
uint k, tap, channel;
uint x_at[X_FETCHES], weight_at[WEIGHT_FETCHES];
/* What is on its way, and whether it is there; else it is zeros. Nothing depends on it before
 * share(), not even a branch around the loading: GPUs would wait there. */
uvec4 x_next[X_FETCHES], weight_next[WEIGHT_FETCHES];
bool x_there[X_FETCHES], weight_there[WEIGHT_FETCHES];

uint fetched_line(uint i)
{
    return gl_LocalInvocationIndex / (STEP / 4) + i * LINES;
}

void go_to_tap()
{
    tap += channel / channels();
    channel %= channels();
    [[unroll]] for (uint i = 0; i < X_FETCHES; i++)
        x_at[i] = place_of(fetched_line(i), tap);
}

void start(uint begin)
{
    k = begin + gl_LocalInvocationIndex % (STEP / 4) * 4;
    tap = 0;
    channel = k;
    go_to_tap();
    [[unroll]] for (uint i = 0; i < WEIGHT_FETCHES; i++) {
        uint row = weight_row(fetched_line(i));
        weight_at[i] = row == NOWHERE ? NOWHERE : row * product.depth;
    }
}

/* As fetch() does, one at a time */
uvec4 pick_x(uint i, uint end)
{
    vec4 values = vec4(0);
    [[unroll]] for (uint j = 0; j < 4; j++) {
        uint at = k + j < end ? place_of(fetched_line(i), (k + j) / channels()) : NOWHERE;
        if (at != NOWHERE)
            values[j] = load(product.x, at + (k + j) % channels());
    }
    return floatBitsToUint(values);
}
uvec4 pick_weights(uint i, uint end)
{
    vec4 values = vec4(0);
    [[unroll]] for (uint j = 0; j < 4; j++)
        if (k + j < end && weight_at[i] != NOWHERE)
            values[j] = WIDE_WEIGHTS ? floats(product.weights).at[weight_at[i] + k + j]
                                     : float(halves(product.weights).at[weight_at[i] + k + j]);
    return floatBitsToUint(values);
}

void fetch(uint end)
{
    [[unroll]] for (uint i = 0; i < X_FETCHES; i++) {
        bool there = x_there[i] = k < end && x_at[i] != NOWHERE;
        x_next[i] = VECTORS ? load_raw4(product.x, there ? (x_at[i] + channel) / 4 : 0, WIDE)
                            : pick_x(i, end);
    }
    [[unroll]] for (uint i = 0; i < WEIGHT_FETCHES; i++) {
        bool there = weight_there[i] = k < end && weight_at[i] != NOWHERE;
        weight_next[i] = VECTORS ? load_raw4(product.weights, there ? (weight_at[i] + k) / 4 : 0,
                                             WIDE_WEIGHTS)
                                 : pick_weights(i, end);
    }
    k += STEP;
    channel += STEP;
    if (VECTORS && channel >= channels())
        go_to_tap();
}

vec4 fetched(uvec4 raw, bool there, bool wide)
{
    if (VECTORS)
        return there ? values_of(raw, wide) : vec4(0);
    return uintBitsToFloat(raw);
}

/* Lays down what was fetched. (LINES is a multiple of 4.) */
void share()
{
    uint first = gl_LocalInvocationIndex % (STEP / 4) * 4, line = fetched_line(0);
    uint x_first = first * X_STRIDE + line / 4, weight_first = first * WEIGHT_STRIDE + line / 4;
    [[unroll]] for (uint i = 0; i < X_FETCHES; i++) {
        vec4 values = fetched(x_next[i], x_there[i], WIDE);
        [[unroll]] for (uint j = 0; j < 4; j++)
            x_step[x_first + j * X_STRIDE + i * LINES / 4][line % 4] = values[j];
    }
    [[unroll]] for (uint i = 0; i < WEIGHT_FETCHES; i++) {
        vec4 values = fetched(weight_next[i], weight_there[i], WIDE_WEIGHTS);
        [[unroll]] for (uint j = 0; j < 4; j++)
            weight_step[weight_first + j * WEIGHT_STRIDE + i * LINES / 4][line % 4] = values[j];
    }
}

/* (Unrolled by a quarter: drivers take long over more. There and above, addresses are a variable
 * and a constant, as instructions have them.) */
void multiply()
{
    [[dont_unroll]] for (uint quarter = 0; quarter < STEP; quarter += 4) {
        uint x_first = quarter * X_STRIDE + first_row() / 4;
        uint weight_first = quarter * WEIGHT_STRIDE + first_column() / 4;
        [[unroll]] for (uint value = 0; value < 4; value++) {
            vec4 weights = weight_step[weight_first + value * WEIGHT_STRIDE];
            [[unroll]] for (uint i = 0; i < ROWS / 4; i++) {
                vec4 x = x_step[x_first + value * X_STRIDE + i];
                [[unroll]] for (uint j = 0; j < 4; j++)
                    sums[4 * i + j] += x[j] * weights;
            }
        }
    }
}

/* The workgroup's slice of the depth */
void add_up()
{
    uint begin = is_sliced() ? gl_WorkGroupID.z * product.slice : 0;
    uint end = min(begin + product.slice, product.depth);
    [[unroll]] for (uint i = 0; i < ROWS; i++)
        sums[i] = vec4(0);
    start(begin);
    fetch(end);
    for (uint at = begin; at < end; at += STEP) {
        share();
        barrier();
        if (at + STEP < end)
            fetch(end);
        multiply();
        barrier();
    }
}

/* ---- the end ---- */

/* Moves the sums up by a row. (What is indexed in a loop that goes round does not stay in
 * registers, and the epilogue is too long to be written out for every row.) */
void next_sums()
{
    [[unroll]] for (uint i = 1; i < ROWS; i++)
        sums[i - 1] = sums[i];
}

void store_sums()
{
    uint row = tile_row() + first_row(), column = tile_column() + first_column();
    uint end = min(row + ROWS, product.rows);
    [[dont_unroll]] for (; row < end; row++, next_sums())
        if (is_sliced())
            store_slice(row, column, sums[0]);
        else
            finish4(product, row, column, sums[0]);
}
