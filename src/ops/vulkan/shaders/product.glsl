/* What the shaders of products x W^T share: their push constants and what becomes of a sum. */
#include "activation.glsl"
#include "vectors.glsl"

/* y = activation(x W^T + bias + image_bias) + residual: de_product_push of gpu_product.h, in the
 * scalar layout. Addresses of what is not there are 0. */
struct Product {
    uint64_t x;
    uint64_t weights;    /* [columns, depth] */
    uint64_t bias;       /* f32 [columns] */
    uint64_t image_bias; /* [images, columns] */
    uint64_t residual;   /* [rows, columns], may be y */
    uint64_t y;          /* [rows, columns] */
    uint rows;           /* of all images, image_rows each */
    uint columns;
    uint depth;
    uint image_rows;
    uint activation; /* de_activation */
    /* What a workgroup adds up of the depth. Where it is less, y is f32 [slices, rows, columns] and
     * takes the sums alone; add_slices.comp does the rest. */
    uint slice;
};

/* The place of what is not there: zeros */
const uint NOWHERE = ~0u;

/* Stores what the epilogue makes of a sum. */
void finish(Product product, uint row, uint column, float sum)
{
    uint at = row * product.columns + column;
    if (product.bias != 0)
        sum += floats(product.bias).at[column];
    if (product.image_bias != 0)
        sum += load(product.image_bias, row / product.image_rows * product.columns + column);
    sum = activate(product.activation, sum);
    if (product.residual != 0)
        sum += load(product.residual, at);
    store(product.y, at, sum);
}

/* The same for columns [column, column + 4), column a multiple of 4, as far as there are any. */
void finish4(Product product, uint row, uint column, vec4 sums)
{
    uint at = row * product.columns + column;
    if (product.columns % 4 != 0) {
        [[unroll]] for (uint i = 0; i < 4; i++)
            if (column + i < product.columns)
                finish(product, row, column + i, sums[i]);
        return;
    }
    if (column >= product.columns)
        return;
    if (product.bias != 0)
        sums += load4(product.bias, column / 4, true);
    if (product.image_bias != 0)
        sums += load4(product.image_bias,
                      (row / product.image_rows * product.columns + column) / 4, WIDE);
    if (product.activation != 0)
        [[unroll]] for (uint i = 0; i < 4; i++)
            sums[i] = activate(product.activation, sums[i]);
    if (product.residual != 0)
        sums += load4(product.residual, at / 4, WIDE);
    store4(product.y, at / 4, sums);
}
