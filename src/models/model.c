/* Opening a model: reads its parts, checks that they fit each other, prepares the networks. */
#include "models/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const PART_NAMES[DE_PART_COUNT] = {"text encoder", "UNet", "autoencoder"};
static const char *const PART_OPTIONS[DE_PART_COUNT] = {"--text-encoder", NULL, "--vae"};

/* One part's number must be another's. */
static diffedit_status expect_equal(const char *path, const char *what, int found,
                                    const char *other, int expected, diffedit_error *error)
{
    if (found == expected)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s is %d, but %s is %d", path, what, found,
                   other, expected);
}

/* Inpainting UNets read the mask and the masked picture's latent beside the latent. */
bool de_model_inpaints(const diffedit_model *model)
{
    return model->unet_config.in_channels == 2 * model->vae_config.latent_channels + 1;
}

static diffedit_status check_tokenizer(const diffedit_model *model, const char *path,
                                       diffedit_error *error)
{
    const de_text_config *text = &model->text_config;
    if (de_tokenizer_length(model->tokenizer) > text->positions)
        return de_fail(
            error, DIFFEDIT_ERROR_MODEL,
            "%s: the tokenizer makes %d tokens, but the text encoder has only %d positions", path,
            de_tokenizer_length(model->tokenizer), text->positions);
    if (de_tokenizer_vocab_size(model->tokenizer) > text->vocab_size)
        return de_fail(
            error, DIFFEDIT_ERROR_MODEL,
            "%s: the tokenizer has token ids up to %d, but the text encoder knows only %d tokens",
            path, de_tokenizer_vocab_size(model->tokenizer) - 1, text->vocab_size);
    return DIFFEDIT_OK;
}

/* The UNet reads the latent, or what an inpainting model reads; what else may stand beside it is
 * known by its size. */
static diffedit_status check_unet_input(const diffedit_model *model, const char *path,
                                        diffedit_error *error)
{
    int found = model->unet_config.in_channels, latent = model->vae_config.latent_channels;
    if (!model->described[DE_PART_UNET] || !model->described[DE_PART_VAE] || found == latent ||
        de_model_inpaints(model))
        return DIFFEDIT_OK;
    const char *kind = found == latent + 1
                           ? ": a model that needs a depth map, which diffedit has none of"
                       : found == 2 * latent
                           ? ": a model that is told what to do (InstructPix2Pix), another method"
                           : "";
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: the UNet's in_channels is %d, but the VAE's latent_channels is %d%s", path,
                   found, latent, kind);
}

/* What is known of the parts must fit together. */
static diffedit_status check_parts(const diffedit_model *model, const char *path,
                                   diffedit_error *error)
{
    const de_unet_config *unet = &model->unet_config;
    const de_vae_config *vae = &model->vae_config;
    const de_text_config *text = &model->text_config;
    const struct {
        de_part a, b;
        const char *what;
        int found;
        const char *other;
        int expected;
    } pairs[] = {
        {DE_PART_UNET, DE_PART_VAE, "the UNet's out_channels", unet->out_channels,
         "the VAE's latent_channels", vae->latent_channels},
        {DE_PART_UNET, DE_PART_TEXT, "the UNet's cross_attention_dim", unet->cross_attention_dim,
         "the text encoder's hidden_size", text->width},
        {DE_PART_VAE, DE_PART_VAE, "the VAE's in_channels", vae->in_channels,
         "a picture's number of colours", 3},
        {DE_PART_VAE, DE_PART_VAE, "the VAE's out_channels", vae->out_channels,
         "a picture's number of colours", 3},
    };
    diffedit_status status = de_model_keep(model, check_unet_input(model, path, error), error);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == DIFFEDIT_OK; i++)
        if (model->described[pairs[i].a] && model->described[pairs[i].b])
            status = de_model_keep(model,
                                   expect_equal(path, pairs[i].what, pairs[i].found, pairs[i].other,
                                                pairs[i].expected, error),
                                   error);
    if (status == DIFFEDIT_OK && model->tokenizer && model->described[DE_PART_TEXT])
        status = de_model_keep(model, check_tokenizer(model, path, error), error);
    return status;
}

diffedit_status de_model_keep(const diffedit_model *model, diffedit_status status,
                              const diffedit_error *error)
{
    if (status == DIFFEDIT_OK || status == DIFFEDIT_ERROR_MEMORY || !model->problems)
        return status;
    model->problems->count++;
    if (model->problems->report)
        model->problems->report(model->problems->user, error->message);
    return DIFFEDIT_OK;
}

bool de_model_lacks_average(const diffedit_model *model, char *text, size_t size)
{
    if (!model->no_average[0])
        return false;
    if (size > 0)
        de_sentence(text, size, "%s: tensor `%s` has no average, so of none the average is used",
                    de_weights_path(model->weights[DE_PART_UNET]), model->no_average);
    return true;
}

/* One file: packed by diffedit, or in the original layout. */
static diffedit_status read_file(diffedit_model *model, const char *path,
                                 const diffedit_model_settings *settings, diffedit_error *error)
{
    de_weight_file *file;
    diffedit_status status = de_weight_file_open(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_packed_is(file) ? de_packed_read(model, file, error)
                                : de_original_read(model, file, settings, error);
    de_weight_file_release(file);
    return status;
}

static diffedit_status read_part_file(diffedit_model *model, de_part part, const char *path,
                                      diffedit_error *error)
{
    de_weight_file *file;
    diffedit_status status = de_weight_file_open(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_packed_is(file) ? de_packed_read_part(model, part, file, error)
                                : de_original_read_part(model, part, file, error);
    de_weight_file_release(file);
    return status;
}

static diffedit_status read_model(diffedit_model *model, const char *path,
                                  const diffedit_model_settings *settings, diffedit_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: the model cannot be opened: %s", path,
                       strerror(errno));
    return S_ISDIR(info.st_mode) ? de_folder_read(model, path, error)
                                 : read_file(model, path, settings, error);
}

/* A part that the user names takes the place of the model's own. */
static diffedit_status read_given(diffedit_model *model, de_part part, const char *path,
                                  diffedit_error *error)
{
    struct stat info;
    if (!path)
        return DIFFEDIT_OK;
    if (stat(path, &info) != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be opened: %s", path,
                       strerror(errno));
    de_weights_close(model->weights[part]);
    model->weights[part] = NULL;
    model->described[part] = model->absent[part] = false;
    return S_ISDIR(info.st_mode) ? de_folder_read_part(model, part, path, error)
                                 : read_part_file(model, part, path, error);
}

static diffedit_status check_complete(const diffedit_model *model, const char *path,
                                      diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (model->absent[part])
            status = de_model_keep(model,
                                   de_fail(error, DIFFEDIT_ERROR_MODEL,
                                           "%s: there is no %s in it%s%s", path, PART_NAMES[part],
                                           PART_OPTIONS[part] ? "; name one with " : "",
                                           PART_OPTIONS[part] ? PART_OPTIONS[part] : ""),
                                   error);
    return status;
}

de_network_sources de_model_sources(const diffedit_model *model)
{
    de_network_sources sources = {.device = model->device,
                                  .text = &model->text_config,
                                  .unet = &model->unet_config,
                                  .vae = &model->vae_config};
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        sources.weights[part] = model->weights[part];
    return sources;
}

static diffedit_status prepare_networks(diffedit_model *model, bool one_at_a_time,
                                        diffedit_error *error)
{
    diffedit_status status = de_device_open(&model->device, error);
    if (status != DIFFEDIT_OK)
        return status;
    const de_network_sources sources = de_model_sources(model);
    return de_networks_new(&model->networks, &sources, one_at_a_time, error);
}

static diffedit_status fill(diffedit_model *model, const char *path,
                            const diffedit_model_settings *settings, diffedit_error *error)
{
    diffedit_status status = read_model(model, path, settings, error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(model, read_given(model, DE_PART_VAE, settings->vae, error), error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(
            model, read_given(model, DE_PART_TEXT, settings->text_encoder, error), error);
    if (status == DIFFEDIT_OK)
        status = check_complete(model, path, error);
    if (status == DIFFEDIT_OK)
        status = check_parts(model, path, error);
    if (status == DIFFEDIT_OK && settings->prediction != DIFFEDIT_PREDICTION_AUTO)
        model->schedule_config.v_prediction = settings->prediction == DIFFEDIT_PREDICTION_V;
    return status;
}

/* Hands over a model that was filled with success; closes it else. */
static diffedit_status hand_over(diffedit_model **model, diffedit_model *filled,
                                 diffedit_status status)
{
    if (status == DIFFEDIT_OK)
        *model = filled;
    else
        de_model_close(filled);
    return status;
}

diffedit_status de_model_read(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, de_problems *problems,
                              diffedit_error *error)
{
    const diffedit_model_settings none = {0};
    const uint32_t known = DIFFEDIT_MODEL_LOW_MEMORY | DIFFEDIT_MODEL_NO_EMA;
    if (!settings)
        settings = &none;
    if (settings->flags & ~known || (unsigned)settings->prediction > DIFFEDIT_PREDICTION_V)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown flags 0x%x or prediction %d",
                       path, (unsigned)settings->flags, (int)settings->prediction);
    diffedit_model *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a model");
    new->problems = problems;
    diffedit_status status = fill(new, path, settings, error);
    new->problems = NULL;
    return hand_over(model, new, status);
}

diffedit_status de_model_open(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, diffedit_error *error)
{
    diffedit_model *new = NULL;
    diffedit_status status = de_model_read(&new, path, settings, NULL, error);
    if (status == DIFFEDIT_OK)
        status = prepare_networks(new, settings && settings->flags & DIFFEDIT_MODEL_LOW_MEMORY,
                                  error);
    return hand_over(model, new, status);
}

diffedit_status de_model_new_random(diffedit_model **model, const char *shape,
                                    diffedit_error *error)
{
    diffedit_model *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a model");
    diffedit_status status = de_random_read(new, shape, error);
    if (status == DIFFEDIT_OK)
        status = prepare_networks(new, false, error);
    return hand_over(model, new, status);
}

void de_model_info(const diffedit_model *model, diffedit_model_info *info)
{
    int factor = model->described[DE_PART_VAE] ? de_vae_factor(&model->vae_config) : 0;
    int64_t parameters = 0;
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        if (model->weights[part])
            parameters += de_weights_parameters(model->weights[part]);
    *info = (diffedit_model_info){
        .struct_size = sizeof *info,
        .native_width = model->unet_config.sample_width * factor,
        .native_height = model->unet_config.sample_height * factor,
        .factor = factor,
        .latent_channels = model->vae_config.latent_channels,
        .text_tokens = model->tokenizer ? de_tokenizer_length(model->tokenizer) : 0,
        .text_width = model->text_config.width,
        .train_timesteps = model->schedule_config.train_timesteps,
        .prediction = model->prediction_unknown             ? DIFFEDIT_PREDICTION_AUTO
                      : model->schedule_config.v_prediction ? DIFFEDIT_PREDICTION_V
                                                            : DIFFEDIT_PREDICTION_EPSILON,
        .parameters = parameters,
    };
}

void de_model_close(diffedit_model *model)
{
    if (!model)
        return;
    de_networks_free(model->networks);
    de_device_close(model->device);
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        de_weights_close(model->weights[part]);
    de_weight_file_release(model->packed);
    free(model->path);
    de_tokenizer_close(model->tokenizer);
    de_schedule_config_free(&model->schedule_config);
    de_model_hints_free(&model->hints);
    free(model);
}
