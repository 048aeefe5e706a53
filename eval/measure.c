#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static metrics_picture view(const diffedit_picture *picture)
{
    return (metrics_picture){diffedit_picture_pixels(picture), diffedit_picture_width(picture),
                             diffedit_picture_height(picture), diffedit_picture_channels(picture),
                             diffedit_picture_bits(picture)};
}

static diffedit_status check_sizes(const metrics_picture *picture, const metrics_picture *result,
                                   diffedit_error *error)
{
    if (picture->width == result->width && picture->height == result->height)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_PICTURE,
                   "the result is %dx%d pixels, but the picture is %dx%d", result->width,
                   result->height, picture->width, picture->height);
}

/* Sets the bits of a mask's two sides, and takes what is near it from the outside of both. */
static diffedit_status mark(uint8_t *regions, uint8_t *near, const uint8_t *mask, int inside,
                            int outside, const metrics_picture *picture, int edge,
                            diffedit_error *error)
{
    int64_t count = (int64_t)picture->width * picture->height;
    diffedit_status status = metrics_grow(near, mask, picture->width, picture->height, edge, error);
    for (int64_t i = 0; i < count && status == DIFFEDIT_OK; i++) {
        if (mask[i])
            regions[i] |= (uint8_t)(1 << inside);
        if (near[i])
            regions[i] &= (uint8_t) ~(1 << COLUMN_BOTH_OUTSIDE);
        else
            regions[i] |= (uint8_t)(1 << outside);
    }
    return status;
}

static diffedit_status mark_all(uint8_t *regions, const measure_input *input,
                                const metrics_picture *picture, diffedit_error *error)
{
    size_t count = (size_t)picture->width * (size_t)picture->height;
    bool both = input->found && input->truth;
    memset(regions, 1 << COLUMN_WHOLE | (both ? 1 << COLUMN_BOTH_OUTSIDE : 0), count);
    uint8_t *near = malloc(count);
    if (!near)
        return de_fail_memory(error, count, "a mask");
    diffedit_status status = DIFFEDIT_OK;
    if (input->found)
        status = mark(regions, near, input->found, COLUMN_FOUND_INSIDE, COLUMN_FOUND_OUTSIDE,
                      picture, input->edge, error);
    if (input->truth && status == DIFFEDIT_OK)
        status = mark(regions, near, input->truth, COLUMN_TRUE_INSIDE, COLUMN_TRUE_OUTSIDE, picture,
                      input->edge, error);
    free(near);
    return status;
}

static void fill(double values[COLUMNS], const metrics_sums *sums, const measure_input *input,
                 int64_t count)
{
    for (int i = COLUMN_METRICS; i < COLUMNS; i++)
        values[i] = column_table[i].of(&sums[column_table[i].part]);
    values[COLUMN_FOUND_SHARE] = input->found ? metrics_share(input->found, count) : NAN;
    values[COLUMN_TRUE_SHARE] = input->truth ? metrics_share(input->truth, count) : NAN;
    values[COLUMN_OVERLAP] = input->found && input->truth
                                 ? metrics_overlap(input->found, input->truth, count)
                                 : NAN;
}

diffedit_status measure(double values[COLUMNS], const measure_input *input, diffedit_error *error)
{
    metrics_sums sums[METRICS_REGIONS];
    metrics_picture picture = view(input->picture), result = view(input->result);
    size_t count = (size_t)picture.width * (size_t)picture.height;
    diffedit_status status = check_sizes(&picture, &result, error);
    if (status != DIFFEDIT_OK)
        return status;
    uint8_t *regions = malloc(count);
    if (!regions)
        return de_fail_memory(error, count, "the parts of a picture");
    status = mark_all(regions, input, &picture, error);
    if (status == DIFFEDIT_OK)
        status = metrics_compare(sums, &picture, &result, regions, error);
    if (status == DIFFEDIT_OK)
        fill(values, sums, input, (int64_t)count);
    free(regions);
    return status;
}
