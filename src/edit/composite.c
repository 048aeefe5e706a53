/* The decoder's picture inside the mask, the input outside it. */
#include "edit/editor.h"

#include <stdlib.h>

double de_cell_size(const diffedit_editor *editor)
{
    double across = (double)diffedit_picture_width(editor->picture) / editor->latent_w;
    double down = (double)diffedit_picture_height(editor->picture) / editor->latent_h;
    return (across + down) / 2;
}

static diffedit_status blend(diffedit_editor *editor, const diffedit_options *options,
                             diffedit_picture **result, diffedit_error *error)
{
    int width = diffedit_picture_width(editor->picture),
        height = diffedit_picture_height(editor->picture);
    double feather = options->feather < 0 ? de_cell_size(editor) : options->feather;
    float *alpha;
    diffedit_status status = de_allocate_floats(&alpha, (int64_t)width * height, "the mask", error);
    if (status == DIFFEDIT_OK)
        status = de_mask_alpha(editor->mask, height, width, feather, options->mask_blur, alpha,
                               error);
    if (status == DIFFEDIT_OK)
        status = de_picture_composite(result, editor->picture, editor->decoded, editor->width,
                                      editor->height, alpha, error);
    free(alpha);
    return status;
}

diffedit_status de_stage_composite(diffedit_editor *editor, const diffedit_options *options,
                                   diffedit_picture **result, diffedit_error *error)
{
    double start = de_seconds();
    diffedit_status status = options->composite == DIFFEDIT_COMPOSITE_PIXEL
                                 ? blend(editor, options, result, error)
                                 : de_picture_replace(result, editor->picture, editor->decoded,
                                                      editor->width, editor->height, error);
    editor->stats.seconds[DIFFEDIT_STAGE_COMPOSITE] += de_seconds() - start;
    return status;
}
