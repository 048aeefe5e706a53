/* A picture as libvips holds it; the one header of this folder that shows libvips. */
#ifndef DE_IMAGE_H
#define DE_IMAGE_H

#include "picture/picture.h"

#include <vips/vips.h>

struct diffedit_picture {
    VipsImage *image; /* in memory, upright, 8 or 16 bit, 1 to 4 bands, with its metadata */
    bool is_srgb;     /* no profile, or one that means the same */
    char *record;     /* what diffedit wrote into this PNG, or NULL */
    char *warning;    /* or NULL */
};

/* Starts libvips, once. Errors: MEMORY. */
diffedit_status de_vips_start(diffedit_error *error);
/* Fails with libvips's own words after "NAME: what: ", and forgets them. */
diffedit_status de_vips_fail(diffedit_error *error, diffedit_status code, const char *name,
                             const char *what);

/* Takes the reference to `image`. Errors: MEMORY. */
diffedit_status de_picture_wrap(diffedit_picture **picture, VipsImage *image,
                                diffedit_error *error);
/* A vips image over memory that outlives it; format VIPS_FORMAT_UCHAR or USHORT. NULL on failure.
 */
VipsImage *de_image_over(const void *pixels, int width, int height, int bands,
                         VipsBandFormat format);
/* `from`'s profile, EXIF, XMP, IPTC and resolution laid onto `to`. */
void de_image_copy_metadata(VipsImage *to, const VipsImage *from);

static inline int de_image_bits(const VipsImage *image)
{
    return image->BandFmt == VIPS_FORMAT_USHORT ? 16 : 8;
}

/* 2 and 4 bands end in alpha. */
static inline int de_image_colours(const VipsImage *image)
{
    return image->Bands > 2 ? 3 : 1;
}

#endif
