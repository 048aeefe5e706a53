#include "edit/model_networks.h"

#include "edit/stage.h"

#include <stdlib.h>
#include <string.h>

/* de_networks_use(), with the memory of the last network's temporary arrays free where this one
 * must be prepared first. */
static diffedit_status use(de_model_networks *networks, de_part part, diffedit_error *error)
{
    if (!de_networks_ready(networks->model->networks, part))
        de_context_release(&networks->context);
    return de_networks_use(networks->model->networks, part, error);
}

/* ---- the text encoder and the autoencoder, which run once ---- */

typedef struct pass {
    const de_networks *prepared;
    de_tensor x, y; /* shapes first, then tensors */
} pass;

static void forward_text(de_context *context, void *user)
{
    const pass *job = user;
    de_text_encoder_run(context, de_networks_text_encoder(job->prepared), job->x, job->y);
}

static void forward_encode(de_context *context, void *user)
{
    const pass *job = user;
    de_vae_encode(context, de_networks_vae(job->prepared), job->x, job->y);
}

static void forward_decode(de_context *context, void *user)
{
    const pass *job = user;
    de_vae_decode(context, de_networks_vae(job->prepared), job->x, job->y);
}

/* y = the network of x, in the shapes that `job` has; y may be x */
static diffedit_status run_pass(de_context *context, de_forward_fn forward, pass job,
                                const float *x, float *y, diffedit_error *error)
{
    diffedit_status status = de_tensor_keep(&job.x, context->device, job.x, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_tensor_keep(&job.y, context->device, job.y, error);
    if (status == DIFFEDIT_OK) {
        de_write(context, x, job.x);
        status = de_program_run_once(context, forward, &job, error);
    }
    if (status == DIFFEDIT_OK)
        de_read(context, job.y, y);
    de_tensor_drop(&job.x, context->device);
    de_tensor_drop(&job.y, context->device);
    return status;
}

static diffedit_status encode_text(void *self, const int32_t *tokens, float *embedding,
                                   diffedit_error *error)
{
    de_model_networks *networks = self;
    const diffedit_model *model = networks->model;
    de_tensor shape = {
        .n = 1, .h = 1, .w = de_tokenizer_length(model->tokenizer), .c = model->parts.text.width};
    diffedit_status status = use(networks, DE_PART_TEXT, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_text_encoder_look_up(de_networks_text_encoder(model->networks), tokens, shape.w, embedding);
    status = run_pass(&networks->context, forward_text, (pass){model->networks, shape, shape},
                      embedding, embedding, error);
    de_networks_done(model->networks, DE_PART_TEXT);
    return status;
}

static diffedit_status run_vae(de_model_networks *networks, de_forward_fn forward, de_tensor x,
                               de_tensor y, const float *from, float *to, diffedit_error *error)
{
    de_networks *prepared = networks->model->networks;
    diffedit_status status = use(networks, DE_PART_VAE, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = run_pass(&networks->context, forward, (pass){prepared, x, y}, from, to, error);
    de_networks_done(prepared, DE_PART_VAE);
    return status;
}

static diffedit_status encode_pixels(void *self, const float *pixels, int h, int w, float *moments,
                                     diffedit_error *error)
{
    de_model_networks *networks = self;
    int factor = de_vae_factor(&networks->model->parts.vae);
    de_tensor x = {.n = 1, .h = h * factor, .w = w * factor, .c = 3};
    de_tensor y = {.n = 1, .h = h, .w = w, .c = 2 * networks->model->parts.vae.latent_channels};
    return run_vae(networks, forward_encode, x, y, pixels, moments, error);
}

static diffedit_status decode_latent(void *self, const float *latent, int h, int w, float *pixels,
                                     diffedit_error *error)
{
    de_model_networks *networks = self;
    int factor = de_vae_factor(&networks->model->parts.vae);
    int channels = networks->model->parts.vae.latent_channels;
    int64_t count = (int64_t)channels * h * w;
    float *unscaled;
    diffedit_status status = de_allocate_floats(&unscaled, count, "a latent", error);
    if (status != DIFFEDIT_OK)
        return status;
    float scale = (float)(1 / networks->model->parts.vae.scaling_factor);
    de_channels_last(latent, 1, channels, h, w, unscaled);
    for (int64_t i = 0; i < count; i++)
        unscaled[i] *= scale;
    de_tensor x = {.n = 1, .h = h, .w = w, .c = channels};
    de_tensor y = {.n = 1, .h = h * factor, .w = w * factor, .c = 3};
    status = run_vae(networks, forward_decode, x, y, unscaled, pixels, error);
    free(unscaled);
    return status;
}

/* ---- the UNet, which runs many times ---- */

static void forward_unet(de_context *context, void *user)
{
    const de_model_networks *networks = user;
    de_unet_run(context, networks->unet, networks->x, networks->waves, &networks->kv, networks->y);
}

/* The texts' keys and values, which need the embeddings side by side. */
static diffedit_status make_kv(de_model_networks *networks, const float *const *embeddings, int n,
                               int chunks, diffedit_error *error)
{
    int tokens = chunks * de_tokenizer_length(networks->model->tokenizer);
    int64_t count = (int64_t)tokens * networks->model->parts.text.width;
    float *all;
    diffedit_status status = de_allocate_floats(&all, n * count, "embeddings", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int i = 0; i < n; i++)
        memcpy(all + i * count, embeddings[i], (size_t)count * sizeof *all);
    status = de_unet_text_kv_new(&networks->kv, &networks->context, networks->unet, all, n, tokens,
                                 error);
    free(all);
    return status;
}

/* What goes into the program and comes out of it, on the device and here. */
static diffedit_status make_ends(de_model_networks *networks, int n, int h, int w,
                                 diffedit_error *error)
{
    const diffedit_model *model = networks->model;
    de_device *device = networks->context.device;
    de_tensor x = {.n = 1, .h = h, .w = w, .c = model->parts.unet.in_channels};
    de_tensor y = {.n = n, .h = h, .w = w, .c = model->parts.vae.latent_channels};
    de_tensor waves = {.n = n, .h = 1, .w = 1, .c = de_unet_waves_width(networks->unet)};
    int64_t largest = de_max_i64(de_tensor_count(x),
                                 de_max_i64(de_tensor_count(y), de_tensor_count(waves)));
    diffedit_status status = de_tensor_keep(&networks->x, device, x, error);
    if (status == DIFFEDIT_OK)
        status = de_tensor_keep(&networks->y, device, y, error);
    if (status == DIFFEDIT_OK)
        status = de_tensor_keep(&networks->waves, device, waves, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&networks->staged, largest, "the UNet's input", error);
    return status;
}

static diffedit_status unet_begin(void *self, const float *const *embeddings, int n, int chunks,
                                  int h, int w, diffedit_error *error)
{
    de_model_networks *networks = self;
    diffedit_status status = use(networks, DE_PART_UNET, error);
    if (status != DIFFEDIT_OK)
        return status;
    networks->unet = de_networks_unet(networks->model->networks);
    status = make_kv(networks, embeddings, n, chunks, error);
    if (status == DIFFEDIT_OK)
        status = make_ends(networks, n, h, w, error);
    if (status == DIFFEDIT_OK)
        status = de_program_new(&networks->program, &networks->context, forward_unet, networks,
                                error);
    return status;
}

static diffedit_status unet_run(void *self, const float *x, const float *condition, double t,
                                float *y, diffedit_error *error)
{
    de_model_networks *networks = self;
    de_context *context = &networks->context;
    de_tensor in = networks->x, out = networks->y;
    int64_t area = in.h * in.w;
    for (int64_t cell = 0; cell < area; cell++)
        for (int64_t j = 0; j < in.c; j++)
            networks->staged[cell * in.c + j] = j < out.c ? x[j * area + cell]
                                                          : condition[(j - out.c) * area + cell];
    de_write(context, networks->staged, in);
    de_unet_waves(networks->unet, (float)t, out.n, networks->staged);
    de_write(context, networks->staged, networks->waves);
    diffedit_status status = de_program_run(networks->program, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_read(context, out, networks->staged);
    de_channels_first(networks->staged, out.n, out.c, out.h, out.w, y);
    return DIFFEDIT_OK;
}

static void unet_end(void *self)
{
    de_model_networks *networks = self;
    de_context *context = &networks->context;
    if (!networks->unet)
        return;
    de_program_free(networks->program);
    de_unet_text_kv_free(&networks->kv, context, networks->unet);
    de_tensor_drop(&networks->x, context->device);
    de_tensor_drop(&networks->waves, context->device);
    de_tensor_drop(&networks->y, context->device);
    free(networks->staged);
    de_networks_done(networks->model->networks, DE_PART_UNET);
    networks->program = NULL;
    networks->staged = NULL;
    networks->unet = NULL;
}

void de_model_networks_init(de_model_networks *networks, de_network_set *set,
                            const diffedit_model *model)
{
    *networks = (de_model_networks){
        .model = model, .context = {.device = model->device, .threads = de_core_count()}};
    *set = (de_network_set){.factor = de_vae_factor(&model->parts.vae),
                            .channels = model->parts.vae.latent_channels,
                            .text_tokens = de_tokenizer_length(model->tokenizer),
                            .text_width = model->parts.text.width,
                            .scaling_factor = model->parts.vae.scaling_factor,
                            .v_prediction = model->parts.schedule.v_prediction,
                            .inpaints = de_parts_inpaint(&model->parts),
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
    de_context_release(&networks->context);
}
