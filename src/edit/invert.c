#include "edit/predictor.h"

#include <stdlib.h>
#include <string.h>

void de_inversion_free(de_inversion *inversion)
{
    free(inversion->states);
    de_walk_free(&inversion->walk);
    de_grid_free(&inversion->grid);
    *inversion = (de_inversion){0};
}

/* x_0 alone, and the way that lies before it. */
static diffedit_status begin(de_inversion *inversion, const de_inversion_params *params,
                             const float *latent, int64_t count, const de_schedule *schedule,
                             diffedit_error *error)
{
    const de_sampler *sampler = params->sampler;
    diffedit_status status = sampler->make_grid(&inversion->grid, schedule, params->spacing,
                                                params->steps, error);
    if (status == DIFFEDIT_OK)
        status = de_walk_new(&inversion->walk, sampler, &inversion->grid, count, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&inversion->states, count, "the encoded picture", error);
    if (status != DIFFEDIT_OK) {
        de_inversion_free(inversion);
        return status;
    }
    memcpy(inversion->states, latent, (size_t)count * sizeof(float));
    inversion->count = 1;
    return DIFFEDIT_OK;
}

/* Room for k + 1 states. */
static diffedit_status reserve(de_inversion *inversion, int k, int64_t count, diffedit_error *error)
{
    size_t bytes = ((size_t)k + 1) * (size_t)count * sizeof(float);
    float *grown = realloc(inversion->states, bytes);
    if (!grown)
        return de_fail_memory(error, bytes, "the encoded picture");
    inversion->states = grown;
    return DIFFEDIT_OK;
}

diffedit_status de_inversion_run(de_inversion *inversion, const de_inversion_params *params, int k,
                                 const de_inversion_inputs *inputs, const de_schedule *schedule,
                                 const de_network_set *networks, de_stage_context *context,
                                 diffedit_error *error)
{
    de_cells size = de_latent_cells(&params->latent, networks);
    int64_t count = (int64_t)networks->channels * size.h * size.w;
    diffedit_status status = DIFFEDIT_OK;
    if (inversion->count == 0)
        status = begin(inversion, params, inputs->latent, count, schedule, error);
    if (status == DIFFEDIT_OK)
        status = reserve(inversion, k, count, error);
    de_guided guided = {0};
    if (status == DIFFEDIT_OK)
        status = de_guided_new(
            &guided, networks, context, inputs->empty, params->from ? inputs->from : inputs->empty,
            (int)params->guidance_kind, params->guidance, size, inputs->condition, error);
    const de_grid *grid = &inversion->grid;
    for (int i = inversion->count - 1; i < k && status == DIFFEDIT_OK; i++) {
        float *x = inversion->states + i * count;
        double t = grid->timesteps[i + params->sampler->encode_ahead];
        const float *eps;
        status = de_guided_run(&eps, &guided, x, t, grid->levels[i], error);
        if (status != DIFFEDIT_OK)
            break;
        params->sampler->encode_step(&inversion->walk, i, eps, x, x + count);
        inversion->count = i + 2;
        status = de_stage_step(context, DIFFEDIT_STAGE_INVERT, i + 1, k, error);
    }
    de_guided_free(&guided);
    return status;
}
