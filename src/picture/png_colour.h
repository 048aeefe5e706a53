/* Colour spaces that a PNG describes by chunks other than an ICC profile. */
#ifndef DE_PNG_COLOUR_H
#define DE_PNG_COLOUR_H

#include "picture/png_chunks.h"

/* What the chunks of a PNG say, by their order of precedence: cICP, iCCP, sRGB, gAMA with cHRM. */
typedef struct de_png_colour {
    bool has_cicp, has_icc, has_srgb, has_gamma, has_chromaticities;
    uint8_t cicp[4];             /* primaries, transfer, matrix, full range */
    double gamma;                /* the exponent of decoding */
    double chromaticities[4][2]; /* x and y of white, red, green, blue */
} de_png_colour;

/* Notes a chunk if it is about colour; true if it is. */
bool de_png_note_colour(de_png_colour *colour, const de_png_chunk *chunk);
/* An ICC profile for grey or RGB (bands 1 or 3), which the caller frees; NULL where none is needed:
 * sRGB, a profile of the file's own, or what no profile can say. Then *remark, if not NULL, is a
 * sentence about it (static). */
void *de_png_colour_profile(const de_png_colour *colour, int bands, size_t *size,
                            const char **remark);

#endif
