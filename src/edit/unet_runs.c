/* The UNet, which is begun once and runs many times. */
#include "edit/network_runs.h"
#include "edit/stage.h"

#include <stdlib.h>
#include <string.h>

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
    diffedit_status status = de_tensor_share(&networks->x, device, x, error);
    if (status == DIFFEDIT_OK)
        status = de_tensor_share(&networks->y, device, y, error);
    if (status == DIFFEDIT_OK)
        status = de_tensor_share(&networks->waves, device, waves, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&networks->staged, largest, "the UNet's input", error);
    return status;
}

/* The texts and the size of what is begun. */
typedef struct task {
    const float *const *embeddings;
    int n, chunks, h, w;
} task;

static diffedit_status begin(de_model_networks *networks, const task *of, diffedit_error *error)
{
    diffedit_status status = make_kv(networks, of->embeddings, of->n, of->chunks, error);
    if (status == DIFFEDIT_OK)
        status = make_ends(networks, of->n, of->h, of->w, error);
    if (status == DIFFEDIT_OK)
        status = de_program_new(&networks->program, &networks->context, forward_unet, networks,
                                error);
    return status;
}

/* Drops what was made for a task. */
static void end(de_model_networks *networks)
{
    de_context *context = &networks->context;
    de_program_free(networks->program);
    de_unet_text_kv_free(&networks->kv, context, networks->unet);
    de_tensor_drop(&networks->x, context->device);
    de_tensor_drop(&networks->waves, context->device);
    de_tensor_drop(&networks->y, context->device);
    free(networks->staged);
    networks->program = NULL;
    networks->staged = NULL;
}

diffedit_status de_runs_unet_begin(void *self, const float *const *embeddings, int n, int chunks,
                                   int h, int w, diffedit_error *error)
{
    de_model_networks *networks = self;
    const task of = {embeddings, n, chunks, h, w};
    int factor = de_vae_factor(&networks->model->parts.vae);
    diffedit_status status = de_runs_use(networks, DE_PART_UNET, error);
    if (status == DIFFEDIT_OK) {
        networks->unet = de_networks_unet(networks->model->networks);
        status = begin(networks, &of, error);
        if (de_runs_make_room(networks, status)) {
            end(networks);
            status = begin(networks, &of, error);
        }
    }
    return de_runs_explain(networks, "UNet", (int64_t)h * factor, (int64_t)w * factor, status,
                           error);
}

diffedit_status de_runs_unet(void *self, const float *x, const float *condition, double t, float *y,
                             diffedit_error *error)
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
    if (de_runs_narrow(networks) && !de_finite_f32(y, de_tensor_count(out)) &&
        de_finite_f32(x, area * out.c))
        return de_fail(error, DIFFEDIT_ERROR_DEVICE,
                       "%s: values of this model's UNet leave the range of 16-bit floating point; "
                       "`arithmetic` exact computes with 32 bits",
                       de_device_title(context->device));
    return DIFFEDIT_OK;
}

void de_runs_unet_end(void *self)
{
    de_model_networks *networks = self;
    if (!networks->unet)
        return;
    end(networks);
    networks->unet = NULL;
    de_runs_done(networks, DE_PART_UNET);
}
