#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>

/* ---- the UNet ---- */

/* One forward pass; on a measuring arena, its measure. */
static void forward(de_predictor *predictor, double t)
{
    diffedit_editor *editor = predictor->editor;
    int h = editor->latent_h, w = editor->latent_w;
    de_tensor x = {1, h, w, editor->model->unet_config.in_channels, predictor->x};
    de_tensor y = {predictor->n, h, w, editor->channels, predictor->y};
    de_unet_run(&editor->context, predictor->unet, x, (float)t, &predictor->keys, y);
}

/* The texts' keys, which need the embeddings side by side. */
static diffedit_status make_keys(de_predictor *predictor, const float *const *embeddings,
                                 diffedit_error *error)
{
    diffedit_editor *editor = predictor->editor;
    int tokens = de_tokenizer_length(editor->model->tokenizer);
    int64_t count = (int64_t)tokens * editor->model->text_config.width;
    float *all;
    diffedit_status status = de_allocate_floats(&all, predictor->n * count, "embeddings", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int i = 0; i < predictor->n; i++)
        memcpy(all + i * count, embeddings[i], (size_t)count * sizeof *all);
    status = de_unet_text_keys(&predictor->keys, &editor->context, predictor->unet, all,
                               predictor->n, tokens, error);
    free(all);
    return status;
}

diffedit_status de_predictor_new(de_predictor *predictor, diffedit_editor *editor,
                                 const float *const *embeddings, int n, diffedit_error *error)
{
    *predictor = (de_predictor){.editor = editor, .n = n};
    int64_t count = n * de_latent_count(editor);
    diffedit_status status = de_editor_use(editor, DE_PART_UNET, error);
    if (status != DIFFEDIT_OK)
        return status;
    predictor->unet = de_networks_unet(editor->model->networks);
    status = make_keys(predictor, embeddings, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&predictor->x,
                                    (int64_t)editor->latent_h * editor->latent_w *
                                        editor->model->unet_config.in_channels,
                                    "the UNet's input", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&predictor->y, count, "the UNet's output", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&predictor->eps, count, "the UNet's output", error);
    if (status == DIFFEDIT_OK) {
        de_arena_start_measuring(&editor->context.arena);
        forward(predictor, 0);
        status = de_arena_allocate(&editor->context.arena, error);
    }
    if (status != DIFFEDIT_OK)
        de_predictor_free(predictor);
    return status;
}

void de_predictor_free(de_predictor *predictor)
{
    if (predictor->unet) {
        de_unet_text_keys_free(&predictor->keys, predictor->unet);
        de_networks_done(predictor->editor->model->networks, DE_PART_UNET);
    }
    free(predictor->x);
    free(predictor->y);
    free(predictor->eps);
    *predictor = (de_predictor){0};
}

/* predictor->x [h, w, channels] = the sample x [c, h, w], and the condition behind it */
static void set_input(de_predictor *predictor, const float *x)
{
    const diffedit_editor *editor = predictor->editor;
    int64_t area = (int64_t)editor->latent_h * editor->latent_w;
    int c = editor->channels, channels = editor->model->unet_config.in_channels;
    for (int64_t cell = 0; cell < area; cell++)
        for (int j = 0; j < channels; j++)
            predictor->x[cell * channels + j] = j < c ? x[j * area + cell]
                                                      : editor->condition[(j - c) * area + cell];
}

void de_predictor_run(de_predictor *predictor, const float *x, double t, double level)
{
    diffedit_editor *editor = predictor->editor;
    int h = editor->latent_h, w = editor->latent_w, c = editor->channels;
    int64_t count = de_latent_count(editor);
    set_input(predictor, x);
    forward(predictor, t);
    de_channels_first(predictor->y, predictor->n, c, h, w, predictor->eps);
    for (int i = 0; i < predictor->n && editor->model->schedule_config.v_prediction; i++)
        de_v_to_eps(predictor->eps + i * count, x, level, count);
    editor->stats.evaluations += predictor->n;
}

/* ---- guidance ---- */

diffedit_status de_guided_new(de_guided *guided, diffedit_editor *editor,
                              const de_text *unconditional, const de_text *text, int kind,
                              double scale, diffedit_error *error)
{
    *guided = (de_guided){.kind = kind, .scale = scale, .count = de_latent_count(editor)};
    bool only_text = kind == DIFFEDIT_GUIDANCE_CFG && scale == 1;
    bool only_unconditional = scale == 0 || unconditional->serial == text->serial;
    const float *both[] = {unconditional->embedding, text->embedding};
    if (only_unconditional)
        return de_predictor_new(&guided->predictor, editor, both, 1, error);
    if (only_text)
        return de_predictor_new(&guided->predictor, editor, both + 1, 1, error);
    return de_predictor_new(&guided->predictor, editor, both, 2, error);
}

void de_guided_free(de_guided *guided)
{
    de_predictor_free(&guided->predictor);
}

const float *de_guided_run(de_guided *guided, const float *x, double t, double level)
{
    de_predictor_run(&guided->predictor, x, t, level);
    float *u = guided->predictor.eps, *text = u + guided->count;
    if (guided->predictor.n == 2)
        de_guide(guided->kind, u, text, guided->scale, guided->count, u);
    return u;
}

/* ---- the autoencoder ---- */

typedef void (*vae_run)(de_context *context, const de_vae *vae, de_tensor x, de_tensor y);

static diffedit_status run_vae(diffedit_editor *editor, vae_run run, de_tensor x, de_tensor y,
                               diffedit_error *error)
{
    de_networks *networks = editor->model->networks;
    diffedit_status status = de_editor_use(editor, DE_PART_VAE, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_arena_start_measuring(&editor->context.arena);
    run(&editor->context, de_networks_vae(networks), x, y);
    status = de_arena_allocate(&editor->context.arena, error);
    if (status == DIFFEDIT_OK)
        run(&editor->context, de_networks_vae(networks), x, y);
    de_networks_done(networks, DE_PART_VAE);
    return status;
}

diffedit_status de_editor_decode(diffedit_editor *editor, const float *latent, float *pixels,
                                 diffedit_error *error)
{
    int h = editor->latent_h, w = editor->latent_w, c = editor->channels;
    float *unscaled;
    diffedit_status status = de_allocate_floats(&unscaled, de_latent_count(editor), "a latent",
                                                error);
    if (status != DIFFEDIT_OK)
        return status;
    float scale = (float)(1 / editor->model->vae_config.scaling_factor);
    de_channels_last(latent, 1, c, h, w, unscaled);
    for (int64_t i = 0; i < de_latent_count(editor); i++)
        unscaled[i] *= scale;
    status = run_vae(editor, de_vae_decode, (de_tensor){1, h, w, c, unscaled},
                     (de_tensor){1, h * editor->factor, w * editor->factor, 3, pixels}, error);
    free(unscaled);
    return status;
}

diffedit_status de_editor_encode(diffedit_editor *editor, const float *pixels, float *moments,
                                 diffedit_error *error)
{
    int h = editor->latent_h, w = editor->latent_w;
    de_tensor x = {1, h * editor->factor, w * editor->factor, 3, (float *)pixels};
    return run_vae(editor, de_vae_encode, x, (de_tensor){1, h, w, 2 * editor->channels, moments},
                   error);
}
