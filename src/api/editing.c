/* The public functions of the editor: which stages a call needs, in which order. */
#include "api/options.h"
#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>

const char *diffedit_version(void)
{
    return DE_VERSION;
}

void diffedit_editor_set_threads(diffedit_editor *editor, int threads)
{
    editor->context.threads = threads > 0 ? threads : de_core_count();
}

void diffedit_editor_set_progress(diffedit_editor *editor, diffedit_progress_fn progress,
                                  void *user)
{
    editor->progress = progress;
    editor->progress_user = user;
}

void diffedit_editor_set_log(diffedit_editor *editor, diffedit_log_fn log, void *user)
{
    editor->log = (de_log){.write = log, .user = user};
}

void diffedit_editor_get_stats(diffedit_stats *stats, const diffedit_editor *editor)
{
    *stats = editor->stats;
}

const char *diffedit_stage_name(diffedit_stage_id stage)
{
    static const char *const names[DIFFEDIT_STAGE_COUNT] = {
        [DIFFEDIT_STAGE_TEXT] = "text",
        [DIFFEDIT_STAGE_ENCODE] = "encode",
        [DIFFEDIT_STAGE_MAP] = "map",
        [DIFFEDIT_STAGE_INVERT] = "invert",
        [DIFFEDIT_STAGE_DENOISE] = "denoise",
        [DIFFEDIT_STAGE_DECODE] = "decode",
        [DIFFEDIT_STAGE_COMPOSITE] = "composite"};
    return names[stage];
}

diffedit_status diffedit_editor_set_mask(diffedit_editor *editor, const diffedit_picture *mask,
                                         diffedit_error *error)
{
    uint8_t *bytes = NULL;
    if (mask) {
        if (!editor->picture)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a mask needs an editor with a picture");
        int width = diffedit_picture_width(editor->picture),
            height = diffedit_picture_height(editor->picture);
        diffedit_status status = de_allocate_bytes(&bytes, (int64_t)width * height, "the mask",
                                                   error);
        if (status == DIFFEDIT_OK)
            status = de_mask_from_picture(mask, width, height, bytes, error);
        if (status != DIFFEDIT_OK) {
            free(bytes);
            return status;
        }
    }
    free(editor->user_mask);
    editor->user_mask = bytes;
    return DIFFEDIT_OK;
}

diffedit_status diffedit_editor_set_map(diffedit_editor *editor, const float *map, int height,
                                        int width, diffedit_error *error)
{
    float *copy = NULL;
    if (map) {
        if (height < 1 || width < 1)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a map cannot be %d high and %d wide",
                           height, width);
        int64_t count = (int64_t)height * width;
        for (int64_t i = 0; i < count; i++)
            if (!(map[i] >= 0 && map[i] <= 1))
                return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                               "a map holds values from 0 to 1, found %g at index %lld",
                               (double)map[i], (long long)i);
        diffedit_status status = de_allocate_floats(&copy, count, "the map", error);
        if (status != DIFFEDIT_OK)
            return status;
        memcpy(copy, map, (size_t)count * sizeof *copy);
    }
    free(editor->user_map);
    editor->user_map = copy;
    editor->user_map_h = height;
    editor->user_map_w = width;
    editor->has_map = false;
    return DIFFEDIT_OK;
}

/* ---- the stages ---- */

/* Checks the options for what the call needs (DE_NEED_...) and encodes the picture: the beginning
 * of every call but generate. */
static diffedit_status begin_with_picture(diffedit_editor *editor, const diffedit_options *options,
                                          unsigned needs, diffedit_error *error)
{
    if (!editor->picture)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "this editor was made without a picture and only generates");
    diffedit_status status = de_options_check_run(options, needs, error);
    if (status == DIFFEDIT_OK)
        status = de_editor_begin(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_encode(editor, options, error);
    return status;
}

/* What finding the mask needs of the options. */
static unsigned mask_needs(const diffedit_editor *editor)
{
    return editor->user_mask || editor->user_map ? 0 : DE_NEED_MAP;
}

static diffedit_status find_mask(diffedit_editor *editor, const diffedit_options *options,
                                 diffedit_error *error)
{
    diffedit_status status = editor->user_mask ? DIFFEDIT_OK : de_stage_map(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_mask(editor, options, error);
    if (status == DIFFEDIT_OK && editor->mask_is_empty)
        de_log_write(editor->log, DIFFEDIT_LOG_WARNING,
                     "the mask is empty: nothing is to be changed");
    return status;
}

diffedit_status diffedit_find_map(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error)
{
    diffedit_status status = begin_with_picture(editor, options, mask_needs(editor), error);
    if (status == DIFFEDIT_OK)
        status = de_stage_map(editor, options, error);
    de_editor_end(editor);
    return status;
}

diffedit_status diffedit_find_mask(diffedit_picture **mask, diffedit_editor *editor,
                                   const diffedit_options *options, diffedit_error *error)
{
    diffedit_status status = begin_with_picture(editor, options, mask_needs(editor), error);
    if (status == DIFFEDIT_OK)
        status = find_mask(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_view(mask, editor, DIFFEDIT_VIEW_MASK, error);
    de_editor_end(editor);
    return status;
}

diffedit_status diffedit_invert(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error)
{
    diffedit_status status = begin_with_picture(editor, options, 0, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_invert(editor, options, error);
    de_editor_end(editor);
    return status;
}

/* From a mask that is not empty to the result. */
static diffedit_status change(diffedit_editor *editor, const diffedit_options *options,
                              diffedit_picture **result, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (options->scheduler == DIFFEDIT_SCHEDULER_DDIM)
        status = de_stage_invert(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_denoise(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_decode(editor, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_composite(editor, options, result, error);
    return status;
}

diffedit_status diffedit_edit(diffedit_picture **result, diffedit_editor *editor,
                              const diffedit_options *options, diffedit_error *error)
{
    unsigned needs = DE_NEED_TO | DE_NEED_BACKGROUND | mask_needs(editor);
    diffedit_status status = begin_with_picture(editor, options, needs, error);
    if (status == DIFFEDIT_OK)
        status = find_mask(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = editor->mask_is_empty ? de_picture_copy(result, editor->picture, error)
                                       : change(editor, options, result, error);
    de_editor_end(editor);
    return status;
}

/* With a UNet that reads the mask: from noise alone, and nothing is encoded. */
static diffedit_status inpaint(diffedit_editor *editor, const diffedit_options *options,
                               diffedit_picture **result, diffedit_error *error)
{
    diffedit_status status = begin_with_picture(editor, options, DE_NEED_TO, error);
    if (status == DIFFEDIT_OK)
        status = find_mask(editor, options, error);
    if (status == DIFFEDIT_OK && editor->mask_is_empty) {
        status = de_picture_copy(result, editor->picture, error);
    } else if (status == DIFFEDIT_OK) {
        status = de_stage_inpaint(editor, options, error);
        if (status == DIFFEDIT_OK)
            status = de_stage_decode(editor, error);
        if (status == DIFFEDIT_OK)
            status = de_stage_composite(editor, options, result, error);
    }
    de_editor_end(editor);
    return status;
}

diffedit_status diffedit_inpaint(diffedit_picture **result, diffedit_editor *editor,
                                 const diffedit_options *options, diffedit_error *error)
{
    if (!editor->user_mask)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "inpainting needs a mask: diffedit_editor_set_mask()");
    return de_model_inpaints(editor->model) ? inpaint(editor, options, result, error)
                                            : diffedit_edit(result, editor, options, error);
}

diffedit_status diffedit_generate(diffedit_picture **result, diffedit_editor *editor,
                                  const diffedit_options *options, diffedit_error *error)
{
    diffedit_status status = de_options_check_run(options, DE_NEED_TO, error);
    if (status == DIFFEDIT_OK)
        status = de_editor_begin(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_generate(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_decode(editor, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_view(result, editor, DIFFEDIT_VIEW_DECODED, error);
    de_editor_end(editor);
    return status;
}
