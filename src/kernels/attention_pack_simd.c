#define DE_ATTENTION_QUICK
#include <string.h>

#include "kernels/attention_operands.h"
#include "kernels/tables.h"

static void pack_keys(const de_attention_rows *from)
{
    const float *pieces[DE_ATTENTION_KEYS];
    int64_t width = de_round_up(from->d, ABREAST);
    for (int64_t r = 0; r < from->rows; r++)
        pieces[r] = from->k + r * from->k_stride;
    const de_i16_rows rows = {.pieces = pieces, .rows = from->rows, .parts = 1, .depth = from->d};
    DE_KERNEL(de_quantise)
    (&rows, (int16_t *)from->packed_k + from->first * width, width, from->k_scales + from->first);
}

/* What some columns of the block are to be multiplied with to be integers of up to 32767; their
 * scales, NaNs where not all are finite, go to `scales`. */
static de_floats find_scales(const de_attention_rows *from, int64_t first, int64_t columns,
                             float *scales)
{
    de_floats largest = de_splat(0), not_finite = de_splat(0);
    for (int64_t r = 0; r < from->rows; r++) {
        de_floats v = de_load_first(from->v + r * from->v_stride + first, columns);
        largest = de_max(de_abs(v), largest);
        not_finite = de_mul_add(v, de_splat(0), not_finite);
    }
    de_mask some = de_greater(largest, de_splat(1e-30f)); /* else too small to divide by */
    de_floats scale = de_mul(largest, de_splat(1.0f / DE_I16_MOST));
    de_store_first(scales, columns, de_add(de_select(some, scale, de_splat(0)), not_finite));
    return de_select(some, de_div(de_splat(DE_I16_MOST), largest), de_splat(0));
}

/* Columns first.. of the values: pairs of keys [rows / 2 rounded up, columns, 2] */
static void pack_columns(const de_attention_rows *from, int64_t first, int64_t columns,
                         int16_t *out)
{
    enum { VECTORS = (DE_ATTENTION_GROUP + DE_LANES - 1) / DE_LANES };
    de_floats factors[VECTORS];
    int16_t pairs[VECTORS * DE_LANES * ABREAST];
    float *scales = from->v_scales + from->first / DE_ATTENTION_KEYS * from->d + first;
    int vectors = (int)((columns + DE_LANES - 1) / DE_LANES);
    for (int v = 0; v < vectors; v++)
        factors[v] = find_scales(from, first + v * DE_LANES, columns - v * DE_LANES,
                                 scales + v * DE_LANES);
    for (int64_t r = 0; r < from->rows; r += ABREAST, out += ABREAST * columns) {
        for (int v = 0; v < vectors; v++) {
            const float *x = from->v + r * from->v_stride + first + v * DE_LANES;
            int64_t left = columns - v * DE_LANES;
            de_floats even = de_mul(de_load_first(x, left), factors[v]), odd = de_splat(0);
            if (r + 1 < from->rows)
                odd = de_mul(de_load_first(x + from->v_stride, left), factors[v]);
            de_store_pairs(pairs + v * DE_LANES * ABREAST, de_ints_of(even), de_ints_of(odd));
        }
        if (columns == DE_ATTENTION_GROUP) /* a constant size is a few instructions */
            memcpy(out, pairs, DE_ATTENTION_GROUP * ABREAST * sizeof *out);
        else
            memcpy(out, pairs, (size_t)(columns * ABREAST) * sizeof *out);
    }
}

void DE_KERNEL(de_attention_pack_quick)(const de_attention_rows *rows)
{
    int64_t columns, keys = de_round_up(rows->keys, ABREAST);
    pack_keys(rows);
    for (int64_t column = 0; column < rows->d; column += columns) {
        columns = de_attention_group(rows->d - column);
        pack_columns(rows, column, columns,
                     (operand *)rows->packed_v + column * keys + rows->first * columns);
    }
}
