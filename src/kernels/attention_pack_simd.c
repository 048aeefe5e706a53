#include "base/base.h"
#include "kernels/attention_operands.h"
#include "kernels/tables.h"

/* k [rows, d] -> [rows, d rounded up to 2] */
static void pack_keys(const de_attention_rows *from)
{
    const de_floats one = de_splat(1);
    int64_t width = de_round_up(from->d, ABREAST);
    for (int64_t r = 0; r < from->rows; r++) {
        const float *k = from->k + r * from->k_stride;
        uint16_t *out = from->packed_k + (from->first + r) * width;
        for (int64_t i = 0; i < width; i += ABREAST * DE_LANES)
            de_store_first_bf16_pairs(out + i, (width - i) / ABREAST,
                                      (de_bf16_pairs)load_row(k + i, from->d - i, one));
    }
}

/* v [rows, d] -> pairs first / 2.. of each group of columns [ceil(keys / 2), columns, 2] */
static void pack_values(const de_attention_rows *from)
{
    int64_t columns, keys = de_round_up(from->keys, ABREAST);
    for (int64_t column = 0; column < from->d; column += columns) {
        columns = de_attention_group(from->d - column);
        uint16_t *out = from->packed_v + column * keys + from->first * columns;
        for (int64_t r = 0; r < from->rows; r += ABREAST, out += ABREAST * columns) {
            const float *v = from->v + r * from->v_stride + column;
            de_floats even = within_bf16(de_load_first(v, columns)), odd = de_splat(0);
            if (r + 1 < from->rows)
                odd = within_bf16(de_load_first(v + from->v_stride, columns));
            de_store_first_bf16_pairs(out, columns, de_zip_bf16(even, odd));
        }
    }
}

void DE_KERNEL(de_attention_pack_bf16)(const de_attention_rows *rows)
{
    pack_keys(rows);
    pack_values(rows);
}
