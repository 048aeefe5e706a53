/* What an inpainting UNet reads beside the latent (Rombach et al. 2022, section 4.5): the mask, 1
 * where the picture changes, and the latent of the picture with grey in the mask's place. Other
 * UNets read nothing, and all this is nothing. */
#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>

static diffedit_status reserve(diffedit_editor *editor, diffedit_error *error)
{
    int64_t count = de_latent_count(editor) + (int64_t)editor->latent_h * editor->latent_w;
    return editor->condition
               ? DIFFEDIT_OK
               : de_allocate_floats(&editor->condition, count, "the mask's condition", error);
}

/* The latent of pixels [H, W, 3] in -1..1, behind the mask in editor->condition. */
static diffedit_status encode_masked(diffedit_editor *editor, const diffedit_options *options,
                                     const float *pixels, diffedit_error *error)
{
    float *moments, *latent = editor->condition + (int64_t)editor->latent_h * editor->latent_w;
    diffedit_status status = de_allocate_floats(&moments, 2 * de_latent_count(editor), "a latent",
                                                error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_editor_encode(editor, pixels, moments, error);
    if (status == DIFFEDIT_OK)
        status = de_take_posterior(editor, options, moments, latent, error);
    free(moments);
    return status;
}

diffedit_status de_condition_everything(diffedit_editor *editor, const diffedit_options *options,
                                        diffedit_error *error)
{
    if (!de_model_inpaints(editor->model))
        return DIFFEDIT_OK;
    int64_t values = (int64_t)editor->width * editor->height * 3;
    float *grey = NULL;
    diffedit_status status = reserve(editor, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&grey, values, "a grey picture", error);
    for (int64_t i = 0; i < values && status == DIFFEDIT_OK; i++)
        grey[i] = 0;
    for (int64_t i = 0; i < (int64_t)editor->latent_h * editor->latent_w && status == DIFFEDIT_OK;
         i++)
        editor->condition[i] = 1;
    if (status == DIFFEDIT_OK)
        status = encode_masked(editor, options, grey, error);
    free(grey);
    return status;
}

/* Whether a pixel at working size lies in the mask, which has the picture's size. */
static bool is_masked(const diffedit_editor *editor, int y, int x)
{
    int64_t width = diffedit_picture_width(editor->picture),
            height = diffedit_picture_height(editor->picture);
    int64_t row = (2 * y + 1) * height / (2 * editor->height),
            column = (2 * x + 1) * width / (2 * editor->width);
    return editor->mask[row * width + column];
}

diffedit_status de_condition_mask(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error)
{
    if (!de_model_inpaints(editor->model))
        return DIFFEDIT_OK;
    float *pixels = NULL;
    diffedit_status status = reserve(editor, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&pixels, (int64_t)editor->width * editor->height * 3,
                                    "the picture", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int i = 0; i < editor->latent_h * editor->latent_w; i++)
        editor->condition[i] = editor->cells[i];
    for (int y = 0; y < editor->height; y++)
        for (int x = 0; x < editor->width; x++)
            for (int c = 0; c < 3; c++) {
                int64_t i = ((int64_t)y * editor->width + x) * 3 + c;
                pixels[i] = is_masked(editor, y, x) ? 0 : (float)editor->input[i] / 127.5f - 1.0f;
            }
    status = encode_masked(editor, options, pixels, error);
    free(pixels);
    return status;
}

uint64_t de_mask_hash(const diffedit_editor *editor)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    int64_t area = (int64_t)diffedit_picture_width(editor->picture) *
                   diffedit_picture_height(editor->picture);
    for (int64_t i = 0; i < area && de_model_inpaints(editor->model); i++)
        hash = (hash ^ editor->mask[i]) * UINT64_C(0x100000001b3);
    return hash;
}
