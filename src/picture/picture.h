/* Pictures inside the library: what the networks see and what the composite writes. */
#ifndef DE_PICTURE_H
#define DE_PICTURE_H

#include "picture/work.h"

/* A part of a picture, in its pixels. */
typedef struct de_rectangle {
    int32_t x, y, width, height;
} de_rectangle;

/* The picture as 8-bit sRGB (alpha over white, profile converted, 16 bit reduced, grey copied to
 * all three), scaled to width x height with lanczos3. At its own size an 8-bit sRGB RGB picture is
 * returned bit for bit. rgb [height, width, 3]. Errors: PICTURE, MEMORY. */
diffedit_status de_picture_network_input(const diffedit_picture *picture, int width, int height,
                                         uint8_t *rgb, diffedit_error *error);

/* An edit of a part of a picture: 8-bit sRGB at working size. */
typedef struct de_edited {
    const uint8_t *pixels; /* [height, width, 3] */
    int width, height;
    de_rectangle at; /* the part */
} de_edited;

/* The pixel composite: where alpha is 0, and outside the part, the input's values are copied;
 * elsewhere they are input + alpha (edited - input), in the input's depth and profile, to which the
 * edit is converted. It is scaled to the part's size here; alpha [at.height, at.width] is in 0..1,
 * or NULL: 1 everywhere. The picture's own alpha channel, metadata and profile are the input's. One
 * loop of work. Errors: PICTURE, MEMORY, of the step. */
diffedit_status de_picture_composite(diffedit_picture **result, const diffedit_picture *input,
                                     const de_edited *edited, const float *alpha, de_work *work,
                                     diffedit_error *error);
diffedit_status de_picture_copy(diffedit_picture **copy, const diffedit_picture *picture,
                                diffedit_error *error);
/* A part of it, with the profile. Errors: MEMORY. */
diffedit_status de_picture_crop(diffedit_picture **part, const diffedit_picture *picture,
                                de_rectangle at, diffedit_error *error);

/* ---- masks: bytes 0 or 1, [height, width] ---- */

enum {
    DE_MASK_WHITE = 128,  /* a mask's grey of 0..255 from which a pixel is to be changed */
    DE_MASK_OPAQUE = 128, /* a correction's alpha from which a pixel counts */
};

/* The greys of a mask. */
typedef struct de_mask_range {
    uint8_t darkest, brightest;
} de_mask_range;

/* A picture as a mask: 1 where its grey is at least 50 %. Where its alpha varies, clear parts count
 * as the opposite of what the others mostly are (docs/MASKS.md). Errors: ARGUMENT (another size),
 * PICTURE, MEMORY. */
diffedit_status de_mask_from_picture(const diffedit_picture *picture, int width, int height,
                                     uint8_t *mask, de_mask_range *range, diffedit_error *error);
/* What somebody painted over a mask: DE_CORRECTION_... for each pixel. */
enum { DE_CORRECTION_LEAVES, DE_CORRECTION_ADDS, DE_CORRECTION_REMOVES };
/* correction [height, width] of a picture: what is opaque (alpha of at least 50 %) adds where its
 * grey is at least 50 %, and removes elsewhere. Errors: ARGUMENT (another size, no alpha), PICTURE,
 * MEMORY. */
diffedit_status de_correction_from_picture(const diffedit_picture *picture, int width, int height,
                                           uint8_t *correction, diffedit_error *error);
/* mask[count] with what is added and without what is removed. */
void de_mask_correct(uint8_t *mask, const uint8_t *correction, int64_t count);
/* What is removed becomes 0. */
void de_mask_remove(uint8_t *mask, const uint8_t *correction, int64_t count);
/* Scales up to picture pixels: mask[y][x] = cells[floor(y h / height)][floor(x w / width)]. */
void de_mask_from_cells(const uint8_t *cells, int h, int w, int height, int width, uint8_t *mask);
/* A cell is 1 if any pixel it covers is. */
void de_mask_to_cells(const uint8_t *mask, int height, int width, int h, int w, uint8_t *cells);
/* What is 0 and has no way to the border, from a pixel to one of its four neighbours, becomes 1.
 * Errors: MEMORY. */
diffedit_status de_mask_fill(uint8_t *mask, int height, int width, diffedit_error *error);
/* Parts of less than `area` pixels, each connected by four neighbours, become 0. Errors: MEMORY. */
diffedit_status de_mask_drop_specks(uint8_t *mask, int height, int width, int64_t area,
                                    diffedit_error *error);
/* Parts in which nothing of `other` lies become 0. Errors: MEMORY. */
diffedit_status de_mask_keep_parts(uint8_t *mask, const uint8_t *other, int height, int width,
                                   diffedit_error *error);
/* Grows (amount > 0) or shrinks (< 0) by a Euclidean distance in pixels, in place. Three loops of
 * work. Errors: MEMORY, of the step. */
diffedit_status de_mask_grow(uint8_t *mask, int height, int width, int amount, de_work *work,
                             diffedit_error *error);
/* alpha is 1 on the mask, 1 - smoothstep(d / feather) at a Euclidean distance d < feather outside
 * it, and 0 beyond (feather 0: a hard edge). A blur > 0 then softens it with what is nearly a
 * Gaussian (sigma = blur / 2; blur.h). Errors: MEMORY, of the step. */
diffedit_status de_mask_alpha(const uint8_t *mask, int height, int width, double feather,
                              double blur, float *alpha, de_work *work, diffedit_error *error);
/* How many loops of work that is. */
int de_mask_alpha_loops(double blur);
/* Farther from the mask than so many pixels it is 0. */
double de_mask_alpha_reach(double feather, double blur);
/* The smallest rectangle that holds all of a mask; zeros where it is empty. */
de_rectangle de_mask_bounds(const uint8_t *mask, int height, int width);
/* part [at.height, at.width] of a mask of this width */
void de_mask_crop(const uint8_t *mask, int width, de_rectangle at, uint8_t *part);

#endif
