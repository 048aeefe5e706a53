#ifndef DE_COLOUR_H
#define DE_COLOUR_H

#include "picture/image.h"

/* Converts edited [height, width, 3], 8-bit sRGB, to the picture's size, depth and profile:
 * colours [picture height, picture width, 1 or 3], without alpha. Errors: PICTURE. */
diffedit_status de_picture_colours_of_edit(const diffedit_picture *picture, const uint8_t *edited,
                                           int width, int height, uint16_t *colours,
                                           diffedit_error *error);

#endif
