/* The decoder's picture inside the mask, the input outside it. */
#include "edit/stage.h"

#include <stdlib.h>

/* *alpha [at.height, at.width], to be freed. What somebody removed is the input's own, in the soft
 * edge too. */
static diffedit_status make_alpha(float **alpha, const de_blend_params *params,
                                  const de_blend_inputs *inputs, de_work *work,
                                  diffedit_error *error)
{
    int height = params->at.height, width = params->at.width;
    int64_t area = (int64_t)height * width;
    diffedit_status status = de_allocate_floats(alpha, area, "the mask", error);
    if (status == DIFFEDIT_OK)
        status = de_mask_alpha(inputs->mask, height, width, params->feather, params->blur, *alpha,
                               work, error);
    for (int64_t i = 0; i < area && inputs->correction && status == DIFFEDIT_OK; i++)
        if (inputs->correction[i] == DE_CORRECTION_REMOVES)
            (*alpha)[i] = 0;
    return status;
}

diffedit_status de_blend_run(diffedit_picture **result, const de_blend_params *params,
                             const de_blend_inputs *inputs, de_stage_context *context,
                             diffedit_error *error)
{
    const de_edited edited = {.pixels = inputs->decoded,
                              .width = params->working.w,
                              .height = params->working.h,
                              .at = params->at};
    int loops = params->everywhere ? 0 : de_mask_alpha_loops(params->blur);
    de_stage_listener listener = {context, DIFFEDIT_STAGE_COMPOSITE};
    de_work work = de_stage_work(&listener, loops + 1);
    float *alpha = NULL;
    diffedit_status status = DIFFEDIT_OK;
    if (!params->everywhere)
        status = make_alpha(&alpha, params, inputs, &work, error);
    if (status == DIFFEDIT_OK)
        status = de_picture_composite(result, inputs->picture, &edited, alpha, &work, error);
    free(alpha);
    return status;
}
