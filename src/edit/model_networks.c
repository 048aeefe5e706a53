#include "edit/network_runs.h"

void de_runs_tell(de_model_networks *networks)
{
    static const struct {
        diffedit_log_level level;
        const char *line;
    } said[DE_FINDINGS] = {
        [DE_ONE_AT_A_TIME] = {DIFFEDIT_LOG_INFO,
                              "too little memory for all networks at once: they are prepared one "
                              "at a time, which takes longer"},
        [DE_WIDE_ENCODER] = {DIFFEDIT_LOG_WARNING,
                             "values of this model's autoencoder leave the range of 16-bit "
                             "floating point: it encodes in 32 bits, which takes longer"},
        [DE_WIDE_DECODER] = {DIFFEDIT_LOG_WARNING,
                             "values of this model's autoencoder leave the range of 16-bit "
                             "floating point: it decodes in 32 bits, which takes longer"}};
    for (de_finding finding = 0; finding < DE_FINDINGS; finding++)
        if (de_networks_tell(networks->model->networks, finding))
            de_log_write(*networks->log, said[finding].level, "%s", said[finding].line);
}

diffedit_status de_runs_use(de_model_networks *networks, de_part part, diffedit_error *error)
{
    if (!de_networks_ready(networks->model->networks, part))
        de_context_release(&networks->context);
    diffedit_status status = de_networks_use(networks->model->networks, part, error);
    de_runs_tell(networks);
    return status;
}

void de_runs_done(de_model_networks *networks, de_part part)
{
    if (de_device_title(networks->model->device))
        de_context_release(&networks->context);
    de_networks_done(networks->model->networks, part);
}

bool de_runs_make_room(de_model_networks *networks, diffedit_status status)
{
    if (status != DIFFEDIT_ERROR_MEMORY || !de_networks_make_room(networks->model->networks))
        return false;
    de_runs_tell(networks);
    return true;
}

diffedit_status de_runs_explain(const de_model_networks *networks, const char *network, int64_t h,
                                int64_t w, diffedit_status status, diffedit_error *error)
{
    const de_device *device = networks->model->device;
    if (status != DIFFEDIT_ERROR_MEMORY || !error)
        return status;
    const diffedit_error reason = *error;
    bool gpu = de_device_title(device) != NULL;
    bool exact = de_device_arithmetic(device) == DIFFEDIT_ARITHMETIC_EXACT;
    return de_fail(error, status, "the %s at %lldx%lld: %s; try %sa smaller `size`%s", network,
                   (long long)w, (long long)h, reason.message,
                   gpu && exact ? "`arithmetic` quick, " : "", gpu ? " or `device` cpu" : "");
}

bool de_runs_narrow(const de_model_networks *networks)
{
    de_device *device = networks->model->device;
    return de_device_wide(device) != device;
}

void de_model_networks_init(de_model_networks *networks, de_network_set *set,
                            const diffedit_model *model, const de_log *log)
{
    *networks = (de_model_networks){
        .model = model,
        .log = log,
        .context = {.device = model->device, .threads = de_core_count()}};
    *set = (de_network_set){.factor = de_vae_factor(&model->parts.vae),
                            .channels = model->parts.vae.latent_channels,
                            .text_tokens = de_tokenizer_length(model->tokenizer),
                            .text_width = model->parts.text.width,
                            .scaling_factor = model->parts.vae.scaling_factor,
                            .v_prediction = model->parts.schedule.v_prediction,
                            .inpaints = de_parts_inpaint(&model->parts),
                            .self = networks,
                            .encode_text = de_runs_text,
                            .encode_pixels = de_runs_encode,
                            .decode_latent = de_runs_decode,
                            .unet_begin = de_runs_unet_begin,
                            .unet_run = de_runs_unet,
                            .unet_end = de_runs_unet_end};
}

de_computed de_model_networks_computed(const de_model_networks *networks)
{
    return networks->context.computed;
}

void de_model_networks_free(de_model_networks *networks)
{
    de_context_release(&networks->context);
}
