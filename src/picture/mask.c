/* Masks: bytes 0 or 1, [height, width]. */
#include "picture/colour.h"
#include "picture/distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

diffedit_status de_mask_from_picture(const diffedit_picture *picture, int width, int height,
                                     uint8_t *mask, de_mask_range *range, diffedit_error *error)
{
    int found_width = diffedit_picture_width(picture),
        found_height = diffedit_picture_height(picture);
    if (found_width != width || found_height != height)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "the mask is %dx%d pixels, but the picture is %dx%d", found_width,
                       found_height, width, height);
    size_t count = (size_t)width * (size_t)height;
    uint8_t *alpha = malloc(count);
    if (!alpha)
        return de_fail_memory(error, count, "the mask");
    diffedit_status status = de_picture_grey_and_alpha(picture, mask, alpha, error);
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

void de_mask_from_cells(const uint8_t *cells, int h, int w, int height, int width, uint8_t *mask)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            mask[y * width + x] = cells[y * h / height * w + x * w / width];
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

diffedit_status de_mask_grow(uint8_t *mask, int height, int width, int pixels,
                             diffedit_error *error)
{
    size_t count = (size_t)height * (size_t)width;
    uint8_t spreading = pixels > 0; /* to shrink is to grow the outside */
    float *squared = malloc(count * sizeof *squared), reach = (float)pixels * (float)pixels;
    if (!squared)
        return de_fail_memory(error, count * sizeof *squared, "the mask");
    diffedit_status status = de_squared_distance(mask, spreading, height, width, squared, error);
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++)
        if (squared[i] <= reach)
            mask[i] = spreading;
    free(squared);
    return status;
}

static float smoothstep(float t)
{
    return t * t * (3 - 2 * t);
}

/* One pass of a Gaussian along lines of `n` values `step` apart, edges replicated. */
static void blur_line(const float *x, int n, size_t step, const float *weights, int radius,
                      float *y)
{
    for (int i = 0; i < n; i++) {
        float sum = 0;
        for (int k = -radius; k <= radius; k++) {
            int at = i + k < 0 ? 0 : i + k >= n ? n - 1 : i + k;
            sum += weights[abs(k)] * x[(size_t)at * step];
        }
        y[(size_t)i * step] = fminf(sum, 1);
    }
}

static diffedit_status blur(float *alpha, int height, int width, double sigma,
                            diffedit_error *error)
{
    size_t count = (size_t)height * (size_t)width;
    int radius = (int)ceil(3 * sigma);
    float *passed = malloc(count * sizeof *passed),
          *weights = malloc(((size_t)radius + 1) * sizeof *weights);
    double sum = 0;
    if (!passed || !weights) {
        free(passed);
        free(weights);
        return de_fail_memory(error, count * sizeof *passed, "the mask");
    }
    for (int k = 0; k <= radius; k++) {
        weights[k] = (float)exp(-0.5 * k * k / (sigma * sigma));
        sum += (k ? 2 : 1) * weights[k];
    }
    for (int k = 0; k <= radius; k++)
        weights[k] = (float)(weights[k] / sum);
    for (int y = 0; y < height; y++)
        blur_line(alpha + (size_t)y * (size_t)width, width, 1, weights, radius,
                  passed + (size_t)y * (size_t)width);
    for (int x = 0; x < width; x++)
        blur_line(passed + x, height, (size_t)width, weights, radius, alpha + x);
    free(passed);
    free(weights);
    return DIFFEDIT_OK;
}

diffedit_status de_mask_alpha(const uint8_t *mask, int height, int width, double feather,
                              double blur_pixels, float *alpha, diffedit_error *error)
{
    size_t count = (size_t)height * (size_t)width;
    diffedit_status status = de_squared_distance(mask, 1, height, width, alpha, error);
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++) {
        double distance = sqrt(alpha[i]);
        alpha[i] = mask[i]              ? 1
                   : distance < feather ? 1 - smoothstep((float)(distance / feather))
                                        : 0;
    }
    if (status == DIFFEDIT_OK && blur_pixels > 0)
        status = blur(alpha, height, width, blur_pixels / 2, error);
    return status;
}
