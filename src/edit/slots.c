/* Which stages a call need not run: those whose slot holds what the same parameters made. */
#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>

/* Parameters have no padding and begin as zeros, so that bytes tell. */
static bool equal(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void spent(diffedit_editor *editor, diffedit_stage_id stage, double start)
{
    editor->seconds[stage] += de_seconds() - start;
}

static int64_t latent_count(const diffedit_editor *editor, const de_latent_params *params)
{
    de_cells cells = de_latent_cells(params, &editor->networks);
    return (int64_t)editor->networks.channels * cells.h * cells.w;
}

void de_frame_free(de_frame *frame)
{
    diffedit_picture_free(frame->picture);
    de_map_free(&frame->given_map);
    free(frame->given_mask);
    free(frame->given_room);
    free(frame->correction);
    free(frame->input.pixels);
    free(frame->latent.values);
    free(frame->everything.values);
    free(frame->masked.values);
    de_map_free(&frame->map.result);
    de_region_free(&frame->region);
    de_cleaned_free(&frame->clean.result);
    de_inversion_free(&frame->inversion.result);
    de_final_free(&frame->final.result);
    free(frame->decoded.pixels);
    free(frame->reconstructed.pixels);
    free(frame->colours.weights);
    *frame = (de_frame){0};
}

/* ---- encode ---- */

/* The picture at working size, 8-bit sRGB. */
static diffedit_status fill_input(de_frame *frame, const de_latent_params *params,
                                  diffedit_error *error)
{
    if (frame->input.pixels && frame->input.width == params->width &&
        frame->input.height == params->height)
        return DIFFEDIT_OK;
    free(frame->input.pixels);
    frame->input.pixels = NULL;
    uint8_t *pixels = NULL;
    diffedit_status status = de_allocate_bytes(&pixels, (int64_t)params->width * params->height * 3,
                                               "the picture", error);
    if (status == DIFFEDIT_OK)
        status = de_picture_network_input(frame->picture, params->width, params->height, pixels,
                                          error);
    if (status != DIFFEDIT_OK) {
        free(pixels);
        return status;
    }
    frame->input.pixels = pixels;
    frame->input.width = params->width;
    frame->input.height = params->height;
    return DIFFEDIT_OK;
}

diffedit_status de_frame_latent(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                diffedit_error *error)
{
    const de_latent_params *params = &plan->latent;
    if (frame->latent.values && equal(params, &frame->latent.params, sizeof *params))
        return DIFFEDIT_OK;
    double start = de_seconds();
    free(frame->latent.values);
    frame->latent.values = NULL;
    float *latent = NULL;
    diffedit_status status = fill_input(frame, params, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&latent, latent_count(editor, params), "a latent", error);
    if (status == DIFFEDIT_OK)
        status = de_encode_run(latent, params, frame->input.pixels, &editor->networks,
                               &editor->context, error);
    if (status == DIFFEDIT_OK) {
        frame->latent.values = latent;
        frame->latent.params = *params;
    } else {
        free(latent);
    }
    spent(editor, DIFFEDIT_STAGE_ENCODE, start);
    return status;
}

/* ---- conditions ---- */

static diffedit_status make_condition(float **values, de_frame *frame,
                                      const diffedit_editor *editor,
                                      const de_condition_params *params, diffedit_error *error)
{
    de_cells cells = de_latent_cells(&params->latent, &editor->networks);
    int64_t count = latent_count(editor, &params->latent) + (int64_t)cells.h * cells.w;
    free(*values);
    *values = NULL;
    float *condition = NULL;
    diffedit_status status = de_allocate_floats(&condition, count, "the UNet's condition", error);
    if (status == DIFFEDIT_OK)
        status = de_condition_run(condition, params, frame->input.pixels, &frame->region,
                                  &editor->networks, error);
    if (status == DIFFEDIT_OK)
        *values = condition;
    else
        free(condition);
    return status;
}

diffedit_status de_frame_condition(const float **condition, de_frame *frame,
                                   diffedit_editor *editor, const de_latent_params *latent,
                                   uint64_t mask, diffedit_error *error)
{
    *condition = NULL;
    if (!editor->networks.inpaints)
        return DIFFEDIT_OK;
    const de_condition_params params = {.latent = *latent, .mask = mask};
    de_condition_slot *slot = mask ? &frame->masked : &frame->everything;
    diffedit_status status = DIFFEDIT_OK;
    if (!slot->values || !equal(&params, &slot->params, sizeof params)) {
        status = make_condition(&slot->values, frame, editor, &params, error);
        slot->params = params;
    }
    *condition = slot->values;
    return status;
}

/* ---- map and region ---- */

static diffedit_status check_given_map(const de_map *map, const diffedit_editor *editor,
                                       const de_plan *plan, diffedit_error *error)
{
    de_cells size = de_map_size(&plan->map, &editor->networks);
    if (map->h != size.h || map->w != size.w)
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "expected a map %d high and %d wide at this working size and mask method, found "
            "one %d high and %d wide",
            size.h, size.w, map->h, map->w);
    return DIFFEDIT_OK;
}

diffedit_status de_frame_map(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                             diffedit_error *error)
{
    const de_map_params *params = &plan->map;
    if (frame->given_map.values)
        return check_given_map(&frame->given_map, editor, plan, error);
    if (frame->map.result.values && equal(params, &frame->map.params, sizeof *params))
        return DIFFEDIT_OK;
    double start = de_seconds();
    de_map_free(&frame->map.result);
    frame->map.params = *params;
    de_map_inputs inputs = {.latent = frame->latent.values,
                            .from = de_texts_input(&editor->texts, DE_TEXT_FROM),
                            .to = de_texts_input(&editor->texts, DE_TEXT_TO),
                            .empty = de_texts_input(&editor->texts, DE_TEXT_EMPTY)};
    diffedit_status status = de_frame_condition(&inputs.condition, frame, editor, &plan->latent, 0,
                                                error);
    if (status == DIFFEDIT_OK)
        status = de_map_run(&frame->map.result, params, &inputs, &editor->networks,
                            &editor->context, error);
    spent(editor, DIFFEDIT_STAGE_MAP, start);
    return status;
}

const de_map *de_frame_map_in_use(const de_frame *frame)
{
    return frame->given_map.values ? &frame->given_map : &frame->map.result;
}

/* The region, which borrows from what is cleaned, is gone by then. */
static diffedit_status fill_cleaned(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                    diffedit_error *error)
{
    const de_clean_params *params = &plan->clean;
    if (frame->clean.result.cells && equal(params, &frame->clean.params, sizeof *params))
        return DIFFEDIT_OK;
    de_cleaned_free(&frame->clean.result);
    frame->clean.params = *params;
    return de_clean_run(&frame->clean.result, params, de_frame_map_in_use(frame), frame->picture,
                        &editor->context, error);
}

de_region_key de_region_key_of(const diffedit_editor *editor, const de_plan *plan)
{
    const de_frame *whole = &editor->whole;
    return (de_region_key){.clean = plan->clean,
                           .region = plan->region,
                           .mask = whole->given_mask ? editor->mask_serial : 0,
                           .correction = whole->correction ? editor->correction_serial : 0};
}

diffedit_status de_frame_region(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                diffedit_error *error)
{
    const de_region_inputs inputs = {.cleaned = &frame->clean.result,
                                     .given = frame->given_mask,
                                     .given_room = frame->given_room,
                                     .correction = frame->correction};
    double start = de_seconds();
    diffedit_status status = DIFFEDIT_OK;
    de_region_free(&frame->region);
    if (!inputs.given)
        status = fill_cleaned(frame, editor, plan, error);
    if (status == DIFFEDIT_OK)
        status = de_region_run(&frame->region, &plan->region, &inputs, &editor->context, error);
    frame->region_key = de_region_key_of(editor, plan);
    frame->region_bounds = (de_rectangle){0};
    spent(editor, DIFFEDIT_STAGE_MAP, start);
    return status;
}

/* ---- invert ---- */

diffedit_status de_frame_inversion(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error)
{
    const de_inversion_params *params = &plan->inversion;
    if (!equal(params, &frame->inversion.params, sizeof *params))
        de_inversion_free(&frame->inversion.result);
    frame->inversion.params = *params;
    frame->inversion.shown = 0;
    diffedit_status status = DIFFEDIT_OK;
    if (frame->inversion.result.count <= plan->k) {
        double start = de_seconds();
        de_inversion_inputs inputs = {.latent = frame->latent.values,
                                      .from = de_texts_input(&editor->texts, DE_TEXT_FROM),
                                      .empty = de_texts_input(&editor->texts, DE_TEXT_EMPTY)};
        status = de_frame_condition(&inputs.condition, frame, editor, &plan->latent, 0, error);
        if (status == DIFFEDIT_OK)
            status = de_inversion_run(&frame->inversion.result, params, plan->k, &inputs,
                                      &editor->schedule, &editor->networks, &editor->context,
                                      error);
        spent(editor, DIFFEDIT_STAGE_INVERT, start);
    }
    if (status == DIFFEDIT_OK)
        frame->inversion.shown = plan->k + 1;
    return status;
}

/* ---- denoise, decode, blend ---- */

static diffedit_status run_denoise(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error)
{
    const de_denoise_params *params = &plan->denoise;
    de_denoise_inputs inputs = {
        .latent = frame->latent.values,
        .states = frame->inversion.result.states,
        .cells = params->background >= 0 ? frame->region.cells : NULL,
        .to = de_texts_input(&editor->texts, DE_TEXT_TO),
        .unconditional = de_texts_input(&editor->texts, plan->unconditional)};
    diffedit_status status = de_frame_condition(&inputs.condition, frame, editor, &params->latent,
                                                params->mask, error);
    if (status == DIFFEDIT_OK)
        status = de_denoise_run(&frame->final.result, params, &inputs, &editor->schedule,
                                &editor->networks, &editor->context, error);
    return status;
}

diffedit_status de_frame_denoise(de_frame *frame, diffedit_editor *editor, de_plan *plan,
                                 diffedit_error *error)
{
    de_denoise_params *params = &plan->denoise;
    if (plan->goal != DE_GOAL_GENERATE)
        params->mask = de_region_content_for(&frame->region, &editor->networks);
    if (frame->final.result.latent && equal(params, &frame->final.params, sizeof *params))
        return DIFFEDIT_OK;
    double start = de_seconds();
    de_final_free(&frame->final.result);
    frame->final.params = *params;
    diffedit_status status = run_denoise(frame, editor, plan, error);
    spent(editor, DIFFEDIT_STAGE_DENOISE, start);
    return status;
}

/* *pixels, to be freed: a latent [c, h, w] as the decoder sees it. */
static diffedit_status decode(uint8_t **pixels, const float *latent, diffedit_editor *editor,
                              const de_plan *plan, diffedit_error *error)
{
    double start = de_seconds();
    uint8_t *made = NULL;
    diffedit_status status = de_allocate_bytes(
        &made, (int64_t)plan->latent.width * plan->latent.height * 3, "a decoded picture", error);
    if (status == DIFFEDIT_OK)
        status = de_decode_run(made, &plan->latent, latent, &editor->networks, &editor->context,
                               error);
    spent(editor, DIFFEDIT_STAGE_DECODE, start);
    if (status == DIFFEDIT_OK)
        *pixels = made;
    else
        free(made);
    return status;
}

diffedit_status de_frame_decode(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                diffedit_error *error)
{
    const de_denoise_params *params = &plan->denoise;
    if (frame->decoded.pixels && equal(params, &frame->decoded.params, sizeof *params))
        return DIFFEDIT_OK;
    free(frame->decoded.pixels);
    frame->decoded.pixels = NULL;
    frame->decoded.params = *params;
    return decode(&frame->decoded.pixels, frame->final.result.latent, editor, plan, error);
}

static diffedit_status reconstruct(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error)
{
    const de_latent_params *params = &plan->latent;
    if (frame->reconstructed.pixels && equal(params, &frame->reconstructed.params, sizeof *params))
        return DIFFEDIT_OK;
    free(frame->reconstructed.pixels);
    frame->reconstructed.pixels = NULL;
    frame->reconstructed.params = *params;
    return decode(&frame->reconstructed.pixels, frame->latent.values, editor, plan, error);
}

diffedit_status de_frame_cut(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                             diffedit_error *error)
{
    if (!frame->region.room)
        return DIFFEDIT_OK;
    diffedit_status status = reconstruct(frame, editor, plan, error);
    double start = de_seconds();
    const de_cut_inputs inputs = {.decoded = frame->decoded.pixels,
                                  .reconstructed = frame->reconstructed.pixels,
                                  .correction = frame->correction};
    if (status == DIFFEDIT_OK)
        status = de_cut_run(&frame->region, &plan->cut, &inputs, &editor->context, error);
    if (status == DIFFEDIT_OK && frame == &editor->box)
        de_editor_take_mask(editor);
    spent(editor, DIFFEDIT_STAGE_COMPOSITE, start);
    return status;
}

diffedit_status de_frame_blend(diffedit_picture **result, de_frame *frame, diffedit_editor *editor,
                               const de_plan *plan, diffedit_error *error)
{
    const de_blend_inputs inputs = {.picture = editor->whole.picture,
                                    .decoded = frame->decoded.pixels,
                                    .mask = frame->region.mask,
                                    .correction = frame->correction};
    double start = de_seconds();
    diffedit_status status = de_blend_run(result, &plan->blend, &inputs, &editor->context, error);
    spent(editor, DIFFEDIT_STAGE_COMPOSITE, start);
    return status;
}
