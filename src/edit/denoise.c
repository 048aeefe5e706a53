/* The guided decode: inside the mask towards the query text, outside it along the background; and
 * text to image, which is the same without a mask. */
#include "base/random.h"
#include "edit/predictor.h"

#include <math.h>
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

int de_denoise_steps(const de_denoise_params *params)
{
    bool skips = params->start == DE_START_NOISED &&
                 params->background == DIFFEDIT_BACKGROUND_START;
    return params->k - (skips ? params->sampler->edit_skips : 0);
}

/* A decode on its way. */
typedef struct decoding {
    const de_denoise_params *params;
    const de_denoise_inputs *inputs;
    de_final *final;
    de_grid grid;
    de_walk walk;
    de_guided guided;
    de_random *random; /* draws the first noise, and goes on with those of the steps; or NULL */
    float *scaled;     /* [count], the UNet's input */
    float *noised;     /* [count], the background without an encoding, and each step's noise */
    float *predicted;  /* [count], x_0 as the step sees it */
    int first;         /* the node that it starts from */
    de_cells size;
    int64_t area; /* cells */
} decoding;

/* What stands outside the mask after the step to node i (DiffEdit section 3.2, step 3, for `same`):
 * a state of the encoding, or x_0 with as much of the first noise. */
static const float *background_at(const decoding *d, int i)
{
    const de_denoise_params *params = d->params;
    const de_denoise_inputs *inputs = d->inputs;
    int node = params->background == DIFFEDIT_BACKGROUND_SAME     ? i
               : params->background == DIFFEDIT_BACKGROUND_LAGGED ? i + 1
                                                                  : 0;
    if (node == 0)
        return inputs->latent;
    if (params->start == DE_START_INVERTED)
        return inputs->states + node * d->walk.count;
    de_sampler_add_noise(params->sampler, &d->grid, node, inputs->latent, d->final->noise,
                         d->walk.count, d->noised);
    return d->noised;
}

/* final->latent as the decode finds it. */
static diffedit_status begin(decoding *d, diffedit_error *error)
{
    const de_denoise_params *params = d->params;
    int64_t count = d->walk.count;
    de_final *final = d->final;
    d->first = de_denoise_steps(params);
    if (d->first == params->k) /* else a step is left out, and orders count as if none were */
        d->walk.begins = params->k;
    diffedit_status status = de_allocate_floats(&final->latent, count, "a latent", error);
    if (status == DIFFEDIT_OK && params->start == DE_START_INVERTED) {
        memcpy(final->latent, d->inputs->states + params->k * count, (size_t)count * sizeof(float));
        return DIFFEDIT_OK;
    }
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&final->noise, count, "noise", error);
    if (status == DIFFEDIT_OK)
        status = de_random_new(&d->random, params->rng, params->seed, error);
    if (status != DIFFEDIT_OK)
        return status;
    bool noised = params->start == DE_START_NOISED;
    de_random_draw(d->random, count, final->noise);
    de_sampler_add_noise(params->sampler, &d->grid, params->k, noised ? d->inputs->latent : NULL,
                         final->noise, count, final->latent);
    return DIFFEDIT_OK;
}

/* The result as predicted from x of a level, as the network reads it, and its eps. */
static void predict(decoding *d, double level, const float *x, const float *eps)
{
    float signal = (float)sqrt(level), noise = (float)sqrt(1 - level);
    for (int64_t j = 0; j < d->walk.count; j++)
        d->predicted[j] = (x[j] - noise * eps[j]) / signal;
    if (d->inputs->cells)
        keep_background(d->inputs->cells, d->inputs->latent, (int)(d->walk.count / d->area),
                        d->area, d->predicted);
}

/* Whoever listens may look at what is predicted. */
static diffedit_status report(decoding *d, int i, diffedit_error *error)
{
    de_stage_context *context = d->guided.predictor.context;
    const de_running running = {
        .x_0 = d->predicted, .size = d->size, .of_picture = d->inputs->latent != NULL};
    context->running = &running;
    diffedit_status status = de_stage_step(context, DIFFEDIT_STAGE_DENOISE, d->first - i + 1,
                                           d->first, error);
    context->running = NULL;
    return status;
}

/* y of node i to node i - 1. */
static diffedit_status step(decoding *d, int i, float *y, diffedit_error *error)
{
    const de_sampler *sampler = d->params->sampler;
    const float *eps;
    const float *x = de_sampler_network_input(sampler, &d->grid, i, y, d->walk.count, d->scaled);
    diffedit_status status = de_guided_run(&eps, &d->guided, x, d->grid.timesteps[i],
                                           d->grid.levels[i], error);
    if (status != DIFFEDIT_OK)
        return status;
    predict(d, d->grid.levels[i], x, eps);
    if (sampler->draws && i > 1)
        de_random_draw(d->random, d->walk.count, d->noised);
    sampler->decode_step(&d->walk, i, eps, y);
    if (d->inputs->cells)
        keep_background(d->inputs->cells, background_at(d, i - 1), (int)(d->walk.count / d->area),
                        d->area, y);
    return report(d, i, error);
}

/* From node k down to node 0. */
static diffedit_status decode(decoding *d, diffedit_error *error)
{
    diffedit_status status = begin(d, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&d->scaled, d->walk.count, "the UNet's input", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&d->noised, d->walk.count, "noise", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&d->predicted, d->walk.count, "a prediction", error);
    d->walk.noise = d->noised;
    for (int i = d->first; i > 0 && status == DIFFEDIT_OK; i--)
        status = step(d, i, d->final->latent, error);
    free(d->predicted);
    free(d->noised);
    free(d->scaled);
    de_random_free(d->random);
    return status;
}

diffedit_status de_denoise_run(de_final *final, const de_denoise_params *params,
                               const de_denoise_inputs *inputs, const de_schedule *schedule,
                               const de_network_set *networks, de_stage_context *context,
                               diffedit_error *error)
{
    de_cells size = de_latent_cells(&params->latent, networks);
    int64_t area = (int64_t)size.h * size.w;
    decoding d = {.params = params, .inputs = inputs, .final = final, .size = size, .area = area};
    *final = (de_final){0};
    diffedit_status status = params->sampler->make_grid(&d.grid, schedule, params->spacing,
                                                        params->steps, error);
    if (status == DIFFEDIT_OK)
        status = de_walk_new(&d.walk, params->sampler, &d.grid, networks->channels * area, error);
    if (status == DIFFEDIT_OK)
        status = de_guided_new(&d.guided, networks, context, inputs->unconditional, inputs->to,
                               (int)params->guidance_kind, params->guidance, size,
                               inputs->condition, error);
    if (status == DIFFEDIT_OK)
        status = decode(&d, error);
    de_guided_free(&d.guided);
    de_walk_free(&d.walk);
    de_grid_free(&d.grid);
    if (status != DIFFEDIT_OK)
        de_final_free(final);
    return status;
}
