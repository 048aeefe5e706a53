#ifndef DE_COLOUR_H
#define DE_COLOUR_H

#include "picture/image.h"

/* An edit of 8-bit sRGB at its part's size, and the picture's depth and profile, made row by row.
 */
typedef struct de_edit_colours {
    const VipsImage *picture;
    VipsImage *image; /* computes its pixels when they are asked for */
    bool widen;       /* 8 bit to the picture's 16 */
} de_edit_colours;

/* The edited pixels must outlive it. Errors: PICTURE. */
diffedit_status de_edit_colours_open(de_edit_colours *colours, const diffedit_picture *picture,
                                     const de_edited *edited, int threads, diffedit_error *error);
void de_edit_colours_close(de_edit_colours *colours);
/* *pixels: rows [begin, end) of the part as libvips has them, for g_free(). Errors: PICTURE. */
diffedit_status de_edit_colours_rows(void **pixels, const de_edit_colours *colours, int begin,
                                     int end, diffedit_error *error);
/* The colours of pixel i of such rows, without alpha, at the picture's depth: RGB, or the luma
 * (ITU-R BT.709) where the picture is grey. */
void de_edit_colours_at(const de_edit_colours *colours, const void *pixels, size_t i,
                        uint16_t at[3]);

/* grey [height, width]: the luma of the picture's own colours in 8-bit sRGB, whatever covers them,
 * rounded; alpha [height, width]: 255 where it has none. Errors: PICTURE. */
diffedit_status de_picture_grey_and_alpha(const diffedit_picture *picture, uint8_t *grey,
                                          uint8_t *alpha, diffedit_error *error);

#endif
