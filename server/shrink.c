#include "shrink.h"

#include <stdbool.h>
#include <stdint.h>

/* Takes `small`. The colours are converted here: vips_thumbnail() converts those of pictures
 * without a profile too. */
static VipsImage *show(VipsImage *small)
{
    VipsImage *shown = NULL;
    bool profiled = vips_image_get_typeof(small, VIPS_META_ICC_NAME) != 0;
    bool failed = profiled ? vips_icc_transform(small, &shown, "srgb", "embedded", TRUE, "intent",
                                                VIPS_INTENT_RELATIVE, "depth", 8, NULL) != 0
                           : vips_colourspace(small, &shown, VIPS_INTERPRETATION_sRGB, NULL) != 0;
    g_object_unref(small);
    return failed ? NULL : shown;
}

VipsImage *shrink_file(const char *path, int side)
{
    VipsImage *small = NULL;
    if (vips_thumbnail(path, &small, side, "height", side, "size", VIPS_SIZE_DOWN, NULL) != 0)
        return NULL;
    return show(small);
}

VipsImage *shrink_bytes(const void *bytes, size_t size, int side)
{
    VipsImage *small = NULL;
    if (vips_thumbnail_buffer((void *)(uintptr_t)bytes, size, &small, side, "height", side, "size",
                              VIPS_SIZE_DOWN, NULL) != 0)
        return NULL;
    return show(small);
}
