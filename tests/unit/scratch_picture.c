#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>

#include <diffedit/diffedit.h>

const char *scratch_picture(const char *name, int width, int height, const char *record)
{
    size_t stride = 3 * (size_t)width;
    unsigned char *pixels = malloc(stride * (size_t)height);
    diffedit_picture *picture;
    diffedit_error error;
    diffedit_save_options how = {.struct_size = sizeof how, .record = record};
    if (!pixels)
        abort();
    for (size_t i = 0; i < stride * (size_t)height; i++)
        pixels[i] = (unsigned char)(i % stride + i / stride);
    if (diffedit_picture_new(&picture, width, height, 3, 8, pixels, stride, &error) !=
            DIFFEDIT_OK ||
        diffedit_picture_save(picture, scratch_path(name), &how, &error) != DIFFEDIT_OK) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    diffedit_picture_free(picture);
    free(pixels);
    return scratch_path(name);
}
