/* Looking at what an editor computed. */
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>

const char *diffedit_array_name(diffedit_array_id array)
{
    static const char *const names[DIFFEDIT_ARRAY_COUNT] = {
        [DIFFEDIT_ARRAY_TOKENS_FROM] = "tokens-from",
        [DIFFEDIT_ARRAY_TOKENS_TO] = "tokens-to",
        [DIFFEDIT_ARRAY_TOKENS_NEGATIVE] = "tokens-negative",
        [DIFFEDIT_ARRAY_EMBEDDING_FROM] = "embedding-from",
        [DIFFEDIT_ARRAY_EMBEDDING_TO] = "embedding-to",
        [DIFFEDIT_ARRAY_EMBEDDING_NEGATIVE] = "embedding-negative",
        [DIFFEDIT_ARRAY_LATENT] = "latent",
        [DIFFEDIT_ARRAY_MASK_NOISE] = "mask-noise",
        [DIFFEDIT_ARRAY_MAP] = "map",
        [DIFFEDIT_ARRAY_MASK] = "mask",
        [DIFFEDIT_ARRAY_INVERTED] = "inverted",
        [DIFFEDIT_ARRAY_NOISE] = "noise",
        [DIFFEDIT_ARRAY_FINAL] = "final"};
    return names[array];
}

static diffedit_array text_array(const diffedit_editor *editor, de_text_role role, bool tokens)
{
    const de_text *text = &editor->texts[role];
    if (!text->serial)
        return (diffedit_array){0};
    int64_t n = de_tokenizer_length(editor->model->tokenizer);
    if (tokens)
        return (diffedit_array){.dimensions = 1, .shape = {n}, .tokens = text->tokens};
    return (diffedit_array){
        .dimensions = 2, .shape = {n, editor->model->text_config.width}, .data = text->embedding};
}

static diffedit_array latent_array(const diffedit_editor *editor, const float *data)
{
    if (!data)
        return (diffedit_array){0};
    return (diffedit_array){.dimensions = 3,
                            .shape = {editor->channels, editor->latent_h, editor->latent_w},
                            .data = data};
}

static diffedit_array latents_array(const diffedit_editor *editor, int count, const float *data)
{
    if (!data || !count)
        return (diffedit_array){0};
    return (diffedit_array){.dimensions = 4,
                            .shape = {count, editor->channels, editor->latent_h, editor->latent_w},
                            .data = data};
}

static diffedit_status mask_array(diffedit_editor *editor, diffedit_array *array,
                                  diffedit_error *error)
{
    int64_t cells = (int64_t)editor->latent_h * editor->latent_w;
    *array = (diffedit_array){0};
    if (!editor->cells)
        return DIFFEDIT_OK;
    if (!editor->mask_view) {
        diffedit_status status = de_allocate_floats(&editor->mask_view, cells, "the mask", error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    for (int64_t i = 0; i < cells; i++)
        editor->mask_view[i] = editor->cells[i];
    *array = (diffedit_array){
        .dimensions = 2, .shape = {editor->latent_h, editor->latent_w}, .data = editor->mask_view};
    return DIFFEDIT_OK;
}

static diffedit_array map_array(const diffedit_editor *editor)
{
    if (!editor->has_map)
        return (diffedit_array){0};
    return (diffedit_array){
        .dimensions = 2, .shape = {editor->map_h, editor->map_w}, .data = editor->map};
}

diffedit_status diffedit_editor_array(diffedit_array *array, diffedit_editor *editor,
                                      diffedit_array_id id, diffedit_error *error)
{
    switch (id) {
    case DIFFEDIT_ARRAY_TOKENS_FROM: *array = text_array(editor, DE_TEXT_FROM, true); break;
    case DIFFEDIT_ARRAY_TOKENS_TO: *array = text_array(editor, DE_TEXT_TO, true); break;
    case DIFFEDIT_ARRAY_TOKENS_NEGATIVE: *array = text_array(editor, DE_TEXT_NEGATIVE, true); break;
    case DIFFEDIT_ARRAY_EMBEDDING_FROM: *array = text_array(editor, DE_TEXT_FROM, false); break;
    case DIFFEDIT_ARRAY_EMBEDDING_TO: *array = text_array(editor, DE_TEXT_TO, false); break;
    case DIFFEDIT_ARRAY_EMBEDDING_NEGATIVE:
        *array = text_array(editor, DE_TEXT_NEGATIVE, false);
        break;
    case DIFFEDIT_ARRAY_LATENT:
        *array = latent_array(editor, editor->has_latent ? editor->latent : NULL);
        break;
    case DIFFEDIT_ARRAY_MASK_NOISE:
        *array = latents_array(editor, editor->has_map ? editor->mask_samples : 0,
                               editor->mask_noise);
        break;
    case DIFFEDIT_ARRAY_MAP: *array = map_array(editor); break;
    case DIFFEDIT_ARRAY_MASK: return mask_array(editor, array, error);
    case DIFFEDIT_ARRAY_INVERTED:
        *array = latents_array(editor, editor->inverted_shown, editor->inverted);
        break;
    case DIFFEDIT_ARRAY_NOISE:
        *array = latent_array(editor, editor->has_final ? editor->noise : NULL);
        break;
    case DIFFEDIT_ARRAY_FINAL:
        *array = latent_array(editor, editor->has_final ? editor->final : NULL);
        break;
    default: return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "no array has the number %d", (int)id);
    }
    return DIFFEDIT_OK;
}

/* ---- pictures on the way ---- */

static diffedit_status map_view(const diffedit_editor *editor, diffedit_picture **picture,
                                diffedit_error *error)
{
    if (!editor->has_map)
        return DIFFEDIT_OK;
    int width = diffedit_picture_width(editor->picture),
        height = diffedit_picture_height(editor->picture);
    uint8_t *grey;
    diffedit_status status = de_allocate_bytes(&grey, (int64_t)width * height, "the map", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int y = 0; y < height; y++) {
        const float *row = editor->map + (int64_t)y * editor->map_h / height * editor->map_w;
        for (int x = 0; x < width; x++)
            grey[(int64_t)y * width + x] = (uint8_t)rintf(255 *
                                                          row[(int64_t)x * editor->map_w / width]);
    }
    status = diffedit_picture_new(picture, width, height, 1, 8, grey, (size_t)width, error);
    free(grey);
    return status;
}

static diffedit_status mask_view(const diffedit_editor *editor, diffedit_picture **picture,
                                 diffedit_error *error)
{
    if (!editor->mask)
        return DIFFEDIT_OK;
    int width = diffedit_picture_width(editor->picture),
        height = diffedit_picture_height(editor->picture);
    uint8_t *grey;
    diffedit_status status = de_allocate_bytes(&grey, (int64_t)width * height, "the mask", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int64_t i = 0; i < (int64_t)width * height; i++)
        grey[i] = editor->mask[i] ? 255 : 0;
    status = diffedit_picture_new(picture, width, height, 1, 8, grey, (size_t)width, error);
    free(grey);
    return status;
}

diffedit_status diffedit_editor_view(diffedit_picture **picture, diffedit_editor *editor,
                                     diffedit_view_id id, diffedit_error *error)
{
    size_t row = (size_t)editor->width * 3;
    *picture = NULL;
    switch (id) {
    case DIFFEDIT_VIEW_INPUT:
        return editor->has_latent ? diffedit_picture_new(picture, editor->width, editor->height, 3,
                                                         8, editor->input, row, error)
                                  : DIFFEDIT_OK;
    case DIFFEDIT_VIEW_MAP: return map_view(editor, picture, error);
    case DIFFEDIT_VIEW_MASK: return mask_view(editor, picture, error);
    case DIFFEDIT_VIEW_DECODED:
        return editor->decoded ? diffedit_picture_new(picture, editor->width, editor->height, 3, 8,
                                                      editor->decoded, row, error)
                               : DIFFEDIT_OK;
    default: return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "no view has the number %d", (int)id);
    }
}
