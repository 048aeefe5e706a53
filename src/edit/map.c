/* Where the picture must change: a map in 0..1 from what the UNet predicts under different texts.
 */
#include "base/random.h"
#include "edit/predictor.h"
#include "sampling/guidance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void de_map_free(de_map *map)
{
    free(map->values);
    free(map->noise);
    *map = (de_map){0};
}

de_cells de_map_size(const de_map_params *params, const de_network_set *networks)
{
    if (params->method == DIFFEDIT_MASK_CONTRAST)
        return de_latent_cells(&params->latent, networks);
    return (de_cells){params->latent.height, params->latent.width};
}

/* What both methods work with. */
typedef struct finding {
    de_map *map;
    const de_map_params *params;
    const de_map_inputs *inputs;
    const de_network_set *networks;
    de_stage_context *context;
    de_cells size; /* of latents */
    int64_t count; /* values of a latent */
} finding;

/* ---- contrast: DiffEdit section 3.2, step 1 ---- */

/* sum[h, w] += the mean over channels of |a - b|, both [c, h, w] */
static void add_difference(const float *a, const float *b, int channels, int64_t cells, float *sum)
{
    for (int j = 0; j < channels; j++)
        for (int64_t i = 0; i < cells; i++)
            sum[i] += fabsf(a[j * cells + i] - b[j * cells + i]) / (float)channels;
}

static diffedit_status contrast(const finding *find, diffedit_error *error)
{
    const de_map_params *params = find->params;
    const de_map_inputs *inputs = find->inputs;
    int64_t cells = (int64_t)find->size.h * find->size.w, count = find->count;
    float *values = find->map->values, *noise = find->map->noise, *z = NULL;
    de_random_normal(params->rng, params->seed, params->samples * count, noise);
    if (params->to == params->from) /* equal texts: no difference */
        return DIFFEDIT_OK;
    de_predictor predictor = {0};
    diffedit_status status = de_predictor_new(&predictor, find->networks, find->context,
                                              (const de_text_input[]){inputs->to, inputs->from}, 2,
                                              find->size, inputs->condition, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&z, count, "a noised latent", error);
    for (int i = 0; i < params->samples && status == DIFFEDIT_OK; i++) {
        de_add_noise(inputs->latent, noise + i * count, params->level, count, z);
        status = de_predictor_run(&predictor, z, params->timestep, params->level, error);
        if (status != DIFFEDIT_OK)
            break;
        add_difference(predictor.eps, predictor.eps + count, find->networks->channels, cells,
                       values);
        status = de_stage_step(find->context, DIFFEDIT_STAGE_MAP, i + 1, params->samples, error);
    }
    free(z);
    de_predictor_free(&predictor);
    return status;
}

/* ---- plus-minus: one text, guidance of both signs (the DiffEdit-practice notebook) ---- */

/* The difference P+ - P- [c, h, w] of what guidance towards and away from the text make of each
 * sample. */
static diffedit_status find_differences(const finding *find, float *differences,
                                        diffedit_error *error)
{
    const de_map_params *params = find->params;
    int64_t count = find->count;
    float sigma = (float)params->sigma, *z = NULL, *plus = NULL, *minus = NULL;
    const de_text_input texts[] = {find->inputs->empty, find->inputs->from};
    de_predictor predictor = {0};
    diffedit_status status = de_predictor_new(&predictor, find->networks, find->context, texts, 2,
                                              find->size, find->inputs->condition, error);
    float **arrays[] = {&z, &plus, &minus};
    for (int i = 0; i < 3 && status == DIFFEDIT_OK; i++)
        status = de_allocate_floats(arrays[i], count, "a latent", error);
    for (int i = 0; i < params->samples && status == DIFFEDIT_OK; i++) {
        const float *noise = find->map->noise + i * count, *u = predictor.eps, *text = u + count;
        for (int64_t j = 0; j < count; j++)
            z[j] = (find->inputs->latent[j] + sigma * noise[j]) * (float)sqrt(params->level);
        status = de_predictor_run(&predictor, z, params->timestep, params->level, error);
        if (status != DIFFEDIT_OK)
            break;
        de_guide(params->guidance_kind, u, text, params->guidance, count, plus);
        de_guide(params->guidance_kind, u, text, -params->guidance, count, minus);
        for (int64_t j = 0; j < count; j++) /* P = z - sigma eps, so z cancels */
            differences[i * count + j] = sigma * (minus[j] - plus[j]);
        status = de_stage_step(find->context, DIFFEDIT_STAGE_MAP, i + 1, 2 * params->samples,
                               error);
    }
    for (int i = 0; i < 3; i++)
        free(*arrays[i]);
    de_predictor_free(&predictor);
    return status;
}

/* map[H, W] += mean over colours of relu(D(difference)) + relu(D(-difference)) */
static diffedit_status add_decoded(const finding *find, float *difference, float *pixels,
                                   diffedit_error *error)
{
    const de_network_set *networks = find->networks;
    int64_t area = (int64_t)find->map->h * find->map->w;
    diffedit_status status = DIFFEDIT_OK;
    for (int side = 0; side < 2 && status == DIFFEDIT_OK; side++) {
        status = networks->decode_latent(networks->self, difference, find->size.h, find->size.w,
                                         pixels, error);
        for (int64_t i = 0; i < 3 * area && status == DIFFEDIT_OK; i++)
            find->map->values[i / 3] += fmaxf(pixels[i], 0) / 3;
        for (int64_t j = 0; j < find->count; j++)
            difference[j] = -difference[j];
    }
    return status;
}

static diffedit_status plus_minus(const finding *find, diffedit_error *error)
{
    const de_map_params *params = find->params;
    int64_t area = (int64_t)find->map->h * find->map->w, count = find->count;
    int samples = params->samples;
    float *differences = NULL, *pixels = NULL;
    for (int i = 0; i < samples; i++)
        de_random_normal(params->rng, params->seed + (uint64_t)i, count,
                         find->map->noise + i * count);
    if (params->from == find->inputs->empty.serial)
        return DIFFEDIT_OK; /* guided by nothing: no difference */
    diffedit_status status = de_allocate_floats(&differences, samples * count, "the map's samples",
                                                error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&pixels, 3 * area, "a decoded picture", error);
    if (status == DIFFEDIT_OK)
        status = find_differences(find, differences, error);
    for (int i = 0; i < samples && status == DIFFEDIT_OK; i++) {
        status = add_decoded(find, differences + i * count, pixels, error);
        if (status == DIFFEDIT_OK)
            status = de_stage_step(find->context, DIFFEDIT_STAGE_MAP, samples + i + 1, 2 * samples,
                                   error);
    }
    free(differences);
    free(pixels);
    return status;
}

/* ---- what counts as 1 ---- */

static const float CONTRAST_MEANS = 3; /* a contrast beyond 3 times the mean is extreme */
static const float PLUS_MINUS_SUM = 3; /* the notebook's, of the sum over noises */

static int compare(const void *one, const void *other)
{
    float a = *(const float *)one, b = *(const float *)other;
    return (a > b) - (a < b);
}

/* The value that a share of all, `quantile`, do not exceed. */
static diffedit_status find_quantile(float *limit, const float *values, int64_t count,
                                     double quantile, diffedit_error *error)
{
    float *sorted;
    diffedit_status status = de_allocate_floats(&sorted, count, "the map, sorted", error);
    if (status != DIFFEDIT_OK)
        return status;
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    *limit = sorted[(int64_t)ceil(quantile * (double)count) - 1];
    free(sorted);
    return DIFFEDIT_OK;
}

/* A common factor of all values, such as 1 / samples, cancels. */
static float contrast_limit(const float *values, int64_t count)
{
    double mean = 0;
    for (int64_t i = 0; i < count; i++)
        mean += values[i];
    return CONTRAST_MEANS * (float)(mean / (double)count);
}

/* map = clamp(map, 0, limit) / limit; values below 0 there are none */
static diffedit_status remove_extremes(const finding *find, diffedit_error *error)
{
    const de_map_params *params = find->params;
    float *values = find->map->values, limit = PLUS_MINUS_SUM;
    int64_t count = (int64_t)find->map->h * find->map->w;
    diffedit_status status = DIFFEDIT_OK;
    if (params->quantile > 0)
        status = find_quantile(&limit, values, count, params->quantile, error);
    else if (params->method == DIFFEDIT_MASK_CONTRAST)
        limit = contrast_limit(values, count);
    for (int64_t i = 0; i < count && limit > 0 && status == DIFFEDIT_OK; i++)
        values[i] = fminf(values[i], limit) / limit;
    return status;
}

/* ---- the stage ---- */

static diffedit_status allocate(const finding *find, diffedit_error *error)
{
    de_map *map = find->map;
    de_cells size = de_map_size(find->params, find->networks);
    int64_t area = (int64_t)size.h * size.w;
    *map = (de_map){.h = size.h, .w = size.w, .samples = find->params->samples};
    diffedit_status status = de_allocate_floats(&map->values, area, "the map", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&map->noise, map->samples * find->count, "the map's noises",
                                    error);
    if (status == DIFFEDIT_OK)
        memset(map->values, 0, (size_t)area * sizeof *map->values);
    return status;
}

diffedit_status de_map_run(de_map *map, const de_map_params *params, const de_map_inputs *inputs,
                           const de_network_set *networks, de_stage_context *context,
                           diffedit_error *error)
{
    de_cells size = de_latent_cells(&params->latent, networks);
    finding find = {.map = map,
                    .params = params,
                    .inputs = inputs,
                    .networks = networks,
                    .context = context,
                    .size = size,
                    .count = (int64_t)networks->channels * size.h * size.w};
    diffedit_status status = allocate(&find, error);
    if (status == DIFFEDIT_OK)
        status = params->method == DIFFEDIT_MASK_CONTRAST ? contrast(&find, error)
                                                          : plus_minus(&find, error);
    if (status == DIFFEDIT_OK)
        status = remove_extremes(&find, error);
    if (status != DIFFEDIT_OK)
        de_map_free(map);
    return status;
}
