/* Where the windows of a convolution look: the rows of its product. */

/* Of each row of the tile: the image's first row in x, and the window's corner in the enlarged
 * image, which is far outside where there is no such row */
shared uint image_row[TILE_ROWS];
shared ivec2 corner[TILE_ROWS];

/* Notes the window of row `row` of the tile that begins at row `tile` of the product. */
void place_window(uint tile, uint row)
{
    uint pixel = (tile + row) % product.image_rows;
    ivec2 place = ivec2(pixel % out_w * stride, pixel / out_w * stride);
    image_row[row] = (tile + row) / product.image_rows * h;
    corner[row] = tile + row < product.rows ? place - ivec2(pad_left, pad_top)
                                            : ivec2(-0x40000000);
}

/* The index in x of the first channel of what a window has at a tap; NOWHERE: zeros */
uint window_place(uint row, uint tap)
{
    uint x = uint(corner[row].x) + tap % size, y = uint(corner[row].y) + tap / size;
    if (x >= up_w || y >= up_h)
        return NOWHERE;
    if (up_w != w)
        x = x * w / up_w;
    if (up_h != h)
        y = y * h / up_h;
    return ((image_row[row] + y) * w + x) * c;
}
