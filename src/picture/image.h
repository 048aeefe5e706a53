/* A picture as libvips holds it; the one header of this folder that shows libvips. */
#ifndef DE_IMAGE_H
#define DE_IMAGE_H

#include "picture/picture.h"

#include <vips/vips.h>

struct diffedit_picture {
    VipsImage *image; /* in memory, upright, 8 or 16 bit, 1 to 4 bands, with its metadata */
    bool is_srgb;     /* no profile, or one equivalent to sRGB */
    char *record;     /* the JSON that diffedit wrote into this PNG, or NULL */
    char *warning;    /* about how the picture was read, or NULL */
};

/* Starts libvips, once. Errors: MEMORY. */
diffedit_status de_vips_start(diffedit_error *error);
/* Fails with "NAME: what: " and libvips's own message, and clears that. */
diffedit_status de_vips_fail(diffedit_error *error, diffedit_status code, const char *name,
                             const char *what);

/* A picture that owns the reference to `image`, which is released on failure too. Errors: MEMORY.
 */
diffedit_status de_picture_wrap(diffedit_picture **picture, VipsImage *image,
                                diffedit_error *error);
/* A vips image over memory that must outlive it; format VIPS_FORMAT_UCHAR or USHORT. NULL on
 * failure. */
VipsImage *de_image_over(const void *pixels, int width, int height, int bands,
                         VipsBandFormat format);
/* Makes an image in memory one of unsigned integers of 8 or 16 bit, in grey or RGB: floating point
 * from 0 to 1, Lab and CMYK are converted, and *remark says so; other values are refused with the
 * range found. Errors: PICTURE. */
diffedit_status de_image_to_integers(VipsImage **image, const char *name, const char **remark,
                                     diffedit_error *error);
/* Makes a Lab image in memory 16-bit sRGB; -1 on failure. */
int de_image_from_lab(VipsImage **image);
/* Copies the profile, EXIF, XMP, IPTC, resolution and what metadata.h notes. */
void de_image_copy_metadata(VipsImage *to, const VipsImage *from);

static inline int de_image_bits(const VipsImage *image)
{
    return image->BandFmt == VIPS_FORMAT_USHORT ? 16 : 8;
}

/* Bands without alpha, which is the last of 2 or 4. */
static inline int de_image_colours(const VipsImage *image)
{
    return image->Bands > 2 ? 3 : 1;
}

#endif
