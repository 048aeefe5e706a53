/* map -> mask: threshold, cells to picture pixels, growth; or the mask that somebody gave. What
 * somebody painted over it comes last. */
#include "edit/stage.h"

#include <stdlib.h>
#include <string.h>

void de_region_free(de_region *region)
{
    free(region->mask);
    free(region->room);
    free(region->cells);
    *region = (de_region){0};
}

const uint8_t *de_region_reach(const de_region *region)
{
    return region->room ? region->room : region->mask;
}

static uint64_t hash(uint64_t state, const uint8_t *bytes, int64_t count)
{
    for (int64_t i = 0; i < count; i++) /* FNV-1a */
        state = (state ^ bytes[i]) * UINT64_C(0x100000001b3);
    return state;
}

uint64_t de_region_cells_content(const de_region *region)
{
    uint64_t state = hash(UINT64_C(0xcbf29ce484222325), region->cells,
                          (int64_t)region->h * region->w);
    return state ? state : 1;
}

uint64_t de_region_content(const de_region *region)
{
    uint64_t state = hash(de_region_cells_content(region), de_region_reach(region),
                          (int64_t)region->width * region->height);
    return state ? state : 1;
}

uint64_t de_region_content_for(const de_region *region, const de_network_set *networks)
{
    return networks->inpaints ? de_region_content(region) : de_region_cells_content(region);
}

static void threshold(uint8_t *mask, const float *values, int64_t count, double limit)
{
    for (int64_t i = 0; i < count; i++)
        mask[i] = values[i] >= (float)limit;
}

/* The mask in pixels, along the picture's edges. */
static diffedit_status find_refined(de_region *region, const de_region_params *params,
                                    const float *refined, diffedit_error *error)
{
    int64_t area = (int64_t)region->width * region->height;
    threshold(region->mask, refined, area, params->threshold);
    diffedit_status status = de_mask_drop_specks(region->mask, region->height, region->width,
                                                 area / ((int64_t)region->h * region->w), error);
    if (status != DIFFEDIT_OK)
        return status;
    return params->fill ? de_mask_fill(region->mask, region->height, region->width, error) : status;
}

/* The mask that a map means, in cells and in pixels. */
static diffedit_status find(de_region *region, const de_region_params *params,
                            const de_cleaned *cleaned, diffedit_error *error)
{
    int h = region->h, w = region->w;
    diffedit_status status = DIFFEDIT_OK;
    region->from = cleaned;
    threshold(region->cells, cleaned->cells, (int64_t)h * w, params->threshold);
    if (params->fill)
        status = de_mask_fill(region->cells, h, w, error);
    if (status == DIFFEDIT_OK && cleaned->refined)
        return find_refined(region, params, cleaned->refined, error);
    de_mask_from_cells(region->cells, h, w, region->height, region->width, region->mask);
    return status;
}

static diffedit_status grow(de_region *region, int amount, const de_stage_context *context,
                            diffedit_error *error)
{
    enum { LOOPS = 3 };
    de_stage_listener listener = {context, DIFFEDIT_STAGE_MAP};
    de_work work = de_stage_work(&listener, LOOPS);
    return de_mask_grow(region->mask, region->height, region->width, amount, &work, error);
}

/* What the correction removes of `room` [height, width] goes, and so do cells of which nothing is
 * left. */
static diffedit_status remove_from_room(de_region *region, const uint8_t *correction,
                                        diffedit_error *error)
{
    int h = region->h, w = region->w;
    uint8_t *left = NULL;
    diffedit_status status = de_allocate_bytes(&left, (int64_t)h * w, "the mask", error);
    if (status != DIFFEDIT_OK)
        return status;
    de_mask_remove(region->room, correction, (int64_t)region->height * region->width);
    de_mask_to_cells(region->room, region->height, region->width, h, w, left);
    for (int64_t i = 0; i < (int64_t)h * w; i++)
        region->cells[i] &= left[i];
    free(left);
    return DIFFEDIT_OK;
}

/* The cells of the mask and those found in the map, but not the parts of these of which the
 * correction has left no mask. The room is overwritten. */
static diffedit_status gather_cells(de_region *region, const uint8_t *correction,
                                    diffedit_error *error)
{
    int h = region->h, w = region->w, height = region->height, width = region->width;
    uint8_t *masked = NULL;
    diffedit_status status = de_allocate_bytes(&masked, (int64_t)h * w, "the mask", error);
    if (status != DIFFEDIT_OK)
        return status;
    de_mask_to_cells(region->mask, height, width, h, w, masked);
    for (int64_t i = 0; i < (int64_t)h * w; i++)
        region->cells[i] |= masked[i];
    if (correction) {
        memset(region->room, 1, (size_t)height * (size_t)width);
        status = remove_from_room(region, correction, error);
        if (status == DIFFEDIT_OK)
            status = de_mask_keep_parts(region->cells, masked, h, w, error);
    }
    free(masked);
    return status;
}

/* The room: those cells and `more` cells around them, without pixels that were removed, nor what
 * these cut off from the mask. */
static diffedit_status make_room(de_region *region, int more, const uint8_t *correction,
                                 diffedit_error *error)
{
    int h = region->h, w = region->w, height = region->height, width = region->width;
    de_work work = {.threads = 1};
    diffedit_status status = de_allocate_bytes(&region->room, (int64_t)height * width, "the mask",
                                               error);
    if (status == DIFFEDIT_OK)
        status = gather_cells(region, correction, error);
    if (status == DIFFEDIT_OK)
        status = de_mask_grow(region->cells, h, w, more, &work, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_mask_from_cells(region->cells, h, w, height, width, region->room);
    if (!correction)
        return DIFFEDIT_OK;
    de_mask_remove(region->room, correction, (int64_t)height * width);
    status = de_mask_keep_parts(region->room, region->mask, height, width, error);
    return status == DIFFEDIT_OK ? remove_from_room(region, correction, error) : status;
}

static diffedit_status take_room(de_region *region, const uint8_t *given, diffedit_error *error)
{
    int64_t area = (int64_t)region->height * region->width;
    diffedit_status status = de_allocate_bytes(&region->room, area, "the mask", error);
    if (status == DIFFEDIT_OK) {
        memcpy(region->room, given, (size_t)area);
        de_mask_to_cells(given, region->height, region->width, region->h, region->w, region->cells);
    }
    return status;
}

diffedit_status de_region_run(de_region *region, const de_region_params *params,
                              const de_region_inputs *inputs, de_stage_context *context,
                              diffedit_error *error)
{
    int width = params->width, height = params->height, h = params->cells.h, w = params->cells.w;
    int64_t area = (int64_t)width * height;
    *region = (de_region){.width = width, .height = height, .h = h, .w = w};
    diffedit_status status = de_allocate_bytes(&region->mask, area, "the mask", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_bytes(&region->cells, (int64_t)h * w, "the mask", error);
    if (status == DIFFEDIT_OK && inputs->given) {
        memcpy(region->mask, inputs->given, (size_t)area);
        memset(region->cells, 0, (size_t)h * (size_t)w);
    } else if (status == DIFFEDIT_OK) {
        status = find(region, params, inputs->cleaned, error);
    }
    if (status == DIFFEDIT_OK && params->grow)
        status = grow(region, params->grow, context, error);
    if (status == DIFFEDIT_OK && inputs->correction)
        de_mask_correct(region->mask, inputs->correction, area);
    if (status == DIFFEDIT_OK && inputs->given_room)
        status = take_room(region, inputs->given_room, error);
    else if (status == DIFFEDIT_OK && params->room)
        status = make_room(region, (int)params->room, inputs->correction, error);
    if (status != DIFFEDIT_OK) {
        de_region_free(region);
        return status;
    }
    const bool is_of_cells = region->from && !region->from->refined;
    if (!region->room && (params->grow || !is_of_cells || inputs->correction))
        de_mask_to_cells(region->mask, height, width, h, w, region->cells);
    for (int64_t i = 0; i < area; i++)
        region->changed += region->mask[i];
    return DIFFEDIT_OK;
}
