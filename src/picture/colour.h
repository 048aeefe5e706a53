#ifndef DE_COLOUR_H
#define DE_COLOUR_H

#include "picture/image.h"

/* Converts edited [height, width, 3], 8-bit sRGB, to the picture's size, depth and profile:
 * colours [picture height, picture width, 1 or 3], without alpha. Errors: PICTURE. */
diffedit_status de_picture_colours_of_edit(const diffedit_picture *picture, const uint8_t *edited,
                                           int width, int height, uint16_t *colours,
                                           diffedit_error *error);

/* grey [height, width]: the luma of the picture's own colours in 8-bit sRGB, whatever covers them,
 * rounded; alpha [height, width]: 255 where it has none. Errors: PICTURE. */
diffedit_status de_picture_grey_and_alpha(const diffedit_picture *picture, uint8_t *grey,
                                          uint8_t *alpha, diffedit_error *error);

#endif
