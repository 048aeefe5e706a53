/* Working on the region alone: its box, and the frame and the plan of that. */
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(de_rectangle a, de_rectangle b)
{
    return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

de_rectangle de_editor_kept_box(const diffedit_editor *editor, const de_box_params *params)
{
    const de_box_params *before = &editor->box_for;
    bool same = before->asked_width == params->asked_width &&
                before->asked_height == params->asked_height && before->margin == params->margin;
    return same ? editor->box_at : (de_rectangle){0};
}

/* The box of the region. That of the edit before is kept where it will do: what was encoded in it
 * is then still there. */
static de_rectangle choose(diffedit_editor *editor, const de_box_params *params)
{
    const de_region *region = &editor->whole.region;
    const de_rectangle bounds = de_mask_bounds(de_region_reach(region), region->height,
                                               region->width);
    editor->whole.region_bounds = bounds;
    return de_box_choose(params, bounds, de_editor_kept_box(editor, params));
}

/* The part of the picture. The slots of another part are emptied. */
static diffedit_status fill_frame(diffedit_editor *editor, de_rectangle at, diffedit_error *error)
{
    de_frame *box = &editor->box;
    if (box->picture && is_same(at, editor->box_at))
        return DIFFEDIT_OK;
    editor->box_at = at;
    de_frame_free(box);
    return de_picture_crop(&box->picture, editor->whole.picture, at, error);
}

void de_editor_take_mask(diffedit_editor *editor)
{
    const de_region *box = &editor->box.region;
    de_region *whole = &editor->whole.region;
    de_rectangle at = editor->box_at;
    for (int64_t y = 0; y < at.height; y++)
        memcpy(whole->mask + (at.y + y) * whole->width + at.x, box->mask + y * at.width,
               (size_t)at.width);
    whole->changed = box->changed; /* there is nothing beside the box */
}

/* *part, to be freed: of a mask of the whole picture, if there is one. */
static diffedit_status take_part(uint8_t **part, const diffedit_editor *editor, const uint8_t *mask,
                                 diffedit_error *error)
{
    const de_rectangle at = editor->box_at;
    free(*part);
    *part = NULL;
    if (!mask)
        return DIFFEDIT_OK;
    diffedit_status status = de_allocate_bytes(part, (int64_t)at.width * at.height, "the mask",
                                               error);
    if (status == DIFFEDIT_OK)
        de_mask_crop(mask, editor->whole.region.width, at, *part);
    return status;
}

/* The region in the box, as one that is given. */
static diffedit_status give_region(diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error)
{
    de_frame *box = &editor->box;
    const de_region *region = &editor->whole.region;
    diffedit_status status = take_part(&box->given_mask, editor, region->mask, error);
    if (status == DIFFEDIT_OK)
        status = take_part(&box->given_room, editor, region->room, error);
    return status == DIFFEDIT_OK ? de_frame_region(box, editor, plan, error) : status;
}

/* Clears what of a mask (or NULL) lies so near to an edge of the box that its soft edge would be
 * cut there. */
static void clear_border(uint8_t *mask, const diffedit_editor *editor, const de_blend_params *blend)
{
    const de_rectangle at = blend->at;
    const de_region *whole = &editor->whole.region;
    const int soft = (int)ceil(de_mask_alpha_reach(blend->feather, blend->blur));
    const int left = at.x > 0 ? soft : 0, top = at.y > 0 ? soft : 0,
              right = at.width - (at.x + at.width < whole->width ? soft : 0),
              bottom = at.height - (at.y + at.height < whole->height ? soft : 0);
    for (int y = 0; y < at.height && mask; y++)
        for (int x = 0; x < at.width; x++)
            if (x < left || x >= right || y < top || y >= bottom)
                mask[(int64_t)y * at.width + x] = 0;
}

/* The region that follows from the box's map. */
static diffedit_status find_region(diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error)
{
    de_region *found = &editor->box.region;
    diffedit_status status = de_frame_region(&editor->box, editor, plan, error);
    if (status != DIFFEDIT_OK)
        return status;
    clear_border(found->mask, editor, &plan->blend);
    clear_border(found->room, editor, &plan->blend);
    found->changed = 0;
    for (int64_t i = 0; i < (int64_t)found->width * found->height; i++)
        found->changed += found->mask[i];
    return DIFFEDIT_OK;
}

/* Finds the map once more, in the box. The region that follows from it takes the place of the first
 * one, unless nothing is found; what was added to it would hide that. */
static diffedit_status find_again(diffedit_editor *editor, de_plan *plan, diffedit_error *error)
{
    de_frame *box = &editor->box;
    de_region *whole = &editor->whole.region;
    uint8_t *correction = box->correction;
    free(box->given_mask);
    free(box->given_room);
    box->given_mask = box->given_room = NULL;
    diffedit_status status = de_frame_latent(box, editor, plan, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_map(box, editor, plan, error);
    box->correction = NULL;
    if (status == DIFFEDIT_OK)
        status = find_region(editor, plan, error);
    box->correction = correction;
    const bool finds = box->region.changed > 0;
    if (status == DIFFEDIT_OK && finds && correction)
        status = find_region(editor, plan, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (!finds) {
        plan->region.grow = 0;
        plan->region.room = 0;
        return give_region(editor, plan, error);
    }
    de_editor_take_mask(editor);
    de_mask_to_cells(whole->mask, whole->height, whole->width, whole->h, whole->w, whole->cells);
    return DIFFEDIT_OK;
}

diffedit_status de_editor_crop(de_frame **frame, de_plan *plan, diffedit_editor *editor,
                               const diffedit_options *options, diffedit_error *error)
{
    const de_box_params params = plan->box;
    const de_rectangle at = choose(editor, &params);
    *frame = &editor->whole;
    if (at.width == params.width && at.height == params.height && !params.asked_width) {
        de_editor_say_size(editor, &plan->latent);
        return DIFFEDIT_OK;
    }
    diffedit_status status = fill_frame(editor, at, error);
    if (status != DIFFEDIT_OK)
        return status;
    editor->box_for = params;
    status = de_editor_plan(plan, editor, plan->goal, options, &editor->texts, at, error);
    de_editor_say_part(editor, plan, at);
    if (status == DIFFEDIT_OK)
        status = take_part(&editor->box.correction, editor, editor->whole.correction, error);
    if (status == DIFFEDIT_OK)
        status = plan->map.samples ? find_again(editor, plan, error)
                                   : give_region(editor, plan, error);
    if (status != DIFFEDIT_OK)
        return status;
    *frame = &editor->box;
    editor->shown = &editor->box;
    de_log_write(editor->context.log, DIFFEDIT_LOG_INFO,
                 "a box of %dx%d pixels at %d,%d is worked on at %dx%d", at.width, at.height, at.x,
                 at.y, plan->latent.width, plan->latent.height);
    return DIFFEDIT_OK;
}
