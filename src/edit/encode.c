/* picture -> latent x_0: the scaled mean of the autoencoder's posterior, or a sample of it. */
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float LOG_VARIANCE_MIN = -30, LOG_VARIANCE_MAX = 20;

/* The picture at working size, 8-bit sRGB. */
static diffedit_status scale_input(diffedit_editor *editor, diffedit_error *error)
{
    if (editor->input && editor->input_width == editor->width &&
        editor->input_height == editor->height)
        return DIFFEDIT_OK;
    free(editor->input);
    editor->input = NULL;
    diffedit_status status = de_allocate_bytes(
        &editor->input, (int64_t)editor->width * editor->height * 3, "the picture", error);
    if (status == DIFFEDIT_OK)
        status = de_picture_network_input(editor->picture, editor->width, editor->height,
                                          editor->input, error);
    if (status != DIFFEDIT_OK) {
        free(editor->input);
        editor->input = NULL;
        return status;
    }
    editor->input_width = editor->width;
    editor->input_height = editor->height;
    return DIFFEDIT_OK;
}

diffedit_status de_take_posterior(const diffedit_editor *editor, const diffedit_options *options,
                                  const float *moments, float *latent, diffedit_error *error)
{
    int64_t cells = (int64_t)editor->latent_h * editor->latent_w;
    int c = editor->channels;
    float scale = (float)editor->model->vae_config.scaling_factor, *noise = NULL;
    bool sample = options->posterior == DIFFEDIT_POSTERIOR_SAMPLE;
    if (sample) {
        diffedit_status status = de_allocate_floats(&noise, c * cells, "noise", error);
        if (status != DIFFEDIT_OK)
            return status;
        de_random_normal(options->rng, options->seed - 1, c * cells, noise);
    }
    for (int64_t cell = 0; cell < cells; cell++)
        for (int j = 0; j < c; j++) {
            float mean = moments[cell * 2 * c + j], value = mean;
            if (sample) {
                float log_variance = moments[cell * 2 * c + c + j];
                log_variance = fminf(fmaxf(log_variance, LOG_VARIANCE_MIN), LOG_VARIANCE_MAX);
                value = mean + expf(0.5f * log_variance) * noise[j * cells + cell];
            }
            latent[j * cells + cell] = value * scale;
        }
    free(noise);
    return DIFFEDIT_OK;
}

static diffedit_status encode_input(diffedit_editor *editor, const diffedit_options *options,
                                    diffedit_error *error)
{
    int64_t values = (int64_t)editor->width * editor->height * 3;
    float *pixels = NULL, *moments = NULL;
    diffedit_status status = de_allocate_floats(&pixels, values, "the picture", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&moments, 2 * de_latent_count(editor), "a latent", error);
    if (status == DIFFEDIT_OK && !editor->latent)
        status = de_allocate_floats(&editor->latent, de_latent_count(editor), "a latent", error);
    if (status == DIFFEDIT_OK) {
        for (int64_t i = 0; i < values; i++)
            pixels[i] = (float)editor->input[i] / 127.5f - 1.0f;
        status = de_editor_encode(editor, pixels, moments, error);
    }
    if (status == DIFFEDIT_OK)
        status = de_take_posterior(editor, options, moments, editor->latent, error);
    free(pixels);
    free(moments);
    return status;
}

diffedit_status de_stage_encode(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error)
{
    de_latent_key key = {
        .width = editor->width, .height = editor->height, .posterior = options->posterior};
    if (options->posterior == DIFFEDIT_POSTERIOR_SAMPLE) {
        key.rng = options->rng;
        key.seed = options->seed;
    }
    if (editor->has_latent && memcmp(&key, &editor->latent_key, sizeof key) == 0)
        return DIFFEDIT_OK;
    editor->has_latent = false;
    double start = de_seconds();
    diffedit_status status = scale_input(editor, error);
    if (status == DIFFEDIT_OK)
        status = encode_input(editor, options, error);
    if (status == DIFFEDIT_OK)
        status = de_editor_step(editor, DIFFEDIT_STAGE_ENCODE, 1, 1, error);
    editor->stats.seconds[DIFFEDIT_STAGE_ENCODE] += de_seconds() - start;
    if (status == DIFFEDIT_OK) {
        editor->has_latent = true;
        editor->latent_key = key;
    }
    return status;
}
