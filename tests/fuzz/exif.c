/* EXIF blocks, and Photoshop's resources: what is left of them shows no picture. */
#include "picture/exif.h"

#include "picture/jpeg_segments.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    uint32_t value;
    if (!copy)
        abort();
    if (size)
        memcpy(copy, bytes, size);
    de_exif_find(copy, size, DE_EXIF_ORIENTATION, &value);
    de_exif_set_size(copy, size, 640, 480);
    size_t left = de_exif_correct(copy, size);
    if (left > size)
        abort();
    for (size_t at = 16; at < left; at++)
        if (de_jpeg_is_jpeg(copy + at, left - at) && de_jpeg_look(copy + at, left - at).has_scan)
            abort();
    if (size)
        memcpy(copy, bytes, size);
    left = de_photoshop_correct(copy, size);
    if (left > size || de_photoshop_correct(copy, left) != left)
        abort();
    free(copy);
    return 0;
}
