/* The decoder's picture inside the mask, the input outside it. */
#include "edit/stage.h"

#include <stdlib.h>

diffedit_status de_blend_run(diffedit_picture **result, const de_blend_params *params,
                             const diffedit_picture *picture, const uint8_t *decoded,
                             const uint8_t *mask, diffedit_error *error)
{
    int width = diffedit_picture_width(picture), height = diffedit_picture_height(picture);
    if (params->everywhere)
        return de_picture_replace(result, picture, decoded, params->working.w, params->working.h,
                                  error);
    float *alpha = NULL;
    diffedit_status status = de_allocate_floats(&alpha, (int64_t)width * height, "the mask", error);
    if (status == DIFFEDIT_OK)
        status = de_mask_alpha(mask, height, width, params->feather, params->blur, alpha, error);
    if (status == DIFFEDIT_OK)
        status = de_picture_composite(result, picture, decoded, params->working.w,
                                      params->working.h, alpha, error);
    free(alpha);
    return status;
}
