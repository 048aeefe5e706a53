#include "models/model.h"

diffedit_status diffedit_model_open(diffedit_model **model, const char *path, uint32_t flags,
                                    diffedit_error *error)
{
    if (flags != 0)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown flags 0x%x; expected 0", path,
                       (unsigned)flags);
    return de_model_open_folder(model, path, error);
}

void diffedit_model_close(diffedit_model *model)
{
    de_model_close(model);
}

void diffedit_model_get_info(const diffedit_model *model, diffedit_model_info *info)
{
    int factor = de_vae_factor(&model->vae_config);
    *info = (diffedit_model_info){
        .native_width = model->unet_config.sample_width * factor,
        .native_height = model->unet_config.sample_height * factor,
        .factor = factor,
        .latent_channels = model->vae_config.latent_channels,
        .text_tokens = de_tokenizer_length(model->tokenizer),
        .text_width = model->text_config.width,
        .train_timesteps = model->schedule_config.train_timesteps,
        .v_prediction = model->schedule_config.v_prediction,
        .parameters = de_weights_parameters(model->text_weights) +
                      de_weights_parameters(model->unet_weights) +
                      de_weights_parameters(model->vae_weights),
    };
}
