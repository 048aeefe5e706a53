/* Where the picture must change: a map in 0..1 from what the UNet predicts under different texts.
 */
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- contrast: DiffEdit section 3.2, step 1 ---- */

static const float CLAMP_MEANS = 3; /* differences beyond 3 times the mean count as extreme */

/* sum[h, w] += the mean over channels of |a - b|, both [c, h, w] */
static void add_difference(const float *a, const float *b, int channels, int64_t cells, float *sum)
{
    for (int j = 0; j < channels; j++)
        for (int64_t i = 0; i < cells; i++)
            sum[i] += fabsf(a[j * cells + i] - b[j * cells + i]) / (float)channels;
}

/* map = clamp(map, 0, 3 m) / (3 m), m the mean of map */
static void remove_extremes(float *map, int64_t cells)
{
    double mean = 0;
    for (int64_t i = 0; i < cells; i++)
        mean += map[i];
    float limit = CLAMP_MEANS * (float)(mean / (double)cells);
    for (int64_t i = 0; i < cells && limit > 0; i++)
        map[i] = fminf(map[i], limit) / limit;
}

static diffedit_status contrast(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error)
{
    int64_t cells = (int64_t)editor->latent_h * editor->latent_w, count = de_latent_count(editor);
    const de_text *to = &editor->texts[DE_TEXT_TO], *from = &editor->texts[DE_TEXT_FROM];
    memset(editor->map, 0, (size_t)cells * sizeof *editor->map);
    de_random_normal(options->rng, options->seed, options->mask_samples * count,
                     editor->mask_noise);
    de_ddim_grid grid;
    diffedit_status status = de_ddim_grid_new(&grid, &editor->schedule, options->steps, error);
    if (status != DIFFEDIT_OK || to->serial == from->serial) /* equal texts: no difference */
        return status;

    int k = de_schedule_share(options->steps, options->mask_noise_level);
    int t = de_ddim_timestep(&grid, k - 1);
    double level = editor->schedule.alphas_cumprod[t];
    float *z = NULL;
    de_predictor predictor = {0};
    status = de_predictor_new(&predictor, editor, (const float *[]){to->embedding, from->embedding},
                              2, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&z, count, "a noised latent", error);
    for (int i = 0; i < options->mask_samples && status == DIFFEDIT_OK; i++) {
        de_add_noise(editor->latent, editor->mask_noise + i * count, level, count, z);
        de_predictor_run(&predictor, z, t, level);
        add_difference(predictor.eps, predictor.eps + count, editor->channels, cells, editor->map);
        status = de_editor_step(editor, DIFFEDIT_STAGE_MAP, i + 1, options->mask_samples, error);
    }
    free(z);
    de_predictor_free(&predictor);
    remove_extremes(editor->map, cells); /* a common factor, such as 1 / samples, cancels */
    return status;
}

/* ---- plus-minus: one text, guidance of both signs (the DiffEdit-practice notebook) ---- */

/* The difference P+ - P- [c, h, w] of what guidance towards and away from the text make of a
 * sample. */
static diffedit_status find_differences(diffedit_editor *editor, const diffedit_options *options,
                                        const de_lms_grid *grid, float *differences,
                                        diffedit_error *error)
{
    int64_t count = de_latent_count(editor);
    int index = options->steps - de_schedule_share(options->steps, options->mask_noise_level);
    float sigma = grid->sigmas[index];
    double level = 1 / ((double)sigma * sigma + 1);
    const float *embeddings[] = {editor->texts[DE_TEXT_EMPTY].embedding,
                                 editor->texts[DE_TEXT_FROM].embedding};
    float *z = NULL, *plus = NULL, *minus = NULL;
    de_predictor predictor = {0};
    diffedit_status status = de_predictor_new(&predictor, editor, embeddings, 2, error);
    float **arrays[] = {&z, &plus, &minus};
    for (int i = 0; i < 3 && status == DIFFEDIT_OK; i++)
        status = de_allocate_floats(arrays[i], count, "a latent", error);
    for (int i = 0; i < options->mask_samples && status == DIFFEDIT_OK; i++) {
        const float *noise = editor->mask_noise + i * count, *u = predictor.eps, *text = u + count;
        for (int64_t j = 0; j < count; j++)
            z[j] = (editor->latent[j] + sigma * noise[j]) * (float)sqrt(level);
        de_predictor_run(&predictor, z, grid->timesteps[index], level);
        de_guide(options->guidance_kind, u, text, options->guidance, count, plus);
        de_guide(options->guidance_kind, u, text, -options->guidance, count, minus);
        for (int64_t j = 0; j < count; j++) /* P = z - sigma eps, so z cancels */
            differences[i * count + j] = sigma * (minus[j] - plus[j]);
        status = de_editor_step(editor, DIFFEDIT_STAGE_MAP, i + 1, 2 * options->mask_samples,
                                error);
    }
    for (int i = 0; i < 3; i++)
        free(*arrays[i]);
    de_predictor_free(&predictor);
    return status;
}

/* map[H, W] += mean over colours of relu(D(difference)) + relu(D(-difference)) */
static diffedit_status add_decoded(diffedit_editor *editor, float *difference, float *pixels,
                                   diffedit_error *error)
{
    int64_t area = (int64_t)editor->width * editor->height;
    diffedit_status status = DIFFEDIT_OK;
    for (int side = 0; side < 2 && status == DIFFEDIT_OK; side++) {
        status = de_editor_decode(editor, difference, pixels, error);
        for (int64_t i = 0; i < 3 * area && status == DIFFEDIT_OK; i++)
            editor->map[i / 3] += fmaxf(pixels[i], 0) / 3;
        for (int64_t j = 0; j < de_latent_count(editor); j++)
            difference[j] = -difference[j];
    }
    return status;
}

static const float PLUS_MINUS_DIVISOR = 3; /* the notebook's, of the sum over noises */

static diffedit_status plus_minus(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error)
{
    int64_t area = (int64_t)editor->width * editor->height, count = de_latent_count(editor);
    int samples = options->mask_samples;
    memset(editor->map, 0, (size_t)area * sizeof *editor->map);
    for (int i = 0; i < samples; i++)
        de_random_normal(options->rng, options->seed + (uint64_t)i, count,
                         editor->mask_noise + i * count);
    if (editor->texts[DE_TEXT_FROM].serial == editor->texts[DE_TEXT_EMPTY].serial)
        return DIFFEDIT_OK; /* guided by nothing: no difference */
    float *differences = NULL, *pixels = NULL;
    de_lms_grid grid = {0};
    diffedit_status status = de_lms_grid_new(&grid, &editor->schedule, options->steps, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&differences, samples * count, "the map's samples", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&pixels, 3 * area, "a decoded picture", error);
    if (status == DIFFEDIT_OK)
        status = find_differences(editor, options, &grid, differences, error);
    for (int i = 0; i < samples && status == DIFFEDIT_OK; i++) {
        status = add_decoded(editor, differences + i * count, pixels, error);
        if (status == DIFFEDIT_OK)
            status = de_editor_step(editor, DIFFEDIT_STAGE_MAP, samples + i + 1, 2 * samples,
                                    error);
    }
    for (int64_t i = 0; i < area; i++)
        editor->map[i] = fminf(fmaxf(editor->map[i] / PLUS_MINUS_DIVISOR, 0), 1);
    free(differences);
    free(pixels);
    de_lms_grid_free(&grid);
    return status;
}

/* ---- the stage ---- */

static de_map_key map_key(const diffedit_editor *editor, const diffedit_options *options)
{
    de_map_key key = {.latent = editor->latent_key,
                      .seed = options->seed,
                      .from = editor->texts[DE_TEXT_FROM].serial,
                      .noise_level = options->mask_noise_level,
                      .method = options->mask_method,
                      .samples = options->mask_samples,
                      .steps = options->steps,
                      .rng = options->rng};
    if (options->mask_method == DIFFEDIT_MASK_CONTRAST) {
        key.to = editor->texts[DE_TEXT_TO].serial;
    } else {
        key.guidance = options->guidance;
        key.guidance_kind = options->guidance_kind;
    }
    return key;
}

static void map_size(const diffedit_editor *editor, const diffedit_options *options, int *h, int *w)
{
    bool at_cells = options->mask_method == DIFFEDIT_MASK_CONTRAST;
    *h = at_cells ? editor->latent_h : editor->height;
    *w = at_cells ? editor->latent_w : editor->width;
}

static diffedit_status allocate_map(diffedit_editor *editor, int samples, diffedit_error *error)
{
    free(editor->map);
    free(editor->mask_noise);
    editor->map = editor->mask_noise = NULL;
    editor->mask_samples = samples;
    diffedit_status status = de_allocate_floats(
        &editor->map, (int64_t)editor->map_h * editor->map_w, "the map", error);
    if (status == DIFFEDIT_OK && samples)
        status = de_allocate_floats(&editor->mask_noise, samples * de_latent_count(editor),
                                    "the map's noises", error);
    return status;
}

static diffedit_status use_user_map(diffedit_editor *editor, diffedit_error *error)
{
    if (editor->user_map_h != editor->map_h || editor->user_map_w != editor->map_w)
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "the given map is %d high and %d wide; at this working size and mask method it must be "
            "%d high and %d wide",
            editor->user_map_h, editor->user_map_w, editor->map_h, editor->map_w);
    diffedit_status status = allocate_map(editor, 0, error);
    if (status == DIFFEDIT_OK)
        memcpy(editor->map, editor->user_map,
               (size_t)editor->map_h * (size_t)editor->map_w * sizeof *editor->map);
    return status;
}

diffedit_status de_stage_map(diffedit_editor *editor, const diffedit_options *options,
                             diffedit_error *error)
{
    de_map_key key = map_key(editor, options);
    if (!editor->user_map && editor->has_map && memcmp(&key, &editor->map_key, sizeof key) == 0)
        return DIFFEDIT_OK;
    editor->has_map = false;
    map_size(editor, options, &editor->map_h, &editor->map_w);
    if (editor->user_map) {
        diffedit_status given = use_user_map(editor, error);
        editor->has_map = given == DIFFEDIT_OK; /* until the user takes it back */
        return given;
    }
    double start = de_seconds();
    diffedit_status status = allocate_map(editor, options->mask_samples, error);
    if (status == DIFFEDIT_OK)
        status = de_condition_everything(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = options->mask_method == DIFFEDIT_MASK_CONTRAST
                     ? contrast(editor, options, error)
                     : plus_minus(editor, options, error);
    editor->stats.seconds[DIFFEDIT_STAGE_MAP] += de_seconds() - start;
    editor->has_map = status == DIFFEDIT_OK;
    editor->map_key = key;
    return status;
}
