/* Models as files: what they hold, whether they are sound, and written anew. */
#include "models/files.h"

_Static_assert((int)DIFFEDIT_PART_TEXT_ENCODER == (int)DE_PART_TEXT &&
                   (int)DIFFEDIT_PART_UNET == (int)DE_PART_UNET &&
                   (int)DIFFEDIT_PART_VAE == (int)DE_PART_VAE,
               "the parts have one order");

static const char *kind_of(const diffedit_model *model)
{
    enum { SD1_TEXT = 768, SD2_TEXT = 1024, SD_CHANNELS = 320 };
    const de_unet_config *unet = &model->unet_config;
    bool published = model->described[DE_PART_UNET] && unet->channels[0] == SD_CHANNELS;
    if (published && unet->cross_attention_dim == SD1_TEXT)
        return "Stable Diffusion 1";
    if (published && unet->cross_attention_dim == SD2_TEXT)
        return "Stable Diffusion 2";
    return model->described[DE_PART_UNET] ? "Stable Diffusion, of its own size" : "unknown";
}

static diffedit_status describe(diffedit_model_description *description,
                                const diffedit_model *model, diffedit_error *error)
{
    *description = (diffedit_model_description){.layout = model->layout, .kind = kind_of(model)};
    description->inpaints = model->described[DE_PART_UNET] && model->described[DE_PART_VAE] &&
                            de_model_inpaints(model);
    if (!model->prediction_unknown)
        description->prediction = model->schedule_config.v_prediction ? DIFFEDIT_PREDICTION_V
                                                                      : DIFFEDIT_PREDICTION_EPSILON;
    de_model_info(model, &description->info);
    description->info.parameters = 0;
    diffedit_status status = DIFFEDIT_OK;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++) {
        status = de_part_describe(&description->parts[part], model, part, error);
        description->info.parameters += description->parts[part].parameters;
    }
    return status;
}

diffedit_status diffedit_model_describe(diffedit_model_description *description, const char *path,
                                        const diffedit_model_settings *settings,
                                        diffedit_problem_fn report, void *user,
                                        diffedit_error *error)
{
    de_problems problems = {.report = report, .user = user};
    diffedit_model *model;
    diffedit_status status = de_model_read(&model, path, settings, &problems, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = describe(description, model, error);
    de_model_close(model);
    return status;
}

diffedit_status diffedit_model_check(int64_t *count, const char *path,
                                     const diffedit_model_settings *settings,
                                     diffedit_problem_fn report, void *user, diffedit_error *error)
{
    de_problems problems = {.report = report, .user = user};
    diffedit_model *model;
    diffedit_status status = de_model_read(&model, path, settings, &problems, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        status = de_part_check(model, part, &problems, error);
    de_model_close(model);
    *count = problems.count;
    return status;
}

diffedit_status diffedit_model_convert(const char *path, const diffedit_model_settings *settings,
                                       const char *output, int precision,
                                       diffedit_bytes_fn progress, void *user,
                                       diffedit_error *error)
{
    if (precision < DIFFEDIT_PRECISION_KEPT || precision > DIFFEDIT_PRECISION_F32)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown precision %d", path, precision);
    diffedit_model *model;
    diffedit_status status = de_model_read(&model, path, settings, NULL, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_model_pack(model, output, precision, progress, user, error);
    de_model_close(model);
    return status;
}
