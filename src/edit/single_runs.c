/* The text encoder and the autoencoder, which run once at a time. */
#include "edit/network_runs.h"
#include "edit/stage.h"

#include <stdlib.h>

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
static diffedit_status try_pass(de_context *context, de_forward_fn forward, pass job,
                                const float *x, float *y, diffedit_error *error)
{
    diffedit_status status = de_tensor_share(&job.x, context->device, job.x, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_tensor_share(&job.y, context->device, job.y, error);
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

/* The same on the model's device or the wide one of the same machine, with the memory that there
 * can be. */
static diffedit_status run_pass(de_model_networks *networks, bool wide, de_forward_fn forward,
                                pass job, const float *x, float *y, diffedit_error *error)
{
    de_context *context = &networks->context;
    de_device *device = context->device;
    if (wide)
        context->device = de_device_wide(device);
    diffedit_status status = try_pass(context, forward, job, x, y, error);
    if (de_runs_make_room(networks, status))
        status = try_pass(context, forward, job, x, y, error);
    context->device = device;
    return status;
}

diffedit_status de_runs_text(void *self, const int32_t *tokens, float *embedding,
                             diffedit_error *error)
{
    de_model_networks *networks = self;
    const diffedit_model *model = networks->model;
    de_tensor shape = {
        .n = 1, .h = 1, .w = de_tokenizer_length(model->tokenizer), .c = model->parts.text.width};
    diffedit_status status = de_runs_use(networks, DE_PART_TEXT, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_text_encoder_look_up(de_networks_text_encoder(model->networks), tokens, shape.w, embedding);
    status = run_pass(networks, true, forward_text, (pass){model->networks, shape, shape},
                      embedding, embedding, error);
    de_runs_done(networks, DE_PART_TEXT);
    return status;
}

/* A half of the autoencoder. Where its values left f16's range, which makes black pictures of it,
 * it runs again with arrays of float32, and does so at once from then on. */
typedef struct vae_half {
    de_forward_fn forward;
    de_finding wide;
    const char *name;
} vae_half;

static const vae_half ENCODER = {forward_encode, DE_WIDE_ENCODER, "encoder"};
static const vae_half DECODER = {forward_decode, DE_WIDE_DECODER, "decoder"};

static diffedit_status run_half(de_model_networks *networks, const vae_half *half, de_tensor x,
                                de_tensor y, const float *from, float *to, diffedit_error *error)
{
    de_networks *prepared = networks->model->networks;
    const pass job = {prepared, x, y};
    bool wide = de_networks_found(prepared, half->wide);
    diffedit_status status = run_pass(networks, wide, half->forward, job, from, to, error);
    if (status != DIFFEDIT_OK || wide || !de_runs_narrow(networks) ||
        de_finite_f32(to, de_tensor_count(y)))
        return status;
    status = run_pass(networks, true, half->forward, job, from, to, error);
    if (status == DIFFEDIT_OK && de_finite_f32(to, de_tensor_count(y)))
        de_networks_find(prepared, half->wide);
    de_runs_tell(networks);
    return status;
}

static diffedit_status run_vae(de_model_networks *networks, const vae_half *half, de_tensor x,
                               de_tensor y, const float *from, float *to, diffedit_error *error)
{
    diffedit_status status = de_runs_use(networks, DE_PART_VAE, error);
    if (status == DIFFEDIT_OK) {
        status = run_half(networks, half, x, y, from, to, error);
        de_runs_done(networks, DE_PART_VAE);
    }
    return de_runs_explain(networks, half->name, de_max_i64(x.h, y.h), de_max_i64(x.w, y.w), status,
                           error);
}

diffedit_status de_runs_encode(void *self, const float *pixels, int h, int w, float *moments,
                               diffedit_error *error)
{
    de_model_networks *networks = self;
    int factor = de_vae_factor(&networks->model->parts.vae);
    de_tensor x = {.n = 1, .h = h * factor, .w = w * factor, .c = 3};
    de_tensor y = {.n = 1, .h = h, .w = w, .c = 2 * networks->model->parts.vae.latent_channels};
    return run_vae(networks, &ENCODER, x, y, pixels, moments, error);
}

diffedit_status de_runs_decode(void *self, const float *latent, int h, int w, float *pixels,
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
    status = run_vae(networks, &DECODER, x, y, unscaled, pixels, error);
    free(unscaled);
    return status;
}
