/* The guided decode: inside the mask towards the query text, outside it along the background; and
 * text to image, which is the same without a mask. */
#include "base/random.h"
#include "edit/predictor.h"

#include <stdlib.h>
#include <string.h>

void de_final_free(de_final *final)
{
    free(final->latent);
    free(final->noise);
    *final = (de_final){0};
}

/* y = cells y + (1 - cells) background, all [c, h, w] but cells [h, w] */
static void keep_background(const uint8_t *cells, const float *background, int channels,
                            int64_t area, float *y)
{
    for (int j = 0; j < channels; j++)
        for (int64_t i = 0; i < area; i++)
            if (!cells[i])
                y[j * area + i] = background[j * area + i];
}

/* What stands outside the mask after the step to node i (DiffEdit section 3.2, step 3, for `same`).
 */
static const float *background_at(const de_denoise_params *params, const de_denoise_inputs *inputs,
                                  int i, int64_t count)
{
    switch (params->background) {
    case DIFFEDIT_BACKGROUND_SAME: return inputs->states + i * count;
    case DIFFEDIT_BACKGROUND_LAGGED: return inputs->states + (i + 1) * count;
    default: return inputs->latent;
    }
}

/* final->latent as the decode finds it, and the node it stands at. */
static diffedit_status begin(de_final *final, int *first, const de_denoise_params *params,
                             const de_denoise_inputs *inputs, const de_grid *grid, int64_t count,
                             diffedit_error *error)
{
    *first = params->k;
    diffedit_status status = de_allocate_floats(&final->latent, count, "a latent", error);
    if (status == DIFFEDIT_OK && params->start == DE_START_INVERTED) {
        memcpy(final->latent, inputs->states + params->k * count, (size_t)count * sizeof(float));
        return DIFFEDIT_OK;
    }
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&final->noise, count, "noise", error);
    if (status != DIFFEDIT_OK)
        return status;
    bool noised = params->start == DE_START_NOISED;
    de_random_normal(params->rng, params->seed, count, final->noise);
    de_sampler_add_noise(params->sampler, grid, params->k, noised ? inputs->latent : NULL,
                         final->noise, count, final->latent);
    if (noised)
        *first -= params->sampler->edit_skips;
    return DIFFEDIT_OK;
}

/* y from node `first` down to node 0. */
static diffedit_status decode(float *y, int first, const de_denoise_params *params,
                              const de_denoise_inputs *inputs, de_walk *walk, de_guided *guided,
                              int64_t area, diffedit_error *error)
{
    const de_sampler *sampler = params->sampler;
    const de_grid *grid = walk->grid;
    float *scaled = NULL;
    diffedit_status status = de_allocate_floats(&scaled, walk->count, "the UNet's input", error);
    for (int i = first; i > 0 && status == DIFFEDIT_OK; i--) {
        const float *eps, *x = de_sampler_network_input(sampler, grid, i, y, walk->count, scaled);
        status = de_guided_run(&eps, guided, x, grid->timesteps[i], grid->levels[i], error);
        if (status != DIFFEDIT_OK)
            break;
        sampler->decode_step(walk, i, eps, y);
        if (inputs->cells)
            keep_background(inputs->cells, background_at(params, inputs, i - 1, walk->count),
                            (int)(walk->count / area), area, y);
        status = de_stage_step(guided->predictor.context, DIFFEDIT_STAGE_DENOISE, first - i + 1,
                               first, error);
    }
    free(scaled);
    return status;
}

diffedit_status de_denoise_run(de_final *final, const de_denoise_params *params,
                               const de_denoise_inputs *inputs, const de_schedule *schedule,
                               const de_network_set *networks, de_stage_context *context,
                               diffedit_error *error)
{
    de_cells size = de_latent_cells(&params->latent, networks);
    int64_t area = (int64_t)size.h * size.w, count = networks->channels * area;
    int first = 0;
    de_grid grid = {0};
    de_walk walk = {0};
    de_guided guided = {0};
    *final = (de_final){0};
    diffedit_status status = params->sampler->make_grid(&grid, schedule, params->steps, error);
    if (status == DIFFEDIT_OK)
        status = de_walk_new(&walk, params->sampler, &grid, count, error);
    if (status == DIFFEDIT_OK)
        status = begin(final, &first, params, inputs, &grid, count, error);
    if (status == DIFFEDIT_OK)
        status = de_guided_new(&guided, networks, context, inputs->unconditional, inputs->to,
                               params->guidance_kind, params->guidance, size, inputs->condition,
                               error);
    if (status == DIFFEDIT_OK)
        status = decode(final->latent, first, params, inputs, &walk, &guided, area, error);
    de_guided_free(&guided);
    de_walk_free(&walk);
    de_grid_free(&grid);
    if (status != DIFFEDIT_OK)
        de_final_free(final);
    return status;
}
