/* The box of an edit that works on its region alone: a part of the picture, with room around it. */
#ifndef DE_BOX_H
#define DE_BOX_H

#include "picture/picture.h"

typedef struct de_box_params {
    int32_t width, height;             /* of the picture */
    int32_t asked_width, asked_height; /* a working size, whose aspect the box has; 0: none */
    double native;                     /* the model's area, in pixels */
    double margin;                     /* pixels around the region; negative: by its size */
    double soft;                       /* how far the composite's alpha reaches beyond it, */
    double soft_cells;                 /* and how many cells farther */
    int factor;                        /* working pixels of a cell */
    int grid; /* working pixels that the box's corners and sides are multiples of */
} de_box_params;

/* Working pixels for a pixel of a part of this size. The picture's own scale, but no more than the
 * model's native area and no less than a quarter of it; and never less than the whole picture would
 * have. */
double de_box_scale(const de_box_params *params, int width, int height);

/* Pixels of the picture in a latent cell of such a part, along the side where they are more. */
double de_box_cell(const de_box_params *params, int width, int height);

/* The box for a region with these bounds, which are not empty. `kept` (width 0: none), the box of
 * an edit before with the same size asked for and the same margin, stays the box while the region
 * and its margin fit into it, and it has no more than four times the area that they need. */
de_rectangle de_box_choose(const de_box_params *params, de_rectangle region, de_rectangle kept);

#endif
