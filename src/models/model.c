#include "models/model.h"

#include "kernels/kernels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_LENGTH = 4096 };

/* folder/part into path; the folder's length was checked when the model was opened */
static void join(char path[PATH_LENGTH], const char *folder, const char *part)
{
    snprintf(path, PATH_LENGTH, "%s/%s", folder, part);
}

static diffedit_status read_configs(diffedit_model *model, const char *folder, diffedit_error *error)
{
    char path[PATH_LENGTH];
    join(path, folder, "model_index.json");
    diffedit_status status = de_model_index_check(path, error);
    if (status == DIFFEDIT_OK) {
        join(path, folder, "text_encoder/config.json");
        status = de_text_config_read(&model->text_config, path, error);
    }
    if (status == DIFFEDIT_OK) {
        join(path, folder, "unet/config.json");
        status = de_unet_config_read(&model->unet_config, path, error);
    }
    if (status == DIFFEDIT_OK) {
        join(path, folder, "vae/config.json");
        status = de_vae_config_read(&model->vae_config, path, error);
    }
    if (status == DIFFEDIT_OK) {
        join(path, folder, "scheduler/scheduler_config.json");
        status = de_schedule_config_read(&model->schedule_config, path, error);
    }
    if (status == DIFFEDIT_OK) {
        join(path, folder, "diffedit.json");
        status = de_model_hints_read(&model->hints, path, error);
    }
    if (status == DIFFEDIT_OK) {
        join(path, folder, "tokenizer");
        status = de_tokenizer_open(&model->tokenizer, path, error);
    }
    return status;
}

/* One part's number must be another's. */
static diffedit_status expect_equal(const char *folder, const char *what, int found, const char *other,
                                    int expected, diffedit_error *error)
{
    if (found == expected)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s is %d, but %s is %d", folder, what, found, other,
                   expected);
}

static diffedit_status check_parts(const diffedit_model *model, const char *folder, diffedit_error *error)
{
    const de_unet_config *unet = &model->unet_config;
    const de_vae_config *vae = &model->vae_config;
    const de_text_config *text = &model->text_config;
    const struct {
        const char *what;
        int found;
        const char *other;
        int expected;
    } pairs[] = {
        {"the UNet's in_channels", unet->in_channels, "the VAE's latent_channels", vae->latent_channels},
        {"the UNet's out_channels", unet->out_channels, "the VAE's latent_channels", vae->latent_channels},
        {"the UNet's cross_attention_dim", unet->cross_attention_dim, "the text encoder's hidden_size",
         text->width},
        {"the VAE's in_channels", vae->in_channels, "a picture's number of colours", 3},
        {"the VAE's out_channels", vae->out_channels, "a picture's number of colours", 3},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        diffedit_status status = expect_equal(folder, pairs[i].what, pairs[i].found, pairs[i].other,
                                              pairs[i].expected, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    if (de_tokenizer_length(model->tokenizer) > text->positions)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: the tokenizer makes %d tokens, but the text encoder has only %d positions", folder,
                       de_tokenizer_length(model->tokenizer), text->positions);
    if (de_tokenizer_vocab_size(model->tokenizer) > text->vocab_size)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: the tokenizer has token ids up to %d, but the text encoder knows only %d tokens",
                       folder, de_tokenizer_vocab_size(model->tokenizer) - 1, text->vocab_size);
    return DIFFEDIT_OK;
}

static diffedit_status read_networks(diffedit_model *model, const char *folder, diffedit_error *error)
{
    char path[PATH_LENGTH];
    join(path, folder, "text_encoder/model.safetensors");
    diffedit_status status = de_weights_open(&model->text_weights, path, error);
    if (status == DIFFEDIT_OK)
        status = de_text_encoder_new(&model->text_encoder, &model->text_config, model->text_weights, error);
    if (status == DIFFEDIT_OK) {
        join(path, folder, "unet/diffusion_pytorch_model.safetensors");
        status = de_weights_open(&model->unet_weights, path, error);
    }
    if (status == DIFFEDIT_OK)
        status = de_unet_new(&model->unet, &model->unet_config, model->unet_weights, error);
    if (status == DIFFEDIT_OK) {
        join(path, folder, "vae/diffusion_pytorch_model.safetensors");
        status = de_weights_open(&model->vae_weights, path, error);
    }
    if (status == DIFFEDIT_OK)
        status = de_vae_new(&model->vae, &model->vae_config, model->vae_weights, error);
    return status;
}

static diffedit_status check_folder(const char *folder, diffedit_error *error)
{
    const char *longest_part = "/unet/diffusion_pytorch_model.safetensors";
    struct stat info;
    if (strlen(folder) + strlen(longest_part) >= PATH_LENGTH)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "the model's path is too long (%zu bytes)",
                       strlen(folder));
    if (stat(folder, &info) != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: the model cannot be opened: %s", folder,
                       strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: expected a model folder in the diffusers layout, found a file", folder);
    return DIFFEDIT_OK;
}

diffedit_status de_model_open_folder(diffedit_model **model, const char *folder, diffedit_error *error)
{
    const char *problem = de_kernels_problem();
    if (problem)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s", problem);
    diffedit_status status = check_folder(folder, error);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_model *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a model");
    status = read_configs(new, folder, error);
    if (status == DIFFEDIT_OK)
        status = check_parts(new, folder, error);
    if (status == DIFFEDIT_OK)
        status = read_networks(new, folder, error);
    if (status != DIFFEDIT_OK) {
        de_model_close(new);
        return status;
    }
    *model = new;
    return DIFFEDIT_OK;
}

void de_model_close(diffedit_model *model)
{
    if (!model)
        return;
    de_text_encoder_free(model->text_encoder);
    de_unet_free(model->unet);
    de_vae_free(model->vae);
    de_weights_close(model->text_weights);
    de_weights_close(model->unet_weights);
    de_weights_close(model->vae_weights);
    de_tokenizer_close(model->tokenizer);
    de_schedule_config_free(&model->schedule_config);
    de_model_hints_free(&model->hints);
    free(model);
}
