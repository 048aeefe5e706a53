/* The decode has room around the mask, for a new thing of another shape; the composite takes of it
 * what the decode changed, and what the mask has of the old thing. */
#include "edit/stage.h"
#include "picture/guided.h"
#include "picture/interpolate.h"

#include <math.h>
#include <stdlib.h>

enum {
    CHANNELS = 6, /* of both pictures, the guide */
    FINENESS = 2, /* pixels of a cell, where the filter's coefficients are made */
};
/* A difference counts as 1 from half of what 95 % of those in the room do not exceed, so that dark
 * things count too; but from no more or less than these, of 255. */
static const double SHARE = 0.95, PART = 0.5, FULL_LEAST = 0.05 * 255, FULL_MOST = 0.25 * 255;
static const double LEAST = 0.55;               /* of the filtered difference, that is kept */
static const double WINDOW = 4, EPSILON = 1e-4; /* of the filter; cells to each side */
static const double SPECK = 0.25;               /* cells: what is opened away */

static double cell_size(const de_region *region)
{
    return ((double)region->width / region->w + (double)region->height / region->h) / 2;
}

/* What differs in the largest channel. */
static int difference(const uint8_t *a, const uint8_t *b)
{
    int most = 0;
    for (int k = 0; k < 3; k++)
        most = abs(a[k] - b[k]) > most ? abs(a[k] - b[k]) : most;
    return most;
}

/* The difference that counts as 1. */
static double full_difference(const de_region *region, de_cells working, const uint8_t *decoded,
                              const uint8_t *reconstructed)
{
    int64_t counts[256] = {0}, count = 0, below = 0;
    for (int64_t y = 0; y < working.h; y++)
        for (int64_t x = 0; x < working.w; x++) {
            int64_t at = (y * working.w + x) * 3;
            if (!region->cells[y * region->h / working.h * region->w + x * region->w / working.w])
                continue;
            counts[difference(decoded + at, reconstructed + at)]++;
            count++;
        }
    int usual = 0;
    for (; usual < 255; usual++) {
        below += counts[usual];
        if ((double)below >= SHARE * (double)count)
            break;
    }
    return fmin(fmax(PART * usual, FULL_LEAST), FULL_MOST);
}

/* differences [h, w]: means of those of pixels, 0..1; guide [height, width, CHANNELS] */
static void compare(const de_guided_params *p, double full, const uint8_t *decoded,
                    const uint8_t *reconstructed, uint8_t *guide, float *differences)
{
    for (int64_t i = 0; i < (int64_t)p->height * p->width; i++)
        for (int k = 0; k < CHANNELS; k++)
            guide[i * CHANNELS + k] = k < 3 ? decoded[i * 3 + k] : reconstructed[i * 3 + k - 3];
    for (int64_t i = 0; i < p->h; i++)
        for (int64_t j = 0; j < p->w; j++) {
            int64_t top = i * p->height / p->h, bottom = (i + 1) * p->height / p->h,
                    left = j * p->width / p->w, right = (j + 1) * p->width / p->w;
            double sum = 0;
            for (int64_t y = top; y < bottom; y++)
                for (int64_t x = left; x < right; x++) {
                    const uint8_t *pixel = guide + (y * p->width + x) * CHANNELS;
                    sum += fmin(difference(pixel, pixel + 3) / full, 1);
                }
            differences[i * p->w + j] = (float)(sum / (double)((bottom - top) * (right - left)));
        }
}

/* changes [height, width] of the picture, 0..1 */
static diffedit_status find_changes(float *changes, const de_region *region,
                                    const de_cut_params *params, const uint8_t *decoded,
                                    const uint8_t *reconstructed, de_work *work,
                                    diffedit_error *error)
{
    const de_cells working = params->working;
    int h = FINENESS * region->h < working.h ? FINENESS * region->h : working.h,
        w = FINENESS * region->w < working.w ? FINENESS * region->w : working.w;
    const de_guided_params filter = {.height = working.h,
                                     .width = working.w,
                                     .channels = CHANNELS,
                                     .h = h,
                                     .w = w,
                                     .radius = (int)rint(WINDOW * h / region->h),
                                     .epsilon = EPSILON};
    int64_t area = (int64_t)working.h * working.w;
    uint8_t *guide = NULL;
    float *differences = NULL, *filtered = NULL;
    diffedit_status status = de_allocate_bytes(&guide, area * CHANNELS, "the pictures", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&differences, (int64_t)h * w, "what changed", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&filtered, area, "what changed", error);
    if (status == DIFFEDIT_OK) {
        double full = full_difference(region, working, decoded, reconstructed);
        compare(&filter, full, decoded, reconstructed, guide, differences);
        status = de_guided_filter(filtered, &filter, guide, differences, work, error);
    }
    if (status == DIFFEDIT_OK)
        status = de_scale_linear(changes, region->height, region->width, filtered, working.h,
                                 working.w, work, error);
    free(guide);
    free(differences);
    free(filtered);
    return status;
}

static diffedit_status open_and_fill(de_region *region, int speck, bool fill, de_work *work,
                                     diffedit_error *error)
{
    int height = region->height, width = region->width;
    diffedit_status status = DIFFEDIT_OK;
    if (speck)
        status = de_mask_grow(region->mask, height, width, -speck, work, error);
    if (speck && status == DIFFEDIT_OK)
        status = de_mask_grow(region->mask, height, width, speck, work, error);
    if (fill && status == DIFFEDIT_OK)
        status = de_mask_fill(region->mask, height, width, error);
    return status;
}

diffedit_status de_cut_run(de_region *region, const de_cut_params *params,
                           const de_cut_inputs *inputs, de_stage_context *context,
                           diffedit_error *error)
{
    int64_t area = (int64_t)region->width * region->height;
    int speck = (int)rint(SPECK * cell_size(region));
    enum { FILTER_LOOPS = 3, GROW_LOOPS = 3 };
    de_stage_listener listener = {context, DIFFEDIT_STAGE_COMPOSITE};
    de_work work = de_stage_work(&listener, FILTER_LOOPS + (speck ? 2 * GROW_LOOPS : 0));
    float *changes = NULL;
    diffedit_status status = de_allocate_floats(&changes, area, "what changed", error);
    if (status == DIFFEDIT_OK)
        status = find_changes(changes, region, params, inputs->decoded, inputs->reconstructed,
                              &work, error);
    for (int64_t i = 0; i < area && status == DIFFEDIT_OK; i++)
        region->mask[i] |= changes[i] >= (float)LEAST;
    free(changes);
    if (status == DIFFEDIT_OK)
        status = open_and_fill(region, speck, params->fill, &work, error);
    if (status == DIFFEDIT_OK && inputs->correction) /* specks that somebody added stay */
        de_mask_correct(region->mask, inputs->correction, area);
    region->changed = 0;
    for (int64_t i = 0; i < area; i++)
        region->changed += region->mask[i] &= region->room[i];
    return status;
}
