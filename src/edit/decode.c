/* latent -> the decoder's picture, 8-bit sRGB at working size. */
#include "edit/stage.h"

#include <math.h>
#include <stdlib.h>

static uint8_t to_byte(float value)
{
    return (uint8_t)rintf(255 * fminf(fmaxf(value / 2 + 0.5f, 0), 1));
}

diffedit_status de_decode_run(uint8_t *pixels, const de_latent_params *params, const float *latent,
                              const de_network_set *networks, de_stage_context *context,
                              diffedit_error *error)
{
    de_cells size = de_latent_cells(params, networks);
    int64_t values = (int64_t)params->width * params->height * 3;
    float *floats = NULL;
    diffedit_status status = de_allocate_floats(&floats, values, "a decoded picture", error);
    if (status == DIFFEDIT_OK)
        status = networks->decode_latent(networks->self, latent, size.h, size.w, floats, error);
    for (int64_t i = 0; i < values && status == DIFFEDIT_OK; i++)
        pixels[i] = to_byte(floats[i]);
    if (status == DIFFEDIT_OK)
        status = de_stage_step(context, DIFFEDIT_STAGE_DECODE, 1, 1, error);
    free(floats);
    return status;
}
