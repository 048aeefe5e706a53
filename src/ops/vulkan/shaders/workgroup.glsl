/* Which tile of the product, and which slice of its depth, a workgroup has. */

bool is_sliced()
{
    return product.slice < product.depth;
}
/* Where the tile begins. Its row may be beyond the last: then there is nothing to do. */
uint tile_row()
{
    uint row = gl_WorkGroupID.y + (is_sliced() ? 0 : gl_WorkGroupID.z * gl_NumWorkGroups.y);
    return row * TILE_ROWS;
}
uint tile_column()
{
    return gl_WorkGroupID.x * TILE_COLUMNS;
}

/* Stores sums of columns [column, column + 4), as far as there are any, in their slice. */
void store_slice(uint row, uint column, vec4 sum)
{
    uint at = (gl_WorkGroupID.z * product.rows + row) * product.columns + column;
    [[unroll]] for (uint i = 0; i < 4; i++)
        if (column + i < product.columns)
            floats(product.y).at[at + i] = sum[i];
}
