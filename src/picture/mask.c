/* Masks: bytes 0 or 1, [height, width]. */
#include "picture/blur.h"
#include "picture/colour.h"
#include "picture/distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 16 }; /* that a thread takes at a time */

/* Lays the mask's grey over what is to be seen through it. Where alpha varies, what is clear counts
 * as the opposite of what the rest mostly is: paint on an empty layer is told from a hole. An alpha
 * that is the same everywhere says nothing. */
static void see_through(uint8_t *grey, const uint8_t *alpha, size_t count)
{
    int64_t white = 0, black = 0;
    bool varies = false;
    for (size_t i = 0; i < count; i++) {
        varies |= alpha[i] != alpha[0];
        if (grey[i] >= DE_MASK_WHITE)
            white += alpha[i];
        else
            black += alpha[i];
    }
    int behind = white >= black ? 0 : 255;
    for (size_t i = 0; i < count && varies; i++)
        grey[i] = (uint8_t)((grey[i] * alpha[i] + behind * (255 - alpha[i]) + 127) / 255);
}

/* grey [height, width], and *alpha likewise, to be freed, of what the message calls `what`, which
 * must have this size. */
static diffedit_status read_layer(uint8_t *grey, uint8_t **alpha, const diffedit_picture *picture,
                                  int width, int height, const char *what, diffedit_error *error)
{
    int found_width = diffedit_picture_width(picture),
        found_height = diffedit_picture_height(picture);
    if (found_width != width || found_height != height)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "the %s is %dx%d pixels, but the picture is %dx%d", what, found_width,
                       found_height, width, height);
    size_t count = (size_t)width * (size_t)height;
    *alpha = malloc(count);
    if (!*alpha)
        return de_fail_memory(error, count, "the mask");
    return de_picture_grey_and_alpha(picture, grey, *alpha, error);
}

diffedit_status de_mask_from_picture(const diffedit_picture *picture, int width, int height,
                                     uint8_t *mask, de_mask_range *range, diffedit_error *error)
{
    size_t count = (size_t)width * (size_t)height;
    uint8_t *alpha = NULL;
    diffedit_status status = read_layer(mask, &alpha, picture, width, height, "mask", error);
    if (status == DIFFEDIT_OK)
        see_through(mask, alpha, count);
    *range = (de_mask_range){.darkest = 255};
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++) {
        range->darkest = mask[i] < range->darkest ? mask[i] : range->darkest;
        range->brightest = mask[i] > range->brightest ? mask[i] : range->brightest;
        mask[i] = mask[i] >= DE_MASK_WHITE;
    }
    free(alpha);
    return status;
}

diffedit_status diffedit_picture_to_mask(uint8_t *mask, const diffedit_picture *picture,
                                         diffedit_error *error)
{
    return de_mask_from_picture(picture, diffedit_picture_width(picture),
                                diffedit_picture_height(picture), mask, &(de_mask_range){0}, error);
}

diffedit_status de_correction_from_picture(const diffedit_picture *picture, int width, int height,
                                           uint8_t *correction, diffedit_error *error)
{
    int channels = diffedit_picture_channels(picture);
    if (channels != 2 && channels != 4)
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "the correction has no alpha, and so would take the place of the whole mask; "
            "where it is to leave what was found, it must be transparent");
    size_t count = (size_t)width * (size_t)height;
    uint8_t *alpha = NULL;
    diffedit_status status = read_layer(correction, &alpha, picture, width, height, "correction",
                                        error);
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++)
        correction[i] = alpha[i] < DE_MASK_OPAQUE        ? DE_CORRECTION_LEAVES
                        : correction[i] >= DE_MASK_WHITE ? DE_CORRECTION_ADDS
                                                         : DE_CORRECTION_REMOVES;
    free(alpha);
    return status;
}

void de_mask_correct(uint8_t *mask, const uint8_t *correction, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (correction[i] != DE_CORRECTION_LEAVES)
            mask[i] = correction[i] == DE_CORRECTION_ADDS;
}

void de_mask_remove(uint8_t *mask, const uint8_t *correction, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        mask[i] &= correction[i] != DE_CORRECTION_REMOVES;
}

void de_mask_from_cells(const uint8_t *cells, int h, int w, int height, int width, uint8_t *mask)
{
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *row = cells + y * h / height * w;
        if (y > 0 && y * h / height == (y - 1) * h / height) {
            memcpy(mask + y * width, mask + (y - 1) * width, (size_t)width);
            continue;
        }
        for (int64_t x = 0; x < width; x++)
            mask[y * width + x] = row[x * w / width];
    }
}

de_rectangle de_mask_bounds(const uint8_t *mask, int height, int width)
{
    int left = width, right = 0, top = height, bottom = 0;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = mask + (int64_t)y * width;
        const uint8_t *first = memchr(row, 1, (size_t)width);
        if (!first)
            continue;
        int last = width - 1;
        while (!row[last])
            last--;
        left = first - row < left ? (int)(first - row) : left;
        right = last + 1 > right ? last + 1 : right;
        top = y < top ? y : top;
        bottom = y + 1;
    }
    return bottom ? (de_rectangle){left, top, right - left, bottom - top} : (de_rectangle){0};
}

void de_mask_crop(const uint8_t *mask, int width, de_rectangle at, uint8_t *part)
{
    for (int64_t y = 0; y < at.height; y++)
        memcpy(part + y * at.width, mask + (at.y + y) * width + at.x, (size_t)at.width);
}

/* The pixels of cell i of n among `size`, as de_mask_from_cells() has them; where cells are smaller
 * than pixels, the one pixel that it lies in. */
static void cell_range(int64_t i, int64_t n, int64_t size, int64_t *begin, int64_t *end)
{
    *begin = de_divide_up(i * size, n);
    *end = de_divide_up((i + 1) * size, n);
    if (*begin == *end) {
        *begin = i * size / n;
        *end = *begin + 1;
    }
}

void de_mask_to_cells(const uint8_t *mask, int height, int width, int h, int w, uint8_t *cells)
{
    for (int64_t i = 0; i < h; i++)
        for (int64_t j = 0; j < w; j++) {
            int64_t top, bottom, left, right;
            cell_range(i, h, height, &top, &bottom);
            cell_range(j, w, width, &left, &right);
            uint8_t changed = 0;
            for (int64_t y = top; y < bottom; y++)
                for (int64_t x = left; x < right; x++)
                    changed |= mask[y * width + x];
            cells[i * w + j] = changed;
        }
}

/* A loop over the pixels of a mask. */
typedef struct pixels {
    uint8_t *grown;      /* of de_mask_grow() */
    const uint8_t *mask; /* of de_mask_alpha() */
    float *values;       /* squared distances */
    int64_t width;
    double reach;
    uint8_t spreading;
} pixels;

static void grow_rows(void *user, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const pixels *p = user;
    float limit = (float)p->reach * (float)p->reach;
    for (int64_t i = begin * p->width; i < end * p->width; i++)
        if (p->values[i] <= limit)
            p->grown[i] = p->spreading;
}

diffedit_status de_mask_grow(uint8_t *mask, int height, int width, int amount, de_work *work,
                             diffedit_error *error)
{
    size_t count = (size_t)height * (size_t)width;
    pixels p = {.grown = mask,
                .width = width,
                .reach = abs(amount),
                .spreading = amount > 0, /* to shrink is to grow the outside */
                .values = malloc(count * sizeof(float))};
    if (!p.values)
        return de_fail_memory(error, count * sizeof(float), "the mask");
    diffedit_status status = de_squared_distance(mask, p.spreading, height, width, p.reach,
                                                 p.values, work, error);
    if (status == DIFFEDIT_OK)
        status = de_work_run(work, height, ROWS, grow_rows, &p, error);
    free(p.values);
    return status;
}

static float smoothstep(float t)
{
    return t * t * (3 - 2 * t);
}

/* Squared distances -> alpha, in place. */
static void feather_rows(void *user, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const pixels *p = user;
    float beyond = (float)(p->reach * p->reach) * 1.001f; /* needs no root */
    for (int64_t i = begin * p->width; i < end * p->width; i++) {
        double distance = p->values[i] > beyond ? INFINITY : sqrt(p->values[i]);
        p->values[i] = p->mask[i]            ? 1
                       : distance < p->reach ? 1 - smoothstep((float)(distance / p->reach))
                                             : 0;
    }
}

int de_mask_alpha_loops(double blur)
{
    return blur > 0 ? 5 : 3;
}

double de_mask_alpha_reach(double feather, double blur)
{
    return feather + (blur > 0 ? de_blur_reach(blur / 2) : 0);
}

diffedit_status de_mask_alpha(const uint8_t *mask, int height, int width, double feather,
                              double blur, float *alpha, de_work *work, diffedit_error *error)
{
    pixels p = {.mask = mask, .values = alpha, .width = width, .reach = feather};
    diffedit_status status = de_squared_distance(mask, 1, height, width, feather, alpha, work,
                                                 error);
    if (status == DIFFEDIT_OK)
        status = de_work_run(work, height, ROWS, feather_rows, &p, error);
    if (status == DIFFEDIT_OK && blur > 0)
        status = de_blur(alpha, height, width, blur / 2, work, error);
    return status;
}
