/* The guided decode: inside the mask towards the query text, outside it along the background; and
 * text to image, which is the same without a mask. */
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* y = cells y + (1 - cells) background, all [c, h, w] but cells [h, w] */
static void keep_background(const uint8_t *cells, const float *background, int channels,
                            int64_t area, float *y)
{
    for (int j = 0; j < channels; j++)
        for (int64_t i = 0; i < area; i++)
            if (!cells[i])
                y[j * area + i] = background[j * area + i];
}

/* What the background is after the step from x_(i+1) to x_i (DiffEdit section 3.2, step 3, for
 * `same`). */
static const float *background_at(const diffedit_editor *editor, int background, int i)
{
    int64_t count = de_latent_count(editor);
    switch (background) {
    case DIFFEDIT_BACKGROUND_SAME: return editor->inverted + i * count;
    case DIFFEDIT_BACKGROUND_LAGGED: return editor->inverted + (i + 1) * count;
    default: return editor->latent;
    }
}

/* y from level k down to 0; cells NULL: no mask. */
static diffedit_status decode_ddim(diffedit_editor *editor, const diffedit_options *options,
                                   de_guided *guided, int k, const uint8_t *cells,
                                   diffedit_error *error)
{
    int64_t area = (int64_t)editor->latent_h * editor->latent_w;
    de_ddim_grid grid;
    diffedit_status status = de_ddim_grid_new(&grid, &editor->schedule, options->steps, error);
    float *y = editor->final;
    for (int i = k - 1; i >= 0 && status == DIFFEDIT_OK; i--) {
        double from = de_ddim_level(&grid, i + 1), to = de_ddim_level(&grid, i);
        const float *eps = de_guided_run(guided, y, de_ddim_timestep(&grid, i), from);
        de_ddim_move(y, eps, from, to, de_latent_count(editor), y);
        if (cells)
            keep_background(cells, background_at(editor, options->background, i), editor->channels,
                            area, y);
        status = de_editor_step(editor, DIFFEDIT_STAGE_DENOISE, k - i, k, error);
    }
    return status;
}

/* y from step `first` of the grid to its end; cells NULL: no mask. */
static diffedit_status decode_lms(diffedit_editor *editor, const de_lms_grid *grid,
                                  de_guided *guided, int first, const uint8_t *cells,
                                  diffedit_error *error)
{
    int64_t area = (int64_t)editor->latent_h * editor->latent_w, count = de_latent_count(editor);
    float *y = editor->final, *input = NULL;
    de_lms_history history = {0};
    diffedit_status status = de_lms_history_new(&history, count, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&input, count, "the UNet's input", error);
    for (int i = first; i < grid->steps && status == DIFFEDIT_OK; i++) {
        double sigma = grid->sigmas[i], level = 1 / (sigma * sigma + 1);
        for (int64_t j = 0; j < count; j++)
            input[j] = y[j] * (float)sqrt(level);
        const float *eps = de_guided_run(guided, input, grid->timesteps[i], level);
        de_lms_step(grid, &history, i, eps, y);
        if (cells)
            keep_background(cells, editor->latent, editor->channels, area, y);
        status = de_editor_step(editor, DIFFEDIT_STAGE_DENOISE, i - first + 1, grid->steps - first,
                                error);
    }
    free(input);
    de_lms_history_free(&history);
    return status;
}

static diffedit_status draw_noise(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error)
{
    int64_t count = de_latent_count(editor);
    diffedit_status status = DIFFEDIT_OK;
    if (!editor->noise)
        status = de_allocate_floats(&editor->noise, count, "noise", error);
    if (status == DIFFEDIT_OK)
        de_random_normal(options->rng, options->seed, count, editor->noise);
    return status;
}

/* final = base + sigma noise; base NULL: 0 */
static void start_from_noise(diffedit_editor *editor, const float *base, float sigma)
{
    for (int64_t j = 0; j < de_latent_count(editor); j++)
        editor->final[j] = (base ? base[j] : 0) + sigma * editor->noise[j];
}

static diffedit_status denoise_ddim(diffedit_editor *editor, const diffedit_options *options,
                                    de_guided *guided, diffedit_error *error)
{
    int k = de_schedule_share(options->steps, options->ratio);
    int64_t count = de_latent_count(editor);
    memcpy(editor->final, editor->inverted + k * count, (size_t)count * sizeof(float));
    return decode_ddim(editor, options, guided, k, editor->cells, error);
}

static diffedit_status denoise_lms(diffedit_editor *editor, const diffedit_options *options,
                                   de_guided *guided, diffedit_error *error)
{
    de_lms_grid grid;
    diffedit_status status = de_lms_grid_new(&grid, &editor->schedule, options->steps, error);
    if (status == DIFFEDIT_OK)
        status = draw_noise(editor, options, error);
    if (status == DIFFEDIT_OK) {
        int start = options->steps - de_schedule_share(options->steps, options->ratio);
        start_from_noise(editor, editor->latent, grid.sigmas[start]);
        status = decode_lms(editor, &grid, guided, start + 1, editor->cells, error);
    }
    de_lms_grid_free(&grid);
    return status;
}

static diffedit_status generate(diffedit_editor *editor, const diffedit_options *options,
                                de_guided *guided, diffedit_error *error)
{
    diffedit_status status = draw_noise(editor, options, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (options->scheduler == DIFFEDIT_SCHEDULER_DDIM) {
        start_from_noise(editor, NULL, 1);
        return decode_ddim(editor, options, guided, options->steps, NULL, error);
    }
    de_lms_grid grid;
    status = de_lms_grid_new(&grid, &editor->schedule, options->steps, error);
    if (status != DIFFEDIT_OK)
        return status;
    start_from_noise(editor, NULL, grid.sigmas[0]);
    status = decode_lms(editor, &grid, guided, 0, NULL, error);
    de_lms_grid_free(&grid);
    return status;
}

typedef diffedit_status (*denoise_fn)(diffedit_editor *editor, const diffedit_options *options,
                                      de_guided *guided, diffedit_error *error);

/* Runs one of them with guidance towards the query text; its result is editor->final. */
static diffedit_status run_guided(diffedit_editor *editor, const diffedit_options *options,
                                  denoise_fn run, bool masked, diffedit_error *error)
{
    double start = de_seconds();
    editor->has_final = false;
    free(editor->decoded);
    free(editor->noise);
    editor->decoded = NULL;
    editor->noise = NULL;
    /* The normalised form of the notebook knows no negative prompt. */
    bool normalised = options->guidance_kind == DIFFEDIT_GUIDANCE_NORMALISED;
    const de_text *unconditional = &editor->texts[normalised ? DE_TEXT_EMPTY : DE_TEXT_NEGATIVE];
    diffedit_status status = DIFFEDIT_OK;
    if (!editor->final)
        status = de_allocate_floats(&editor->final, de_latent_count(editor), "a latent", error);
    if (status == DIFFEDIT_OK)
        status = masked ? de_condition_mask(editor, options, error)
                        : de_condition_everything(editor, options, error);
    de_guided guided = {0};
    if (status == DIFFEDIT_OK)
        status = de_guided_new(&guided, editor, unconditional, &editor->texts[DE_TEXT_TO],
                               options->guidance_kind, options->guidance, error);
    if (status == DIFFEDIT_OK)
        status = run(editor, options, &guided, error);
    de_guided_free(&guided);
    editor->has_final = status == DIFFEDIT_OK;
    editor->stats.seconds[DIFFEDIT_STAGE_DENOISE] += de_seconds() - start;
    return status;
}

static de_final_key final_key(const diffedit_editor *editor, const diffedit_options *options,
                              bool inpaint)
{
    bool from_noise = inpaint || options->scheduler == DIFFEDIT_SCHEDULER_LMS;
    de_final_key key = {.latent = editor->latent_key,
                        .to = editor->texts[DE_TEXT_TO].serial,
                        .negative = editor->texts[DE_TEXT_NEGATIVE].serial,
                        .guidance = options->guidance,
                        .guidance_kind = options->guidance_kind,
                        .scheduler = options->scheduler,
                        .background = options->background,
                        .steps = options->steps,
                        .k = de_schedule_share(options->steps, options->ratio),
                        .mask = de_mask_hash(editor),
                        .inpaint = inpaint};
    if (from_noise) {
        key.seed = options->seed;
        key.rng = options->rng;
    } else {
        key.inversion = editor->inversion_key;
    }
    return key;
}

/* Runs a decode inside the mask unless its result is there. */
static diffedit_status run_masked(diffedit_editor *editor, const diffedit_options *options,
                                  denoise_fn run, diffedit_error *error)
{
    size_t area = (size_t)editor->latent_h * (size_t)editor->latent_w;
    de_final_key key = final_key(editor, options, run == generate);
    if (editor->has_final && editor->final_cells &&
        memcmp(&key, &editor->final_key, sizeof key) == 0 &&
        memcmp(editor->cells, editor->final_cells, area) == 0)
        return DIFFEDIT_OK;
    diffedit_status status = DIFFEDIT_OK;
    if (!editor->final_cells)
        status = de_allocate_bytes(&editor->final_cells, (int64_t)area, "the mask", error);
    if (status != DIFFEDIT_OK)
        return status;
    memcpy(editor->final_cells, editor->cells, area);
    editor->final_key = key;
    return run_guided(editor, options, run, true, error);
}

diffedit_status de_stage_denoise(diffedit_editor *editor, const diffedit_options *options,
                                 diffedit_error *error)
{
    bool lms = options->scheduler == DIFFEDIT_SCHEDULER_LMS;
    return run_masked(editor, options, lms ? denoise_lms : denoise_ddim, error);
}

diffedit_status de_stage_inpaint(diffedit_editor *editor, const diffedit_options *options,
                                 diffedit_error *error)
{
    return run_masked(editor, options, generate, error);
}

diffedit_status de_stage_generate(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error)
{
    free(editor->final_cells);
    editor->final_cells = NULL;
    return run_guided(editor, options, generate, false, error);
}
