#include "edit/plan.h"

#include <math.h>

enum {
    BOX_GRID = 16, /* grid lines along the side of a square of the native area */
    ROOM = 2,      /* cells around a mask that is cut later */
};

static const double QUANTILE = 0.99; /* of a map, counts as 1 where `mask-limit` says so */

/* The part of the picture that is worked on. */
static de_rectangle part_of(const de_plan_inputs *inputs)
{
    return inputs->at.width ? inputs->at
                            : (de_rectangle){.width = diffedit_picture_width(inputs->picture),
                                             .height = diffedit_picture_height(inputs->picture)};
}

/* The smallest multiple of the factor is the factor. */
static int nearest_multiple(double side, int factor)
{
    int multiple = (int)rint(side / factor) * factor;
    return multiple < factor ? factor : multiple;
}

static bool uses_box(de_goal goal, const diffedit_options *options)
{
    return options->region != DIFFEDIT_REGION_WHOLE && goal != DE_GOAL_INVERT &&
           goal != DE_GOAL_GENERATE;
}

/* What the choice of a box depends on. */
static void plan_box(de_plan *plan, const diffedit_options *options, const de_plan_inputs *inputs)
{
    double native = (double)inputs->native_width * inputs->native_height;
    int factor = inputs->networks->factor;
    plan->crops = uses_box(plan->goal, options) && plan->goal >= DE_GOAL_EDIT && !inputs->at.width;
    plan->box = (de_box_params){
        .width = diffedit_picture_width(inputs->picture),
        .height = diffedit_picture_height(inputs->picture),
        .asked_width = options->width,
        .asked_height = options->height,
        .native = native,
        .margin = options->region_margin,
        .soft = de_mask_alpha_reach(fmax(options->feather, 0), options->mask_blur),
        .soft_cells = options->feather < 0,
        .factor = factor,
        .grid = nearest_multiple(sqrt(native) / BOX_GRID, factor)};
}

/* The working size: as asked, or the part of the picture at the scale that box.h gives, with each
 * side rounded to the nearest multiple of the factor. Where a box is used, its size is the one that
 * is asked for. */
static diffedit_status plan_size(de_plan *plan, const diffedit_options *options,
                                 const de_plan_inputs *inputs, diffedit_error *error)
{
    int factor = inputs->networks->factor;
    if (options->width % factor || options->height % factor)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`size`: expected multiples of %d (the model's autoencoder), found %dx%d",
                       factor, options->width, options->height);
    if (options->width && uses_box(plan->goal, options) == (inputs->at.width > 0)) {
        plan->latent.width = options->width;
        plan->latent.height = options->height;
    } else if (inputs->picture) {
        de_rectangle at = part_of(inputs);
        double scale = de_box_scale(&plan->box, at.width, at.height);
        plan->latent.width = nearest_multiple(at.width * scale, factor);
        plan->latent.height = nearest_multiple(at.height * scale, factor);
    } else {
        plan->latent.width = inputs->native_width;
        plan->latent.height = inputs->native_height;
    }
    return DIFFEDIT_OK;
}

static void plan_posterior(de_latent_params *latent, const diffedit_options *options)
{
    latent->sample = options->posterior == DIFFEDIT_POSTERIOR_SAMPLE;
    if (latent->sample) {
        latent->rng = options->rng;
        latent->seed = options->seed - 1;
    }
}

/* The map's timestep is a node of the paper's grid, or of the notebook's (plus-minus). With other
 * spacings it comes from the noise level alone, so that another number of steps leaves the map. */
static diffedit_status plan_noise(de_map_params *map, const diffedit_options *options,
                                  const de_sampler *sampler, const de_schedule *schedule,
                                  diffedit_error *error)
{
    int spacing = de_sampler_spacing(sampler, options->spacing);
    bool contrast = map->method == DIFFEDIT_MASK_CONTRAST;
    if (contrast && spacing != DIFFEDIT_SPACING_LEADING && !sampler->map_by_steps) {
        int t = de_schedule_share(schedule->train_timesteps, options->mask_noise_level) - 1;
        map->timestep = t;
        map->level = schedule->alphas_cumprod[t];
        map->sigma = de_level_sigma(map->level);
        return DIFFEDIT_OK;
    }
    de_grid grid;
    diffedit_status status = de_grid_space(
        &grid, schedule, contrast ? DIFFEDIT_SPACING_LEADING : DIFFEDIT_SPACING_LINSPACE,
        options->steps, error);
    if (status != DIFFEDIT_OK)
        return status;
    int node = de_schedule_share(options->steps, options->mask_noise_level);
    map->timestep = grid.timesteps[node];
    map->level = grid.levels[node];
    map->sigma = grid.sigmas[node];
    de_grid_free(&grid);
    return DIFFEDIT_OK;
}

static diffedit_status plan_map(de_plan *plan, const diffedit_options *options,
                                const de_sampler *sampler, const de_plan_inputs *inputs,
                                diffedit_error *error)
{
    de_map_params *map = &plan->map;
    map->latent = plan->latent;
    map->method = options->mask_method;
    if (!inputs->finds_map)
        return DIFFEDIT_OK;
    map->seed = options->seed;
    map->rng = options->rng;
    map->samples = options->mask_samples;
    if (options->mask_limit == DIFFEDIT_MASK_LIMIT_PERCENTILE)
        map->quantile = QUANTILE;
    map->from = de_texts_input(inputs->texts, DE_TEXT_FROM).serial;
    if (map->method == DIFFEDIT_MASK_CONTRAST) {
        map->to = de_texts_input(inputs->texts, DE_TEXT_TO).serial;
    } else {
        map->to = de_texts_input(inputs->texts, DE_TEXT_EMPTY).serial;
        map->guidance = options->guidance;
        map->guidance_kind = options->guidance_kind;
    }
    return plan_noise(map, options, sampler, inputs->schedule, error);
}

static void plan_region(de_plan *plan, const diffedit_options *options,
                        const de_plan_inputs *inputs)
{
    de_cells cells = de_latent_cells(&plan->latent, inputs->networks);
    de_rectangle at = part_of(inputs);
    double cell = ((double)at.width / cells.w + (double)at.height / cells.h) / 2;
    if (inputs->at.width) /* the margin is that wide: more would be cut */
        cell = fmin(cell, de_box_cell(&plan->box, at.width, at.height));
    /* a box is given a mask that has grown and has its room, unless it finds one */
    bool is_given = inputs->at.width && !inputs->finds_map;
    /* what somebody painted is composed as it is */
    bool cuts = options->composite == DIFFEDIT_COMPOSITE_CHANGED && !inputs->mask_given &&
                plan->goal == DE_GOAL_EDIT && !is_given;
    plan->region = (de_region_params){.width = at.width,
                                      .height = at.height,
                                      .cells = cells,
                                      .fill = options->mask_fill,
                                      .threshold = options->mask_threshold,
                                      .grow = is_given ? 0 : options->mask_grow,
                                      .room = cuts ? ROOM : 0};
    plan->cut = (de_cut_params){.working = {.h = plan->latent.height, .w = plan->latent.width},
                                .fill = options->mask_fill};
    plan->blend = (de_blend_params){.working = {.h = plan->latent.height, .w = plan->latent.width},
                                    .at = at,
                                    .feather = options->feather < 0 ? cell : options->feather,
                                    .blur = options->mask_blur,
                                    .everywhere = options->composite == DIFFEDIT_COMPOSITE_LATENT};
}

static void plan_clean(de_plan *plan, const diffedit_options *options, const de_plan_inputs *inputs)
{
    plan->clean = (de_clean_params){.map = plan->map,
                                    .given = inputs->map_given,
                                    .width = plan->region.width,
                                    .height = plan->region.height,
                                    .cells = plan->region.cells,
                                    .filter = options->mask_filter,
                                    .refine = options->mask_refine};
}

/* The option `scheduler` names the decode's sampler. The encoding is its own inversion, or DDIM's
 * where it has none. */
static void plan_inversion(de_plan *plan, const diffedit_options *options,
                           const de_sampler *sampler, const de_plan_inputs *inputs)
{
    de_inversion_params *inversion = &plan->inversion;
    plan->k = de_schedule_share(options->steps, options->ratio);
    if (!sampler->encode_step)
        sampler = &de_ddim;
    *inversion = (de_inversion_params){
        .latent = plan->latent,
        .sampler = sampler,
        .empty = de_texts_input(inputs->texts, DE_TEXT_EMPTY).serial,
        .spacing = de_sampler_spacing(sampler, options->spacing),
        .steps = options->steps,
        .guidance = isnan(options->encode_guidance) ? options->guidance : options->encode_guidance};
    if (inversion->guidance != 1) {
        inversion->from = de_texts_input(inputs->texts, DE_TEXT_FROM).serial;
        inversion->guidance_kind = options->guidance_kind;
    }
}

static void plan_denoise(de_plan *plan, const diffedit_options *options, const de_sampler *sampler,
                         const de_plan_inputs *inputs)
{
    de_denoise_params *denoise = &plan->denoise;
    bool edits = plan->goal == DE_GOAL_EDIT;
    /* The notebook's normalised guidance knows no negative prompt. */
    bool normalised = options->guidance_kind == DIFFEDIT_GUIDANCE_NORMALISED;
    plan->unconditional = normalised ? DE_TEXT_EMPTY : DE_TEXT_NEGATIVE;
    *denoise = (de_denoise_params){
        .latent = plan->latent,
        .sampler = sampler,
        .to = de_texts_input(inputs->texts, DE_TEXT_TO).serial,
        .unconditional = de_texts_input(inputs->texts, plan->unconditional).serial,
        .guidance = options->guidance,
        .guidance_kind = options->guidance_kind,
        .start = DE_START_NOISE,
        .background = edits ? (int)options->background : -1,
        .spacing = de_sampler_spacing(sampler, options->spacing),
        .steps = options->steps,
        .k = edits ? de_schedule_share(options->steps, options->ratio) : options->steps};
    if (edits && sampler->encode_step && options->encode != DIFFEDIT_ENCODE_NONE) {
        plan_inversion(plan, options, sampler, inputs);
        denoise->start = DE_START_INVERTED;
        denoise->inversion = plan->inversion;
        return;
    }
    if (edits)
        denoise->start = DE_START_NOISED;
    denoise->seed = options->seed;
    denoise->rng = options->rng;
}

/* Refuses more steps than fit before a map is found, not after. */
static diffedit_status check_steps(const de_denoise_params *denoise, const de_schedule *schedule,
                                   diffedit_error *error)
{
    de_grid grid;
    diffedit_status status = denoise->sampler->make_grid(&grid, schedule, denoise->spacing,
                                                         denoise->steps, error);
    if (status == DIFFEDIT_OK)
        de_grid_free(&grid);
    return status;
}

diffedit_status de_plan_make(de_plan *plan, de_goal goal, const diffedit_options *options,
                             const de_plan_inputs *inputs, diffedit_error *error)
{
    *plan = (de_plan){.goal = goal};
    if (inputs->picture)
        plan_box(plan, options, inputs);
    diffedit_status status = plan_size(plan, options, inputs, error);
    if (status != DIFFEDIT_OK)
        return status;
    const de_sampler *sampler = de_sampler_at(options->scheduler);
    plan_posterior(&plan->latent, options);
    if (goal == DE_GOAL_INVERT)
        plan_inversion(plan, options, sampler, inputs);
    if (goal >= DE_GOAL_EDIT) {
        plan_denoise(plan, options, sampler, inputs);
        status = check_steps(&plan->denoise, inputs->schedule, error);
    }
    if (status != DIFFEDIT_OK || goal == DE_GOAL_INVERT || goal == DE_GOAL_GENERATE)
        return status;
    plan_region(plan, options, inputs);
    status = plan_map(plan, options, sampler, inputs, error);
    plan_clean(plan, options, inputs);
    return status;
}
