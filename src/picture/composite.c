/* The edit inside the mask, the input's own values outside it. */
#include "picture/colour.h"

#include <stdlib.h>
#include <string.h>

typedef struct blending {
    const de_edit_colours *colours;
    de_rectangle at;    /* the part that is edited; rows are counted from its top */
    const void *edited; /* rows from `first` on */
    const float *alpha; /* of the part; NULL: 1 everywhere */
    void *pixels;       /* of the result */
    int64_t first;
} blending;

static float mix(float value, float edited, float alpha)
{
    return value + alpha * (edited - value) + 0.5f; /* not negative: conversion rounds it down */
}

/* Blends the colours of pixel i with what the edit has there; its alpha channel is left. */
static void blend_pixel(const VipsImage *image, void *pixels, size_t i, const uint16_t *colours,
                        float alpha)
{
    int count = de_image_colours(image);
    for (int j = 0; j < count; j++) {
        size_t at = i * (size_t)image->Bands + (size_t)j;
        if (image->BandFmt == VIPS_FORMAT_UCHAR) {
            uint8_t *value = (uint8_t *)pixels + at;
            *value = (uint8_t)mix(*value, colours[j], alpha);
        } else {
            uint16_t *value = (uint16_t *)pixels + at;
            *value = (uint16_t)mix(*value, colours[j], alpha);
        }
    }
}

static void blend_rows(void *user, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const blending *b = user;
    const VipsImage *image = b->colours->picture;
    const int64_t width = b->at.width, skipped = b->first * width;
    for (int64_t y = b->first + begin; y < b->first + end; y++) {
        const int64_t left = (b->at.y + y) * image->Xsize + b->at.x;
        for (int64_t x = 0; x < width; x++) {
            const int64_t i = y * width + x;
            uint16_t colours[3];
            if (b->alpha && !(b->alpha[i] > 0))
                continue;
            de_edit_colours_at(b->colours, b->edited, (size_t)(i - skipped), colours);
            blend_pixel(image, b->pixels, (size_t)(left + x), colours, b->alpha ? b->alpha[i] : 1);
        }
    }
}

/* Whether there is anything to be changed in row y. */
static bool is_touched(const float *alpha, int64_t y, int64_t width)
{
    for (int64_t x = 0; x < width; x++)
        if (alpha[y * width + x] > 0)
            return true;
    return false;
}

/* Blends all rows from the first that is touched to the last, band by band. */
static diffedit_status blend(blending *b, de_work *work, diffedit_error *error)
{
    enum { ROWS = 16 };
    int top = 0, bottom = b->at.height;
    while (b->alpha && top < bottom && !is_touched(b->alpha, top, b->at.width))
        top++;
    while (b->alpha && top < bottom && !is_touched(b->alpha, bottom - 1, b->at.width))
        bottom--;
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < DE_WORK_BANDS && status == DIFFEDIT_OK; i++) {
        int begin = top + (int)de_work_band(bottom - top, i),
            end = top + (int)de_work_band(bottom - top, i + 1);
        void *edited = NULL;
        if (begin < end)
            status = de_edit_colours_rows(&edited, b->colours, begin, end, error);
        if (status != DIFFEDIT_OK)
            break;
        b->edited = edited;
        b->first = begin;
        de_parallel_for(work->threads, end - begin, ROWS, blend_rows, b);
        g_free(edited);
        status = de_work_step(work, error);
    }
    return status;
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

diffedit_status de_picture_composite(diffedit_picture **result, const diffedit_picture *input,
                                     const de_edited *edited, const float *alpha, de_work *work,
                                     diffedit_error *error)
{
    const VipsImage *image = input->image;
    size_t bytes = VIPS_IMAGE_SIZEOF_IMAGE(image);
    de_edit_colours colours;
    diffedit_status status = de_edit_colours_open(&colours, input, edited, work->threads, error);
    if (status != DIFFEDIT_OK)
        return status;
    blending b = {.colours = &colours, .at = edited->at, .alpha = alpha, .pixels = malloc(bytes)};
    if (b.pixels) {
        memcpy(b.pixels, VIPS_IMAGE_ADDR(image, 0, 0), bytes);
        status = blend(&b, work, error);
    } else {
        status = de_fail_memory(error, bytes, "the result");
    }
    de_edit_colours_close(&colours);
    if (status == DIFFEDIT_OK)
        return finish(result, input, b.pixels, error);
    free(b.pixels);
    return status;
}
