/* The public functions of the editor: which stages a call needs, in which order. */
#include "api/options.h"
#include "base/sized.h"
#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>

const char *diffedit_version(void)
{
    return DE_VERSION;
}

void diffedit_editor_set_progress(diffedit_editor *editor, diffedit_progress_fn progress,
                                  void *user)
{
    editor->context.progress = progress;
    editor->context.progress_user = user;
}

void diffedit_editor_set_log(diffedit_editor *editor, diffedit_log_fn log, void *user)
{
    editor->context.log = (de_log){.write = log, .user = user};
}

void diffedit_editor_get_stats(diffedit_stats *stats, const diffedit_editor *editor)
{
    diffedit_stats now = editor->stats;
    if (now.total_seconds < 0) { /* asked while the call runs */
        now.total_seconds += de_seconds();
        now.evaluations = editor->context.evaluations;
    }
    de_sized_write(stats, &now, sizeof now);
}

double diffedit_editor_stage_seconds(const diffedit_editor *editor, diffedit_stage_id stage)
{
    return (unsigned)stage < DE_STAGE_COUNT ? editor->seconds[stage] : 0;
}

const char *diffedit_stage_name(diffedit_stage_id stage)
{
    static const char *const names[DE_STAGE_COUNT] = {[DIFFEDIT_STAGE_TEXT] = "text",
                                                      [DIFFEDIT_STAGE_ENCODE] = "encode",
                                                      [DIFFEDIT_STAGE_MAP] = "map",
                                                      [DIFFEDIT_STAGE_INVERT] = "invert",
                                                      [DIFFEDIT_STAGE_DENOISE] = "denoise",
                                                      [DIFFEDIT_STAGE_DECODE] = "decode",
                                                      [DIFFEDIT_STAGE_COMPOSITE] = "composite"};
    return (unsigned)stage < DE_STAGE_COUNT ? names[stage] : NULL;
}

/* A mask of all or nothing is seldom what its painter meant. */
static void warn_of_mask(de_log log, de_mask_range range)
{
    if (range.brightest < DE_MASK_WHITE)
        de_log_write(
            log, DIFFEDIT_LOG_WARNING,
            "the mask selects nothing: its brightest value is %d of 255, and values from %d up are "
            "changed",
            range.brightest, DE_MASK_WHITE);
    else if (range.darkest >= DE_MASK_WHITE)
        de_log_write(
            log, DIFFEDIT_LOG_WARNING,
            "the mask selects the whole picture: its values are %d to %d of 255, and values from "
            "%d up are changed",
            range.darkest, range.brightest, DE_MASK_WHITE);
}

diffedit_status diffedit_editor_set_mask(diffedit_editor *editor, const diffedit_picture *mask,
                                         diffedit_error *error)
{
    uint8_t *bytes = NULL;
    if (mask) {
        if (!editor->whole.picture)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a mask needs an editor with a picture");
        int width = diffedit_picture_width(editor->whole.picture),
            height = diffedit_picture_height(editor->whole.picture);
        diffedit_status status = de_allocate_bytes(&bytes, (int64_t)width * height, "the mask",
                                                   error);
        de_mask_range range;
        if (status == DIFFEDIT_OK)
            status = de_mask_from_picture(mask, width, height, bytes, &range, error);
        if (status != DIFFEDIT_OK) {
            free(bytes);
            return status;
        }
        warn_of_mask(editor->context.log, range);
    }
    editor->mask_serial++;
    free(editor->whole.given_mask);
    editor->whole.given_mask = bytes;
    return DIFFEDIT_OK;
}

diffedit_status diffedit_editor_set_correction(diffedit_editor *editor,
                                               const diffedit_picture *correction,
                                               diffedit_error *error)
{
    uint8_t *bytes = NULL;
    if (correction) {
        if (!editor->whole.picture)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "a correction needs an editor with a picture");
        int width = diffedit_picture_width(editor->whole.picture),
            height = diffedit_picture_height(editor->whole.picture);
        int64_t area = (int64_t)width * height;
        diffedit_status status = de_allocate_bytes(&bytes, area, "the correction", error);
        if (status == DIFFEDIT_OK)
            status = de_correction_from_picture(correction, width, height, bytes, error);
        if (status != DIFFEDIT_OK) {
            free(bytes);
            return status;
        }
        if (!memchr(bytes, DE_CORRECTION_ADDS, (size_t)area) &&
            !memchr(bytes, DE_CORRECTION_REMOVES, (size_t)area))
            de_log_write(editor->context.log, DIFFEDIT_LOG_WARNING,
                         "the correction changes nothing: its alpha is below %d of 255 everywhere",
                         DE_MASK_OPAQUE);
    }
    editor->correction_serial++;
    free(editor->whole.correction);
    editor->whole.correction = bytes;
    return DIFFEDIT_OK;
}

diffedit_status diffedit_editor_set_map(diffedit_editor *editor, const float *map, int height,
                                        int width, diffedit_error *error)
{
    float *copy = NULL;
    if (map) {
        if (height < 1 || width < 1)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "expected a map with positive sides, found one %d high and %d wide",
                           height, width);
        int64_t count = (int64_t)height * width;
        for (int64_t i = 0; i < count; i++)
            if (!(map[i] >= 0 && map[i] <= 1))
                return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                               "expected map values from 0 to 1, found %g at index %lld",
                               (double)map[i], (long long)i);
        diffedit_status status = de_allocate_floats(&copy, count, "the map", error);
        if (status != DIFFEDIT_OK)
            return status;
        memcpy(copy, map, (size_t)count * sizeof *copy);
    }
    editor->map_serial++;
    de_map_free(&editor->whole.given_map);
    editor->whole.given_map = (de_map){.values = copy, .h = height, .w = width};
    return DIFFEDIT_OK;
}

/* ---- the stages ---- */

/* What finding the mask needs of the options. */
static unsigned mask_needs(const diffedit_editor *editor)
{
    return editor->whole.given_mask || editor->whole.given_map.values ? 0 : DE_NEED_MAP;
}

static diffedit_status fail_no_picture(diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "the editor has no picture; it can only generate");
}

/* Checks the options for what the call needs (DE_NEED_...), plans it, and encodes the picture where
 * the whole of it is worked on: the beginning of every call but generate. */
static diffedit_status begin_with_picture(de_plan *plan, diffedit_editor *editor, de_goal goal,
                                          diffedit_options *known, const diffedit_options *options,
                                          unsigned needs, diffedit_error *error)
{
    if (!editor->whole.picture)
        return fail_no_picture(error);
    diffedit_status status = de_options_read_run(known, options, needs, error);
    if (status == DIFFEDIT_OK)
        status = de_editor_begin(plan, editor, goal, known, error);
    if (status == DIFFEDIT_OK && (!plan->crops || mask_needs(editor)))
        status = de_frame_latent(&editor->whole, editor, plan, error);
    return status;
}

static void say_share(diffedit_editor *editor)
{
    const de_region *region = &editor->whole.region;
    if (region->mask)
        editor->stats.mask_share = (double)region->changed /
                                   (double)((int64_t)region->width * region->height);
}

static bool is_empty(const diffedit_editor *editor)
{
    return editor->whole.region.changed == 0;
}

static diffedit_status find_region(diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error)
{
    de_frame *whole = &editor->whole;
    diffedit_status status = DIFFEDIT_OK;
    if (!whole->given_mask)
        status = de_frame_map(whole, editor, plan, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_region(whole, editor, plan, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (is_empty(editor))
        de_log_write(editor->context.log, DIFFEDIT_LOG_WARNING,
                     "the mask is empty: nothing will change");
    return DIFFEDIT_OK;
}

diffedit_status diffedit_find_map(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error)
{
    de_plan plan;
    unsigned needs = editor->whole.given_map.values ? 0 : DE_NEED_MAP;
    diffedit_options known;
    diffedit_status status = begin_with_picture(&plan, editor, DE_GOAL_MAP, &known, options, needs,
                                                error);
    if (status == DIFFEDIT_OK)
        status = de_frame_map(&editor->whole, editor, &plan, error);
    de_editor_end(editor);
    return status;
}

diffedit_status diffedit_find_mask(diffedit_picture **mask, diffedit_editor *editor,
                                   const diffedit_options *options, diffedit_error *error)
{
    de_plan plan;
    diffedit_options known;
    diffedit_status status = begin_with_picture(&plan, editor, DE_GOAL_MASK, &known, options,
                                                mask_needs(editor), error);
    if (status == DIFFEDIT_OK)
        status = find_region(editor, &plan, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_view(mask, editor, DIFFEDIT_VIEW_MASK, error);
    if (status == DIFFEDIT_OK)
        say_share(editor);
    de_editor_end(editor);
    return status;
}

diffedit_status diffedit_invert(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error)
{
    de_plan plan;
    diffedit_options known;
    diffedit_status status = begin_with_picture(&plan, editor, DE_GOAL_INVERT, &known, options, 0,
                                                error);
    if (status == DIFFEDIT_OK)
        status = de_frame_inversion(&editor->whole, editor, &plan, error);
    de_editor_end(editor);
    return status;
}

diffedit_status diffedit_stage_costs(double *costs, size_t count, const diffedit_editor *editor,
                                     diffedit_call call, const diffedit_options *options,
                                     diffedit_error *error)
{
    static const de_goal goals[] = {[DIFFEDIT_CALL_FIND] = DE_GOAL_MASK,
                                    [DIFFEDIT_CALL_INVERT] = DE_GOAL_INVERT,
                                    [DIFFEDIT_CALL_EDIT] = DE_GOAL_EDIT,
                                    [DIFFEDIT_CALL_INPAINT] = DE_GOAL_INPAINT,
                                    [DIFFEDIT_CALL_GENERATE] = DE_GOAL_GENERATE};
    double all[DE_STAGE_COUNT];
    diffedit_options known;
    if ((unsigned)call >= sizeof goals / sizeof *goals)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "unknown call %d", (int)call);
    if (call != DIFFEDIT_CALL_GENERATE && !editor->whole.picture)
        return fail_no_picture(error);
    de_goal goal = goals[call];
    if (goal == DE_GOAL_INPAINT && !editor->networks.inpaints)
        goal = DE_GOAL_EDIT;
    diffedit_status status = de_options_read_run(&known, options, 0, error);
    if (status == DIFFEDIT_OK)
        status = de_editor_count(all, editor, goal, &known, error);
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++)
        costs[i] = i < DE_STAGE_COUNT ? all[i] : 0;
    return status;
}

/* From a region that is not empty to the result. */
static diffedit_status change(diffedit_picture **result, diffedit_editor *editor, de_plan *plan,
                              const diffedit_options *options, diffedit_error *error)
{
    de_frame *frame = &editor->whole;
    diffedit_status status = DIFFEDIT_OK;
    if (plan->crops)
        status = de_editor_crop(&frame, plan, editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_latent(frame, editor, plan, error);
    if (status == DIFFEDIT_OK && plan->denoise.start == DE_START_INVERTED)
        status = de_frame_inversion(frame, editor, plan, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_denoise(frame, editor, plan, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_decode(frame, editor, plan, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_cut(frame, editor, plan, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_blend(result, frame, editor, plan, error);
    return status;
}

static diffedit_status edit(diffedit_picture **result, diffedit_editor *editor, de_goal goal,
                            const diffedit_options *options, unsigned needs, diffedit_error *error)
{
    de_plan plan;
    diffedit_options known;
    diffedit_status status = begin_with_picture(&plan, editor, goal, &known, options,
                                                needs | mask_needs(editor), error);
    if (status == DIFFEDIT_OK)
        status = find_region(editor, &plan, error);
    if (status == DIFFEDIT_OK)
        status = is_empty(editor) ? de_picture_copy(result, editor->whole.picture, error)
                                  : change(result, editor, &plan, &known, error);
    if (status == DIFFEDIT_OK)
        say_share(editor);
    de_editor_end(editor);
    return status;
}

diffedit_status diffedit_edit(diffedit_picture **result, diffedit_editor *editor,
                              const diffedit_options *options, diffedit_error *error)
{
    return edit(result, editor, DE_GOAL_EDIT, options, DE_NEED_TO | DE_NEED_START, error);
}

diffedit_status diffedit_inpaint(diffedit_picture **result, diffedit_editor *editor,
                                 const diffedit_options *options, diffedit_error *error)
{
    if (!editor->whole.given_mask)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "inpainting needs a mask: diffedit_editor_set_mask()");
    if (!editor->networks.inpaints)
        return diffedit_edit(result, editor, options, error);
    return edit(result, editor, DE_GOAL_INPAINT, options, DE_NEED_TO, error);
}

diffedit_status diffedit_generate(diffedit_picture **result, diffedit_editor *editor,
                                  const diffedit_options *options, diffedit_error *error)
{
    de_plan plan;
    diffedit_options known;
    diffedit_status status = de_options_read_run(&known, options, DE_NEED_TO, error);
    if (status == DIFFEDIT_OK)
        status = de_editor_begin(&plan, editor, DE_GOAL_GENERATE, &known, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_denoise(&editor->whole, editor, &plan, error);
    if (status == DIFFEDIT_OK)
        status = de_frame_decode(&editor->whole, editor, &plan, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_view(result, editor, DIFFEDIT_VIEW_DECODED, error);
    de_editor_end(editor);
    return status;
}
