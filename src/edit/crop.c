/* Working on the region alone: its box, and the frame and the plan of that. */
#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(de_rectangle a, de_rectangle b)
{
    return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

/* The box of the region. That of the edit before is kept where it will do: what was encoded in it
 * is then still there. */
static de_rectangle choose(const diffedit_editor *editor, const de_box_params *params)
{
    const de_region *region = &editor->whole.region;
    const de_box_params *before = &editor->box_for;
    de_rectangle kept = editor->box_at;
    if (before->asked_width != params->asked_width ||
        before->asked_height != params->asked_height || before->margin != params->margin)
        kept = (de_rectangle){0};
    return de_box_choose(
        params, de_mask_bounds(de_region_reach(region), region->height, region->width), kept);
}

/* The part of the picture and of the region. The slots of another part are emptied. */
static diffedit_status fill_frame(diffedit_editor *editor, de_rectangle at, diffedit_error *error)
{
    de_frame *box = &editor->box;
    diffedit_status status = DIFFEDIT_OK;
    if (!is_same(at, editor->box_at) || !box->given_mask) {
        editor->box_at = at;
        de_frame_free(box);
        status = de_picture_crop(&box->picture, editor->whole.picture, at, error);
        if (status == DIFFEDIT_OK)
            status = de_allocate_bytes(&box->given_mask, (int64_t)at.width * at.height, "the mask",
                                       error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    const de_region *region = &editor->whole.region;
    de_mask_crop(region->mask, region->width, at, box->given_mask);
    free(box->given_room);
    box->given_room = NULL;
    if (!region->room)
        return DIFFEDIT_OK;
    status = de_allocate_bytes(&box->given_room, (int64_t)at.width * at.height, "the mask", error);
    if (status == DIFFEDIT_OK)
        de_mask_crop(region->room, region->width, at, box->given_room);
    return status;
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
    status = de_editor_plan(plan, editor, plan->goal, options, at, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_region(&editor->box, editor, plan, error);
    if (status != DIFFEDIT_OK)
        return status;
    *frame = &editor->box;
    editor->shown = &editor->box;
    editor->stats.width = plan->latent.width;
    editor->stats.height = plan->latent.height;
    de_log_write(editor->context.log, DIFFEDIT_LOG_INFO,
                 "a box of %dx%d pixels at %d,%d is worked on at %dx%d", at.width, at.height, at.x,
                 at.y, plan->latent.width, plan->latent.height);
    return DIFFEDIT_OK;
}
