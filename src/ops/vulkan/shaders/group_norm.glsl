/* The statistics of GroupNorm, mean and variance of the groups of a slice: some groups that stand
 * side by side, so that their rows are read in whole cache lines.
 *
 * An invocation keeps to its columns of the slice and takes BLOCK rows at a time, with as many
 * loads under way. It adds up differences from the first of its values, and their squares: one pass
 * over memory, and sound however far the mean is from 0. What invocations have found is merged
 * (Chan, Golub and LeVeque 1983), and so is what workgroups have found of chunks of rows, always in
 * the same order. */
#include "columns.glsl"

layout(push_constant, scalar) uniform Push
{
    uint64_t x, y;         /* [images, rows, c] */
    uint64_t scale, shift; /* f32 [c] */
    uint64_t parts;        /* f32 pairs [images, groups, chunks]: the moments of chunks; 0: none */
    uint rows, c, groups;
    uint width; /* columns of a group: c / groups */
    uint slice; /* groups of a slice; more than one only if an invocation has one of its columns */
    uint chunks, chunk_rows; /* of an image; rows of a chunk, the last may have fewer */
    uint activation;
    float eps;
};

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer pairs {
    vec2 at[];
};

const uint INVOCATIONS = gl_WorkGroupSize.x, BLOCK = 8;

/* Of `count` values: their mean, and the sum of the squares of their differences from it */
struct Moments {
    float count, mean, squares;
};

/* What invocations found, of each of their columns; what is being merged of the groups */
shared float counts[INVOCATIONS], means[INVOCATIONS * 4], squares[INVOCATIONS * 4];
shared Moments merging[INVOCATIONS];

Moments merge(Moments a, Moments b)
{
    float count = a.count + b.count, share = count > 0 ? b.count / count : 0;
    float apart = b.mean - a.mean;
    return Moments(count, a.mean + apart * share,
                   a.squares + b.squares + apart * apart * a.count * share);
}

/* ---- where an invocation works ---- */

uint first_group()
{
    return gl_WorkGroupID.x * slice;
}
uint slice_groups()
{
    return min(slice, groups - first_group());
}
/* In WIDTH, as are the places of columns below */
uint slice_columns()
{
    return slice_groups() * width / WIDTH;
}
/* Invocations side by side, and rows of them */
uint across()
{
    return min(slice_columns(), INVOCATIONS);
}
uint down()
{
    return INVOCATIONS / across();
}
/* Where the slice begins in a row of the image */
uint row_start(uint row)
{
    return ((gl_WorkGroupID.z * rows + row) * c + first_group() * width) / WIDTH;
}

/* ---- moments ---- */

/* BLOCK rows of a column from `row` on, `step` apart; beyond `end` the last one, because a branch
 * would wait for each of them before loading the next. */
void load_block(uint column, uint row, uint step, uint end, out vec4 values[BLOCK])
{
    [[unroll]] for (uint i = 0; i < BLOCK; i++)
        values[i] = columns(x, row_start(min(row + i * step, end - 1)) + column);
}

/* Writes down the moments of rows [begin, end) of the slice's columns. */
void measure_columns(uint begin, uint end)
{
    uint lane = gl_LocalInvocationIndex, step = down(), first = begin + lane / across();
    float count = 0;
    vec4 pivot = vec4(0), sum = vec4(0), square = vec4(0);
    if (lane < across() * step && first < end)
        pivot = columns(x, row_start(first) + lane % across());
    else
        first = end;
    for (uint column = lane % across(); column < slice_columns(); column += across())
        for (uint row = first; row < end; row += BLOCK * step) {
            vec4 values[BLOCK];
            load_block(column, row, step, end, values);
            [[unroll]] for (uint i = 0; i < BLOCK; i++) {
                bool there = row + i * step < end;
                vec4 apart = there ? values[i] - pivot : vec4(0);
                sum += apart;
                square += apart * apart;
                count += there ? 1 : 0;
            }
        }
    vec4 mean = sum / max(count, 1);
    square = max(square - sum * mean, vec4(0));
    counts[lane] = count;
    [[unroll]] for (uint j = 0; j < 4; j++)
        if (j < WIDTH) {
            means[lane * WIDTH + j] = pivot[j] + mean[j];
            squares[lane * WIDTH + j] = square[j];
        }
    barrier();
}

/* Those of columns written down, from `place` on; the group is the slice's. */
Moments merge_columns(uint group, uint place, uint step)
{
    Moments sum = Moments(0, 0, 0);
    uint wide = min(width, across() * WIDTH);
    for (uint i = place; i < down() * wide; i += step) {
        uint at = i / wide * across() * WIDTH + group * width + i % wide;
        sum = merge(sum, Moments(counts[at / WIDTH], means[at], squares[at]));
    }
    return sum;
}

/* Those of chunks */
Moments merge_chunks(uint group, uint place, uint step)
{
    Moments sum = Moments(0, 0, 0);
    uint first = (gl_WorkGroupID.z * groups + first_group() + group) * chunks;
    for (uint i = place; i < chunks; i += step) {
        vec2 part = pairs(parts).at[first + i];
        uint count = min(chunk_rows, rows - i * chunk_rows) * width;
        sum = merge(sum, Moments(count, part.x, part.y));
    }
    return sum;
}

/* Invocations that merge a group's: a power of two */
uint team()
{
    return 1 << findMSB(INVOCATIONS / slice);
}

/* Leaves the moments of the slice's groups where group_moments() finds them. */
void merge_groups(bool from_chunks)
{
    uint i = gl_LocalInvocationIndex, group = i / team(), place = i % team();
    merging[i] = Moments(0, 0, 0);
    if (group < slice_groups())
        merging[i] = from_chunks ? merge_chunks(group, place, team())
                                 : merge_columns(group, place, team());
    for (uint step = team() / 2; step > 0; step /= 2) {
        barrier();
        if (place < step)
            merging[i] = merge(merging[i], merging[i + step]);
    }
    barrier();
}
Moments group_moments(uint group)
{
    return merging[group * team()];
}
