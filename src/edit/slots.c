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

/* ---- encode ---- */

/* The picture at working size, 8-bit sRGB. */
static diffedit_status fill_input(diffedit_editor *editor, const de_latent_params *params,
                                  diffedit_error *error)
{
    if (editor->input.pixels && editor->input.width == params->width &&
        editor->input.height == params->height)
        return DIFFEDIT_OK;
    free(editor->input.pixels);
    editor->input.pixels = NULL;
    uint8_t *pixels = NULL;
    diffedit_status status = de_allocate_bytes(&pixels, (int64_t)params->width * params->height * 3,
                                               "the picture", error);
    if (status == DIFFEDIT_OK)
        status = de_picture_network_input(editor->picture, params->width, params->height, pixels,
                                          error);
    if (status != DIFFEDIT_OK) {
        free(pixels);
        return status;
    }
    editor->input.pixels = pixels;
    editor->input.width = params->width;
    editor->input.height = params->height;
    return DIFFEDIT_OK;
}

diffedit_status de_editor_latent(diffedit_editor *editor, const de_plan *plan,
                                 diffedit_error *error)
{
    const de_latent_params *params = &plan->latent;
    if (editor->latent.values && equal(params, &editor->latent.params, sizeof *params))
        return DIFFEDIT_OK;
    double start = de_seconds();
    free(editor->latent.values);
    editor->latent.values = NULL;
    float *latent = NULL;
    diffedit_status status = fill_input(editor, params, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&latent, latent_count(editor, params), "a latent", error);
    if (status == DIFFEDIT_OK)
        status = de_encode_run(latent, params, editor->input.pixels, &editor->networks,
                               &editor->context, error);
    if (status == DIFFEDIT_OK) {
        editor->latent.values = latent;
        editor->latent.params = *params;
    } else {
        free(latent);
    }
    spent(editor, DIFFEDIT_STAGE_ENCODE, start);
    return status;
}

/* ---- conditions ---- */

static diffedit_status make_condition(float **values, diffedit_editor *editor,
                                      const de_condition_params *params, diffedit_error *error)
{
    de_cells cells = de_latent_cells(&params->latent, &editor->networks);
    int64_t count = latent_count(editor, &params->latent) + (int64_t)cells.h * cells.w;
    free(*values);
    *values = NULL;
    float *condition = NULL;
    diffedit_status status = de_allocate_floats(&condition, count, "the UNet's condition", error);
    if (status == DIFFEDIT_OK)
        status = de_condition_run(condition, params, editor->input.pixels, &editor->region,
                                  &editor->networks, error);
    if (status == DIFFEDIT_OK)
        *values = condition;
    else
        free(condition);
    return status;
}

diffedit_status de_editor_condition(const float **condition, diffedit_editor *editor,
                                    const de_latent_params *latent, uint64_t mask,
                                    diffedit_error *error)
{
    *condition = NULL;
    if (!editor->networks.inpaints)
        return DIFFEDIT_OK;
    const de_condition_params params = {.latent = *latent, .mask = mask};
    de_condition_slot *slot = mask ? &editor->masked : &editor->everything;
    diffedit_status status = DIFFEDIT_OK;
    if (!slot->values || !equal(&params, &slot->params, sizeof params)) {
        status = make_condition(&slot->values, editor, &params, error);
        slot->params = params;
    }
    *condition = slot->values;
    return status;
}

/* ---- map and region ---- */

static diffedit_status check_user_map(const diffedit_editor *editor, const de_plan *plan,
                                      diffedit_error *error)
{
    de_cells size = de_map_size(&plan->map, &editor->networks);
    if (editor->user_map_h != size.h || editor->user_map_w != size.w)
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "expected a map %d high and %d wide at this working size and mask method, found "
            "one %d high and %d wide",
            size.h, size.w, editor->user_map_h, editor->user_map_w);
    return DIFFEDIT_OK;
}

diffedit_status de_editor_map(diffedit_editor *editor, const de_plan *plan, diffedit_error *error)
{
    const de_map_params *params = &plan->map;
    if (editor->user_map)
        return check_user_map(editor, plan, error);
    if (editor->map.result.values && equal(params, &editor->map.params, sizeof *params))
        return DIFFEDIT_OK;
    double start = de_seconds();
    de_map_free(&editor->map.result);
    editor->map.params = *params;
    de_map_inputs inputs = {.latent = editor->latent.values,
                            .from = de_texts_input(&editor->texts, DE_TEXT_FROM),
                            .to = de_texts_input(&editor->texts, DE_TEXT_TO),
                            .empty = de_texts_input(&editor->texts, DE_TEXT_EMPTY)};
    diffedit_status status = de_editor_condition(&inputs.condition, editor, &plan->latent, 0,
                                                 error);
    if (status == DIFFEDIT_OK)
        status = de_map_run(&editor->map.result, params, &inputs, &editor->networks,
                            &editor->context, error);
    spent(editor, DIFFEDIT_STAGE_MAP, start);
    return status;
}

de_map de_editor_map_in_use(const diffedit_editor *editor)
{
    if (editor->user_map)
        return (de_map){
            .values = editor->user_map, .h = editor->user_map_h, .w = editor->user_map_w};
    return editor->map.result;
}

diffedit_status de_editor_region(diffedit_editor *editor, const de_plan *plan,
                                 diffedit_error *error)
{
    const de_map map = de_editor_map_in_use(editor);
    de_region_free(&editor->region);
    diffedit_status status = de_region_run(&editor->region, &plan->region, &map, editor->user_mask,
                                           &editor->context, error);
    if (status == DIFFEDIT_OK)
        editor->stats.mask_share = (double)editor->region.changed /
                                   (double)((int64_t)plan->region.width * plan->region.height);
    return status;
}

/* ---- invert ---- */

diffedit_status de_editor_inversion(diffedit_editor *editor, const de_plan *plan,
                                    diffedit_error *error)
{
    const de_inversion_params *params = &plan->inversion;
    if (!equal(params, &editor->inversion.params, sizeof *params))
        de_inversion_free(&editor->inversion.result);
    editor->inversion.params = *params;
    editor->inversion.shown = 0;
    diffedit_status status = DIFFEDIT_OK;
    if (editor->inversion.result.count <= plan->k) {
        double start = de_seconds();
        de_inversion_inputs inputs = {.latent = editor->latent.values,
                                      .from = de_texts_input(&editor->texts, DE_TEXT_FROM),
                                      .empty = de_texts_input(&editor->texts, DE_TEXT_EMPTY)};
        status = de_editor_condition(&inputs.condition, editor, &plan->latent, 0, error);
        if (status == DIFFEDIT_OK)
            status = de_inversion_run(&editor->inversion.result, params, plan->k, &inputs,
                                      &editor->schedule, &editor->networks, &editor->context,
                                      error);
        spent(editor, DIFFEDIT_STAGE_INVERT, start);
    }
    if (status == DIFFEDIT_OK)
        editor->inversion.shown = plan->k + 1;
    return status;
}

/* ---- denoise, decode, blend ---- */

static diffedit_status run_denoise(diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error)
{
    const de_denoise_params *params = &plan->denoise;
    de_denoise_inputs inputs = {
        .latent = editor->latent.values,
        .states = editor->inversion.result.states,
        .cells = params->background >= 0 ? editor->region.cells : NULL,
        .to = de_texts_input(&editor->texts, DE_TEXT_TO),
        .unconditional = de_texts_input(&editor->texts, plan->unconditional)};
    diffedit_status status = de_editor_condition(&inputs.condition, editor, &params->latent,
                                                 params->mask, error);
    if (status == DIFFEDIT_OK)
        status = de_denoise_run(&editor->final.result, params, &inputs, &editor->schedule,
                                &editor->networks, &editor->context, error);
    return status;
}

diffedit_status de_editor_denoise(diffedit_editor *editor, de_plan *plan, diffedit_error *error)
{
    de_denoise_params *params = &plan->denoise;
    if (plan->goal != DE_GOAL_GENERATE)
        params->mask = editor->networks.inpaints ? de_region_content(&editor->region)
                                                 : de_region_cells_content(&editor->region);
    if (editor->final.result.latent && equal(params, &editor->final.params, sizeof *params))
        return DIFFEDIT_OK;
    double start = de_seconds();
    de_final_free(&editor->final.result);
    editor->final.params = *params;
    diffedit_status status = run_denoise(editor, plan, error);
    spent(editor, DIFFEDIT_STAGE_DENOISE, start);
    return status;
}

diffedit_status de_editor_decode(diffedit_editor *editor, const de_plan *plan,
                                 diffedit_error *error)
{
    const de_denoise_params *params = &plan->denoise;
    if (editor->decoded.pixels && equal(params, &editor->decoded.params, sizeof *params))
        return DIFFEDIT_OK;
    double start = de_seconds();
    free(editor->decoded.pixels);
    editor->decoded.pixels = NULL;
    uint8_t *pixels = NULL;
    diffedit_status status = de_allocate_bytes(
        &pixels, (int64_t)plan->latent.width * plan->latent.height * 3, "a decoded picture", error);
    if (status == DIFFEDIT_OK)
        status = de_decode_run(pixels, &plan->latent, editor->final.result.latent,
                               &editor->networks, &editor->context, error);
    if (status == DIFFEDIT_OK) {
        editor->decoded.pixels = pixels;
        editor->decoded.params = *params;
    } else {
        free(pixels);
    }
    spent(editor, DIFFEDIT_STAGE_DECODE, start);
    return status;
}

diffedit_status de_editor_blend(diffedit_picture **result, diffedit_editor *editor,
                                const de_plan *plan, diffedit_error *error)
{
    double start = de_seconds();
    diffedit_status status = de_blend_run(result, &plan->blend, editor->picture,
                                          editor->decoded.pixels, editor->region.mask,
                                          &editor->context, error);
    spent(editor, DIFFEDIT_STAGE_COMPOSITE, start);
    return status;
}
