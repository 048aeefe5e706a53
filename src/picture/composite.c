/* The edit inside the mask, the input's own values outside it. */
#include "picture/colour.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Blends the colours of one pixel; its alpha channel is left. */
static void blend_pixel(const VipsImage *image, void *pixels, size_t i, const uint16_t *colours,
                        float alpha)
{
    int count = de_image_colours(image);
    for (int j = 0; j < count; j++) {
        size_t at = i * (size_t)image->Bands + (size_t)j;
        float edit = colours[i * (size_t)count + (size_t)j];
        if (image->BandFmt == VIPS_FORMAT_UCHAR) {
            uint8_t *value = (uint8_t *)pixels + at;
            *value = (uint8_t)floorf(*value + alpha * (edit - *value) + 0.5f);
        } else {
            uint16_t *value = (uint16_t *)pixels + at;
            *value = (uint16_t)floorf(*value + alpha * (edit - *value) + 0.5f);
        }
    }
}

/* A picture of `pixels`, which it takes, with the input's metadata. */
static diffedit_status finish(diffedit_picture **result, const diffedit_picture *input,
                              void *pixels, diffedit_error *error)
{
    const VipsImage *like = input->image;
    VipsImage *image = de_image_over(pixels, like->Xsize, like->Ysize, like->Bands, like->BandFmt);
    if (!image) {
        free(pixels);
        return de_vips_fail(error, DIFFEDIT_ERROR_MEMORY, "the result", "cannot be made");
    }
    g_object_set_data_full(G_OBJECT(image), "diffedit-pixels", pixels, free);
    de_image_copy_metadata(image, like);
    diffedit_status status = de_picture_wrap(result, image, error);
    if (status == DIFFEDIT_OK)
        (*result)->is_srgb = input->is_srgb;
    return status;
}

/* alpha NULL: 1 everywhere */
static diffedit_status composite(diffedit_picture **result, const diffedit_picture *input,
                                 const uint8_t *edited, int edit_width, int edit_height,
                                 const float *alpha, diffedit_error *error)
{
    const VipsImage *image = input->image;
    size_t count = (size_t)image->Xsize * (size_t)image->Ysize,
           bytes = VIPS_IMAGE_SIZEOF_IMAGE(image);
    uint16_t *colours = malloc(count * (size_t)de_image_colours(image) * sizeof *colours);
    void *pixels = malloc(bytes);
    if (!colours || !pixels) {
        free(colours);
        free(pixels);
        return de_fail_memory(error, bytes, "the result");
    }
    diffedit_status status = de_picture_colours_of_edit(input, edited, edit_width, edit_height,
                                                        colours, error);
    if (status != DIFFEDIT_OK) {
        free(colours);
        free(pixels);
        return status;
    }
    memcpy(pixels, VIPS_IMAGE_ADDR(image, 0, 0), bytes);
    for (size_t i = 0; i < count; i++)
        if (!alpha || alpha[i] > 0)
            blend_pixel(image, pixels, i, colours, alpha ? alpha[i] : 1);
    free(colours);
    return finish(result, input, pixels, error);
}

diffedit_status de_picture_composite(diffedit_picture **result, const diffedit_picture *input,
                                     const uint8_t *edited, int edit_width, int edit_height,
                                     const float *alpha, diffedit_error *error)
{
    return composite(result, input, edited, edit_width, edit_height, alpha, error);
}

diffedit_status de_picture_replace(diffedit_picture **result, const diffedit_picture *input,
                                   const uint8_t *edited, int edit_width, int edit_height,
                                   diffedit_error *error)
{
    return composite(result, input, edited, edit_width, edit_height, NULL, error);
}
