/* picture -> latent x_0: the scaled mean of the autoencoder's posterior, or a sample of it. */
#include "base/random.h"
#include "edit/stage.h"

#include <math.h>
#include <stdlib.h>

static const float LOG_VARIANCE_MIN = -30, LOG_VARIANCE_MAX = 20;

diffedit_status de_posterior_take(float *latent, const de_latent_params *params,
                                  const float *moments, const de_network_set *networks,
                                  diffedit_error *error)
{
    de_cells size = de_latent_cells(params, networks);
    int64_t cells = (int64_t)size.h * size.w;
    int c = networks->channels;
    float scale = (float)networks->scaling_factor, *noise = NULL;
    if (params->sample) {
        diffedit_status status = de_allocate_floats(&noise, c * cells, "noise", error);
        if (status != DIFFEDIT_OK)
            return status;
        de_random_normal(params->rng, params->seed, c * cells, noise);
    }
    for (int64_t cell = 0; cell < cells; cell++)
        for (int j = 0; j < c; j++) {
            float mean = moments[cell * 2 * c + j], value = mean;
            if (params->sample) {
                float log_variance = moments[cell * 2 * c + c + j];
                log_variance = fminf(fmaxf(log_variance, LOG_VARIANCE_MIN), LOG_VARIANCE_MAX);
                value = mean + expf(0.5f * log_variance) * noise[j * cells + cell];
            }
            latent[j * cells + cell] = value * scale;
        }
    free(noise);
    return DIFFEDIT_OK;
}

diffedit_status de_encode_run(float *latent, const de_latent_params *params, const uint8_t *pixels,
                              const de_network_set *networks, de_stage_context *context,
                              diffedit_error *error)
{
    de_cells size = de_latent_cells(params, networks);
    int64_t values = (int64_t)params->width * params->height * 3;
    float *floats = NULL, *moments = NULL;
    diffedit_status status = de_allocate_floats(&floats, values, "the picture", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&moments, (int64_t)2 * networks->channels * size.h * size.w,
                                    "a latent", error);
    if (status == DIFFEDIT_OK) {
        for (int64_t i = 0; i < values; i++)
            floats[i] = (float)pixels[i] / 127.5f - 1.0f;
        status = networks->encode_pixels(networks->self, floats, size.h, size.w, moments, error);
    }
    if (status == DIFFEDIT_OK)
        status = de_posterior_take(latent, params, moments, networks, error);
    if (status == DIFFEDIT_OK)
        status = de_stage_step(context, DIFFEDIT_STAGE_ENCODE, 1, 1, error);
    free(floats);
    free(moments);
    return status;
}
