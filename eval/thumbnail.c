#include "thumbnail.h"

#include "base64.h"
#include "shrink.h"

#include <stdbool.h>

enum { QUALITY = 80 };

/* Takes the image. */
static char *encode(VipsImage *image, bool lossless)
{
    void *bytes = NULL;
    size_t size = 0;
    char *address = NULL;
    if (image && vips_webpsave_buffer(image, &bytes, &size, "Q", QUALITY, "lossless", lossless,
                                      "strip", TRUE, NULL) == 0)
        address = base64_encode("data:image/webp;base64,", bytes, size);
    if (!address)
        vips_error_clear();
    g_free(bytes);
    if (image)
        g_object_unref(image);
    return address;
}

char *thumbnail_of_file(const void *bytes, size_t size)
{
    return encode(shrink_bytes(bytes, size, THUMBNAIL_SIDE), false);
}

/* 0 or 255, smaller. */
static VipsImage *shrink_mask(VipsImage *mask)
{
    VipsImage *levels = NULL, *small = NULL;
    if (vips_linear1(mask, &levels, 255, 0, "uchar", TRUE, NULL) != 0)
        return NULL;
    int failed = vips_thumbnail_image(levels, &small, THUMBNAIL_SIDE, "height", THUMBNAIL_SIDE,
                                      "size", VIPS_SIZE_DOWN, NULL);
    g_object_unref(levels);
    return failed ? NULL : small;
}

char *thumbnail_of_mask(const uint8_t *mask, int width, int height)
{
    size_t size = (size_t)width * (size_t)height;
    VipsImage *image = vips_image_new_from_memory(mask, size, width, height, 1, VIPS_FORMAT_UCHAR);
    if (!image)
        return encode(NULL, true);
    image->Type = VIPS_INTERPRETATION_B_W;
    VipsImage *small = shrink_mask(image);
    char *address = encode(small, true);
    g_object_unref(image);
    return address;
}
