/* Between a picture's own encoding and what the networks see: 8-bit sRGB, at any size. */
#include "picture/colour.h"

#include <stdlib.h>
#include <string.h>

/* ---- resizing ---- */

/* *image at exactly width x height, lanczos3. */
static int resize(VipsImage **image, int width, int height)
{
    VipsImage *resized, *cut;
    if ((*image)->Xsize == width && (*image)->Ysize == height)
        return 0;
    if (vips_resize(*image, &resized, (double)width / (*image)->Xsize, "vscale",
                    (double)height / (*image)->Ysize, "kernel", VIPS_KERNEL_LANCZOS3, NULL))
        return -1;
    /* rounding may have made it one pixel too large or too small */
    int failed = vips_gravity(resized, &cut, VIPS_COMPASS_DIRECTION_NORTH_WEST, width, height,
                              "extend", VIPS_EXTEND_COPY, NULL);
    g_object_unref(resized);
    if (failed)
        return -1;
    g_object_unref(*image);
    *image = cut;
    return 0;
}

/* ---- picture -> network ---- */

/* A value of 8 or 16 bit as 8 bit. */
static uint8_t byte_at(const VipsImage *image, const void *pixels, size_t index)
{
    if (image->BandFmt == VIPS_FORMAT_UCHAR)
        return ((const uint8_t *)pixels)[index];
    return (uint8_t)((((const uint16_t *)pixels)[index] + 128u) / 257u);
}

/* Pixel i of an image in memory: grey copied to all three colours. Returns its alpha. */
static int read_pixel(const VipsImage *image, const void *pixels, size_t i, int rgb[3])
{
    int colours = de_image_colours(image);
    size_t at = i * (size_t)image->Bands;
    for (int j = 0; j < 3; j++)
        rgb[j] = byte_at(image, pixels, at + (size_t)(colours == 3 ? j : 0));
    return image->Bands == colours ? 255 : byte_at(image, pixels, at + (size_t)colours);
}

/* rgb [pixels, 3] of an image in memory, alpha over white. */
static void flatten(const VipsImage *image, const void *pixels, uint8_t *rgb)
{
    size_t count = (size_t)image->Xsize * (size_t)image->Ysize;
    for (size_t i = 0; i < count; i++) {
        int colour[3], alpha = read_pixel(image, pixels, i, colour);
        for (size_t j = 0; j < 3; j++)
            rgb[3 * i + j] = (uint8_t)(255 - ((255 - colour[j]) * alpha + 127) / 255);
    }
}

/* The picture in sRGB, its own size, alpha kept. */
static int to_srgb(const diffedit_picture *picture, VipsImage **image)
{
    if (picture->is_srgb) {
        *image = g_object_ref(picture->image);
        return 0;
    }
    return vips_icc_transform(picture->image, image, "srgb", "embedded", TRUE, "intent",
                              VIPS_INTENT_RELATIVE, "depth", 8, NULL);
}

/* *flat: an 8-bit RGB image over *memory, for g_free(): a picture in sRGB without its alpha. */
static int make_flat(VipsImage *image, VipsImage **flat, void **memory)
{
    size_t size;
    void *pixels = vips_image_write_to_memory(image, &size);
    if (!pixels)
        return -1;
    *memory = pixels;
    if (image->BandFmt != VIPS_FORMAT_UCHAR || image->Bands != 3) {
        uint8_t *rgb = g_try_malloc((size_t)image->Xsize * (size_t)image->Ysize * 3);
        if (rgb)
            flatten(image, pixels, rgb);
        g_free(pixels);
        *memory = rgb;
        if (!rgb)
            return -1;
    }
    *flat = de_image_over(*memory, image->Xsize, image->Ysize, 3, VIPS_FORMAT_UCHAR);
    return *flat ? 0 : -1;
}

diffedit_status de_picture_network_input(const diffedit_picture *picture, int width, int height,
                                         uint8_t *rgb, diffedit_error *error)
{
    VipsImage *image = NULL, *flat = NULL;
    void *memory = NULL, *scaled = NULL;
    size_t size;
    diffedit_status status = DIFFEDIT_OK;
    if (to_srgb(picture, &image) || make_flat(image, &flat, &memory) ||
        resize(&flat, width, height) || !(scaled = vips_image_write_to_memory(flat, &size)))
        status = de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, "the picture",
                              "cannot be converted to sRGB");
    else
        memcpy(rgb, scaled, (size_t)width * (size_t)height * 3);
    if (flat)
        g_object_unref(flat);
    g_free(memory);
    g_free(scaled);
    if (image)
        g_object_unref(image);
    return status;
}

/* ---- picture -> mask ---- */

diffedit_status de_picture_grey_and_alpha(const diffedit_picture *picture, uint8_t *grey,
                                          uint8_t *alpha, diffedit_error *error)
{
    VipsImage *image = NULL;
    void *pixels = NULL;
    size_t size;
    diffedit_status status = DIFFEDIT_OK;
    if (to_srgb(picture, &image) || !(pixels = vips_image_write_to_memory(image, &size)))
        status = de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, "the mask",
                              "cannot be converted to sRGB");
    size_t count = status == DIFFEDIT_OK ? (size_t)image->Xsize * (size_t)image->Ysize : 0;
    for (size_t i = 0; i < count; i++) {
        int rgb[3];
        alpha[i] = (uint8_t)read_pixel(image, pixels, i, rgb);
        grey[i] = (uint8_t)(0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2] + 0.5);
    }
    g_free(pixels);
    if (image)
        g_object_unref(image);
    return status;
}

/* ---- network -> picture ---- */

/* *image from 8-bit sRGB into the picture's profile and depth, through Lab. */
static int to_profile(const diffedit_picture *picture, VipsImage **image)
{
    VipsImage *lab, *tagged, *out;
    if (vips_icc_import(*image, &lab, "input_profile", "srgb", "intent", VIPS_INTENT_RELATIVE,
                        "pcs", VIPS_PCS_LAB, NULL))
        return -1;
    int failed = vips_copy(lab, &tagged, NULL);
    g_object_unref(lab);
    if (failed)
        return -1;
    /* the embedded profile is the one to export to */
    de_image_copy_metadata(tagged, picture->image);
    failed = vips_icc_export(tagged, &out, "intent", VIPS_INTENT_RELATIVE, "depth",
                             de_image_bits(picture->image), "pcs", VIPS_PCS_LAB, NULL);
    g_object_unref(tagged);
    if (failed)
        return -1;
    g_object_unref(*image);
    *image = out;
    return 0;
}

static diffedit_status unconvertible(diffedit_error *error)
{
    return de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, "the result",
                        "cannot be converted to the picture's colour profile");
}

diffedit_status de_edit_colours_open(de_edit_colours *colours, const diffedit_picture *picture,
                                     const de_edited *edited, int threads, diffedit_error *error)
{
    VipsImage *image = de_image_over(edited->pixels, edited->width, edited->height, 3,
                                     VIPS_FORMAT_UCHAR);
    if (!image || resize(&image, edited->at.width, edited->at.height) ||
        (!picture->is_srgb && to_profile(picture, &image))) {
        if (image)
            g_object_unref(image);
        return unconvertible(error);
    }
    vips_image_set_int(image, VIPS_META_CONCURRENCY, threads);
    *colours = (de_edit_colours){.picture = picture->image,
                                 .image = image,
                                 .widen = de_image_bits(picture->image) == 16 &&
                                          image->BandFmt == VIPS_FORMAT_UCHAR};
    return DIFFEDIT_OK;
}

void de_edit_colours_close(de_edit_colours *colours)
{
    g_object_unref(colours->image);
}

diffedit_status de_edit_colours_rows(void **pixels, const de_edit_colours *colours, int begin,
                                     int end, diffedit_error *error)
{
    VipsImage *rows;
    size_t size;
    if (vips_extract_area(colours->image, &rows, 0, begin, colours->image->Xsize, end - begin,
                          NULL))
        return unconvertible(error);
    *pixels = vips_image_write_to_memory(rows, &size);
    g_object_unref(rows);
    return *pixels ? DIFFEDIT_OK : unconvertible(error);
}

void de_edit_colours_at(const de_edit_colours *colours, const void *pixels, size_t i,
                        uint16_t at[3])
{
    const VipsImage *image = colours->image;
    int values[3];
    for (int j = 0; j < 3; j++) {
        size_t index = i * (size_t)image->Bands + (size_t)(image->Bands >= 3 ? j : 0);
        values[j] = image->BandFmt == VIPS_FORMAT_UCHAR ? ((const uint8_t *)pixels)[index]
                                                        : ((const uint16_t *)pixels)[index];
        values[j] *= colours->widen ? 257 : 1;
        at[j] = (uint16_t)values[j];
    }
    if (de_image_colours(colours->picture) == 1)
        at[0] = (uint16_t)(0.2126 * values[0] + 0.7152 * values[1] + 0.0722 * values[2] + 0.5);
}
