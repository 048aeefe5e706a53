/* map -> mask: threshold, cells to picture pixels, growth; or the user's mask. */
#include "edit/editor.h"

#include <stdlib.h>

/* cells[h, w] = map >= threshold; a map at working size is looked at where a cell begins */
static void threshold_map(const diffedit_editor *editor, double threshold)
{
    int step_y = editor->map_h / editor->latent_h, step_x = editor->map_w / editor->latent_w;
    for (int y = 0; y < editor->latent_h; y++)
        for (int x = 0; x < editor->latent_w; x++)
            editor->cells[y * editor->latent_w + x] =
                editor->map[(int64_t)y * step_y * editor->map_w + x * step_x] >= (float)threshold;
}

static diffedit_status allocate_masks(diffedit_editor *editor, int64_t area, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (!editor->mask)
        status = de_allocate_bytes(&editor->mask, area, "the mask", error);
    if (status == DIFFEDIT_OK && !editor->cells)
        status = de_allocate_bytes(&editor->cells, (int64_t)editor->latent_h * editor->latent_w,
                                   "the mask", error);
    return status;
}

diffedit_status de_stage_mask(diffedit_editor *editor, const diffedit_options *options,
                              diffedit_error *error)
{
    int width = diffedit_picture_width(editor->picture),
        height = diffedit_picture_height(editor->picture);
    int64_t area = (int64_t)width * height;
    diffedit_status status = allocate_masks(editor, area, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (editor->user_mask) {
        for (int64_t i = 0; i < area; i++)
            editor->mask[i] = editor->user_mask[i];
    } else {
        threshold_map(editor, options->mask_threshold);
        de_mask_from_cells(editor->cells, editor->latent_h, editor->latent_w, height, width,
                           editor->mask);
    }
    if (options->mask_grow)
        status = de_mask_grow(editor->mask, height, width, options->mask_grow, error);
    if (status == DIFFEDIT_OK && (options->mask_grow || editor->user_mask))
        de_mask_to_cells(editor->mask, height, width, editor->latent_h, editor->latent_w,
                         editor->cells);

    int64_t changed = 0;
    for (int64_t i = 0; i < area; i++)
        changed += editor->mask[i];
    editor->mask_is_empty = changed == 0;
    editor->stats.mask_share = (double)changed / (double)area;
    return status;
}
