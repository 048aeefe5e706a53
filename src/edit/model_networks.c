#include "edit/model_networks.h"

#include "edit/stage.h"

#include <stdlib.h>
#include <string.h>

/* de_networks_use(), with the memory of the last network's temporary arrays free where this one
 * must be prepared first. */
static diffedit_status use(de_model_networks *networks, de_part part, diffedit_error *error)
{
    if (!de_networks_ready(networks->model->networks, part))
        de_arena_free(&networks->context.arena);
    return de_networks_use(networks->model->networks, part, error);
}

/* ---- the text encoder ---- */

static diffedit_status encode_text(void *self, const int32_t *tokens, float *embedding,
                                   diffedit_error *error)
{
    de_model_networks *networks = self;
    const diffedit_model *model = networks->model;
    int n = de_tokenizer_length(model->tokenizer);
    de_tensor y = {1, 1, n, model->text_config.width, embedding};
    diffedit_status status = use(networks, DE_PART_TEXT, error);
    if (status != DIFFEDIT_OK)
        return status;
    const de_text_encoder *encoder = de_networks_text_encoder(model->networks);
    de_arena_start_measuring(&networks->context.arena);
    de_text_encoder_run(&networks->context, encoder, tokens, n, y);
    status = de_arena_allocate(&networks->context.arena, error);
    if (status == DIFFEDIT_OK)
        de_text_encoder_run(&networks->context, encoder, tokens, n, y);
    de_networks_done(model->networks, DE_PART_TEXT);
    return status;
}

/* ---- the autoencoder ---- */

typedef void (*vae_run)(de_context *context, const de_vae *vae, de_tensor x, de_tensor y);

static diffedit_status run_vae(de_model_networks *networks, vae_run run, de_tensor x, de_tensor y,
                               diffedit_error *error)
{
    de_networks *prepared = networks->model->networks;
    diffedit_status status = use(networks, DE_PART_VAE, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_arena_start_measuring(&networks->context.arena);
    run(&networks->context, de_networks_vae(prepared), x, y);
    status = de_arena_allocate(&networks->context.arena, error);
    if (status == DIFFEDIT_OK)
        run(&networks->context, de_networks_vae(prepared), x, y);
    de_networks_done(prepared, DE_PART_VAE);
    return status;
}

static diffedit_status encode_pixels(void *self, const float *pixels, int h, int w, float *moments,
                                     diffedit_error *error)
{
    de_model_networks *networks = self;
    int factor = de_vae_factor(&networks->model->vae_config);
    int channels = networks->model->vae_config.latent_channels;
    de_tensor x = {1, h * factor, w * factor, 3, (float *)pixels};
    return run_vae(networks, de_vae_encode, x, (de_tensor){1, h, w, 2 * channels, moments}, error);
}

static diffedit_status decode_latent(void *self, const float *latent, int h, int w, float *pixels,
                                     diffedit_error *error)
{
    de_model_networks *networks = self;
    int factor = de_vae_factor(&networks->model->vae_config);
    int channels = networks->model->vae_config.latent_channels;
    int64_t count = (int64_t)channels * h * w;
    float *unscaled;
    diffedit_status status = de_allocate_floats(&unscaled, count, "a latent", error);
    if (status != DIFFEDIT_OK)
        return status;
    float scale = (float)(1 / networks->model->vae_config.scaling_factor);
    de_channels_last(latent, 1, channels, h, w, unscaled);
    for (int64_t i = 0; i < count; i++)
        unscaled[i] *= scale;
    status = run_vae(networks, de_vae_decode, (de_tensor){1, h, w, channels, unscaled},
                     (de_tensor){1, h * factor, w * factor, 3, pixels}, error);
    free(unscaled);
    return status;
}

/* ---- the UNet ---- */

/* One forward pass; on a measuring arena, its measure. */
static void forward(de_model_networks *networks, double t)
{
    const diffedit_model *model = networks->model;
    int h = networks->h, w = networks->w;
    de_tensor x = {1, h, w, model->unet_config.in_channels, networks->x};
    de_tensor y = {networks->n, h, w, model->vae_config.latent_channels, networks->y};
    de_unet_run(&networks->context, networks->unet, x, (float)t, &networks->keys, y);
}

/* The texts' keys, which need the embeddings side by side. */
static diffedit_status make_keys(de_model_networks *networks, const float *const *embeddings,
                                 diffedit_error *error)
{
    int tokens = de_tokenizer_length(networks->model->tokenizer);
    int64_t count = (int64_t)tokens * networks->model->text_config.width;
    float *all;
    diffedit_status status = de_allocate_floats(&all, networks->n * count, "embeddings", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int i = 0; i < networks->n; i++)
        memcpy(all + i * count, embeddings[i], (size_t)count * sizeof *all);
    status = de_unet_text_keys(&networks->keys, &networks->context, networks->unet, all,
                               networks->n, tokens, error);
    free(all);
    return status;
}

static diffedit_status unet_begin(void *self, const float *const *embeddings, int n, int h, int w,
                                  diffedit_error *error)
{
    de_model_networks *networks = self;
    const diffedit_model *model = networks->model;
    int64_t cells = (int64_t)h * w;
    diffedit_status status = use(networks, DE_PART_UNET, error);
    if (status != DIFFEDIT_OK)
        return status;
    networks->unet = de_networks_unet(model->networks);
    networks->n = n;
    networks->h = h;
    networks->w = w;
    status = make_keys(networks, embeddings, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&networks->x, cells * model->unet_config.in_channels,
                                    "the UNet's input", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&networks->y, n * cells * model->vae_config.latent_channels,
                                    "the UNet's output", error);
    if (status == DIFFEDIT_OK) {
        de_arena_start_measuring(&networks->context.arena);
        forward(networks, 0);
        status = de_arena_allocate(&networks->context.arena, error);
    }
    return status;
}

static diffedit_status unet_run(void *self, const float *x, const float *condition, double t,
                                float *y, diffedit_error *error)
{
    (void)error;
    de_model_networks *networks = self;
    int64_t area = (int64_t)networks->h * networks->w;
    int c = networks->model->vae_config.latent_channels;
    int channels = networks->model->unet_config.in_channels;
    for (int64_t cell = 0; cell < area; cell++)
        for (int j = 0; j < channels; j++)
            networks->x[cell * channels + j] = j < c ? x[j * area + cell]
                                                     : condition[(j - c) * area + cell];
    forward(networks, t);
    de_channels_first(networks->y, networks->n, c, networks->h, networks->w, y);
    return DIFFEDIT_OK;
}

static void unet_end(void *self)
{
    de_model_networks *networks = self;
    if (networks->unet) {
        de_unet_text_keys_free(&networks->keys, networks->unet);
        de_networks_done(networks->model->networks, DE_PART_UNET);
    }
    networks->unet = NULL;
    free(networks->x);
    free(networks->y);
    networks->x = networks->y = NULL;
}

void de_model_networks_init(de_model_networks *networks, de_network_set *set,
                            const diffedit_model *model)
{
    *networks = (de_model_networks){.model = model, .context = {.threads = de_core_count()}};
    *set = (de_network_set){.factor = de_vae_factor(&model->vae_config),
                            .channels = model->vae_config.latent_channels,
                            .text_tokens = de_tokenizer_length(model->tokenizer),
                            .text_width = model->text_config.width,
                            .scaling_factor = model->vae_config.scaling_factor,
                            .v_prediction = model->schedule_config.v_prediction,
                            .inpaints = de_model_inpaints(model),
                            .self = networks,
                            .encode_text = encode_text,
                            .encode_pixels = encode_pixels,
                            .decode_latent = decode_latent,
                            .unet_begin = unet_begin,
                            .unet_run = unet_run,
                            .unet_end = unet_end};
}

void de_model_networks_free(de_model_networks *networks)
{
    de_arena_free(&networks->context.arena);
}
