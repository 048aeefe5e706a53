#include "models/model.h"

#include <stdio.h>

diffedit_status diffedit_model_open(diffedit_model **model, const char *path,
                                    const diffedit_model_settings *settings, diffedit_error *error)
{
    const diffedit_model_settings none = {0};
    const uint32_t known = DIFFEDIT_MODEL_LOW_MEMORY | DIFFEDIT_MODEL_NO_EMA;
    if (!settings)
        settings = &none;
    if (settings->flags & ~known || settings->prediction < 0 || settings->prediction > DIFFEDIT_PREDICTION_V)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown flags 0x%x or prediction %d", path,
                       (unsigned)settings->flags, settings->prediction);
    return de_model_open(model, path, settings, error);
}

diffedit_status diffedit_model_new_random(diffedit_model **model, const char *shape, diffedit_error *error)
{
    return de_model_new_random(model, shape, error);
}

const char *const *diffedit_random_shapes(void)
{
    return de_random_shapes;
}

void diffedit_model_close(diffedit_model *model)
{
    de_model_close(model);
}

int diffedit_model_get_warning(const diffedit_model *model, char *text, size_t size)
{
    const de_weights *from = NULL;
    const char *first = NULL;
    int count = 0;
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        const char *name = de_weights_damaged(model->weights[part], &count);
        if (name && !first) {
            first = name;
            from = model->weights[part];
        }
    }
    if (size > 0)
        text[0] = '\0';
    if (!first)
        return 0;
    int length = snprintf(text, size, "%s: tensor `%s` holds values that are not finite numbers", de_weights_path(from),
                          first);
    if (count > 1 && length > 0 && (size_t)length < size)
        snprintf(text + length, size - (size_t)length, ", and so do %d more", count - 1);
    return 1;
}

void diffedit_model_get_info(const diffedit_model *model, diffedit_model_info *info)
{
    int factor = de_vae_factor(&model->vae_config);
    int64_t parameters = 0;
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        parameters += de_weights_parameters(model->weights[part]);
    *info = (diffedit_model_info){
        .native_width = model->unet_config.sample_width * factor,
        .native_height = model->unet_config.sample_height * factor,
        .factor = factor,
        .latent_channels = model->vae_config.latent_channels,
        .text_tokens = de_tokenizer_length(model->tokenizer),
        .text_width = model->text_config.width,
        .train_timesteps = model->schedule_config.train_timesteps,
        .v_prediction = model->schedule_config.v_prediction,
        .parameters = parameters,
    };
}
