/* The decoder's picture inside the mask, the input outside it. */
#include "edit/stage.h"

#include <stdlib.h>

diffedit_status de_blend_run(diffedit_picture **result, const de_blend_params *params,
                             const diffedit_picture *picture, const uint8_t *decoded,
                             const uint8_t *mask, de_stage_context *context, diffedit_error *error)
{
    const de_edited edited = {.pixels = decoded,
                              .width = params->working.w,
                              .height = params->working.h,
                              .at = params->at};
    int loops = params->everywhere ? 0 : de_mask_alpha_loops(params->blur);
    de_stage_listener listener = {context, DIFFEDIT_STAGE_COMPOSITE};
    de_work work = de_stage_work(&listener, loops + 1);
    float *alpha = NULL;
    diffedit_status status = DIFFEDIT_OK;
    if (!params->everywhere)
        status = de_allocate_floats(&alpha, (int64_t)params->at.width * params->at.height,
                                    "the mask", error);
    if (status == DIFFEDIT_OK && alpha)
        status = de_mask_alpha(mask, params->at.height, params->at.width, params->feather,
                               params->blur, alpha, &work, error);
    if (status == DIFFEDIT_OK)
        status = de_picture_composite(result, picture, &edited, alpha, &work, error);
    free(alpha);
    return status;
}
