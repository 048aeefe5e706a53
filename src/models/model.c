/* Opening a model: a reader finds its parts, those that the user names replace some, and if they
 * fit each other the networks are prepared. */
#include "models/model.h"

#include "models/fit.h"
#include "models/folder.h"
#include "models/lora.h"
#include "models/need.h"
#include "models/original.h"
#include "models/packed.h"
#include "models/random_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool de_model_lacks_average(const diffedit_model *model, char *text, size_t size)
{
    if (!model->parts.no_average[0])
        return false;
    if (size > 0)
        de_sentence(text, size, "%s: tensor `%s` has no average, so no averages are used",
                    de_weights_path(model->parts.weights[DE_PART_UNET]), model->parts.no_average);
    return true;
}

/* ---- which reader ---- */

/* One file: packed by diffedit, or in the original layout. */
static diffedit_status read_file(de_model_parts *parts, const char *path,
                                 const diffedit_model_settings *settings, de_problems *problems,
                                 diffedit_error *error)
{
    de_weight_file *file;
    diffedit_status status = de_weight_file_open(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (de_packed_is(file))
        status = de_packed_read(parts, file, problems, error);
    else if ((status = de_original_use_names(file, error)) == DIFFEDIT_OK)
        status = de_original_read(parts, file, settings, problems, error);
    de_weight_file_release(file);
    return status;
}

static diffedit_status read_parts(de_model_parts *parts, const char *path,
                                  const diffedit_model_settings *settings, de_problems *problems,
                                  diffedit_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: the model cannot be opened: %s", path,
                       strerror(errno));
    return S_ISDIR(info.st_mode) ? de_folder_read(parts, path, problems, error)
                                 : read_file(parts, path, settings, problems, error);
}

/* One network from a file: of a whole model, or of nothing else. */
static diffedit_status read_part_file(de_model_parts *parts, de_part part, const char *path,
                                      diffedit_error *error)
{
    de_weight_file *file;
    diffedit_status status = de_weight_file_open(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (de_packed_is(file))
        status = de_packed_read_part(parts, part, file, error);
    else if (de_folder_has_file(part, file))
        status = de_folder_read_file(parts, part, path, error);
    else if ((status = de_original_use_names(file, error)) == DIFFEDIT_OK)
        status = de_original_read_part(parts, part, file, error);
    de_weight_file_release(file);
    return status;
}

/* A network that the user names takes the place of the model's own. */
static diffedit_status read_given(de_model_parts *parts, de_part part, const char *path,
                                  de_problems *problems, diffedit_error *error)
{
    struct stat info;
    de_model_parts given = {0};
    if (!path)
        return DIFFEDIT_OK;
    if (stat(path, &info) != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be opened: %s", path,
                       strerror(errno));
    diffedit_status status = S_ISDIR(info.st_mode)
                                 ? de_folder_read_part(&given, part, path, problems, error)
                                 : read_part_file(&given, part, path, error);
    de_parts_replace(parts, part, &given);
    de_parts_free(&given);
    return status;
}

de_network_sources de_model_sources(const diffedit_model *model)
{
    de_network_sources sources = {.device = model->device,
                                  .text = &model->parts.text,
                                  .unet = &model->parts.unet,
                                  .vae = &model->parts.vae};
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        sources.weights[part] = model->parts.weights[part];
    return sources;
}

/* ---- opening ---- */

static diffedit_status open_tokenizer(diffedit_model *model, diffedit_error *error)
{
    const de_model_parts *parts = &model->parts;
    return parts->pad ? de_tokenizer_open_builtin(&model->tokenizer, parts->pad, error)
                      : de_tokenizer_open(&model->tokenizer, &parts->documents, error);
}

static diffedit_status fill(diffedit_model *model, const char *path,
                            const diffedit_model_settings *settings, de_problems *problems,
                            diffedit_error *error)
{
    de_model_parts *parts = &model->parts;
    diffedit_status status = read_parts(parts, path, settings, problems, error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(problems, open_tokenizer(model, error), error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(
            problems, read_given(parts, DE_PART_VAE, settings->vae, problems, error), error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(
            problems, read_given(parts, DE_PART_TEXT, settings->text_encoder, problems, error),
            error);
    if (status == DIFFEDIT_OK)
        status = de_parts_check_fit(parts, model->tokenizer, path, problems, error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(problems, de_loras_apply(parts, settings, error), error);
    model->may_be_distilled = de_parts_may_be_distilled(parts, path);
    if (status == DIFFEDIT_OK && settings->prediction != DIFFEDIT_PREDICTION_AUTO)
        parts->schedule.v_prediction = settings->prediction == DIFFEDIT_PREDICTION_V;
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

static diffedit_status check_settings(const diffedit_model_settings *settings, const char *path,
                                      diffedit_error *error)
{
    const uint32_t known = DIFFEDIT_MODEL_LOW_MEMORY | DIFFEDIT_MODEL_NO_EMA;
    int prediction = (int)settings->prediction, arithmetic = (int)settings->arithmetic;
    if (settings->flags & ~known || prediction < 0 || prediction > DIFFEDIT_PREDICTION_V)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown flags 0x%x or prediction %d",
                       path, (unsigned)settings->flags, prediction);
    if (arithmetic < 0 || arithmetic > DIFFEDIT_ARITHMETIC_QUICK)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown arithmetic %d", path,
                       arithmetic);
    if (settings->device < DIFFEDIT_DEVICE_AUTO)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown device %d", path,
                       (int)settings->device);
    return DIFFEDIT_OK;
}

diffedit_status de_model_read(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, de_problems *problems,
                              diffedit_error *error)
{
    diffedit_status status = check_settings(settings, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_model *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a model");
    return hand_over(model, new, fill(new, path, settings, problems, error));
}

/* AUTO becomes the CPU. */
static void fall_back(diffedit_model *model, const diffedit_error *reason)
{
    model->which = DIFFEDIT_DEVICE_CPU;
    de_sentence(model->device_reason, sizeof model->device_reason, "computing on the processor: %s",
                reason->message);
}

/* Which device the settings mean. One that is named must have room for the weights at least. */
static diffedit_status choose_device(diffedit_model *model, const diffedit_model_settings *settings,
                                     diffedit_error *error)
{
    size_t count;
    de_need need;
    diffedit_error reason = {0};
    model->which = settings->device;
    if (model->which == DIFFEDIT_DEVICE_CPU)
        return DIFFEDIT_OK;
    diffedit_status status = de_model_need(&need, model, settings->arithmetic, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (model->which == DIFFEDIT_DEVICE_AUTO) {
        model->which = de_device_choose(need.bytes, &reason);
        if (model->which == DIFFEDIT_DEVICE_CPU)
            fall_back(model, &reason);
        return DIFFEDIT_OK;
    }
    const diffedit_device_info *const *devices = de_devices(&count);
    if (model->which >= (int64_t)count || devices[model->which]->device != model->which ||
        (uint64_t)devices[model->which]->memory >= need.weights)
        return DIFFEDIT_OK; /* one that is not there is refused when it is opened */
    return de_fail(error, DIFFEDIT_ERROR_DEVICE,
                   "%s (%s) has %.1f GB of memory, and the weights of the model's largest network "
                   "alone take %.1f GB",
                   devices[model->which]->name, devices[model->which]->title,
                   (double)devices[model->which]->memory * 1e-9, (double)need.weights * 1e-9);
}

static diffedit_status open_device(diffedit_model *model, const diffedit_model_settings *settings,
                                   diffedit_error *error)
{
    diffedit_error reason = {0};
    diffedit_status status = choose_device(model, settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_device_open(&model->device, model->which, settings->arithmetic, &reason);
    if (status == DIFFEDIT_ERROR_DEVICE && settings->device == DIFFEDIT_DEVICE_AUTO) {
        fall_back(model, &reason);
        return de_device_open(&model->device, model->which, settings->arithmetic, error);
    }
    return status == DIFFEDIT_OK ? status : de_fail(error, status, "%s", reason.message);
}

diffedit_status de_model_prepare(diffedit_model *model, const diffedit_model_settings *settings,
                                 diffedit_error *error)
{
    diffedit_status status = open_device(model, settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    const de_network_sources sources = de_model_sources(model);
    bool one_at_a_time = settings->flags & DIFFEDIT_MODEL_LOW_MEMORY;
    return de_networks_new(&model->networks, &sources, one_at_a_time, error);
}

diffedit_status de_model_open(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, diffedit_error *error)
{
    diffedit_model *new = NULL;
    diffedit_status status = de_model_read(&new, path, settings, NULL, error);
    if (status == DIFFEDIT_OK)
        status = de_model_prepare(new, settings, error);
    return hand_over(model, new, status);
}

diffedit_status de_model_open_random(diffedit_model **model, const char *shape,
                                     const diffedit_model_settings *settings, diffedit_error *error)
{
    diffedit_status status = check_settings(settings, shape, error);
    if (status == DIFFEDIT_OK && (settings->vae || settings->text_encoder || settings->lora_count))
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                         "%s: a model of random weights takes no weights from files", shape);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_model *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a model");
    status = de_random_model_read(&new->parts, shape, error);
    if (status == DIFFEDIT_OK)
        status = open_tokenizer(new, error);
    if (status == DIFFEDIT_OK)
        status = de_model_prepare(new, settings, error);
    return hand_over(model, new, status);
}

void de_model_info(const diffedit_model *model, diffedit_model_info *info)
{
    int factor = model->parts.described[DE_PART_VAE] ? de_vae_factor(&model->parts.vae) : 0;
    int64_t parameters = 0;
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        if (model->parts.weights[part])
            parameters += de_weights_parameters(model->parts.weights[part]);
    *info = (diffedit_model_info){
        .struct_size = sizeof *info,
        .native_width = model->parts.unet.sample_width * factor,
        .native_height = model->parts.unet.sample_height * factor,
        .factor = factor,
        .latent_channels = model->parts.vae.latent_channels,
        .text_tokens = model->tokenizer ? de_tokenizer_length(model->tokenizer) : 0,
        .text_width = model->parts.text.width,
        .train_timesteps = model->parts.schedule.train_timesteps,
        .prediction = model->parts.prediction_unknown      ? DIFFEDIT_PREDICTION_AUTO
                      : model->parts.schedule.v_prediction ? DIFFEDIT_PREDICTION_V
                                                           : DIFFEDIT_PREDICTION_EPSILON,
        .parameters = parameters,
        .arithmetic = model->device ? de_device_arithmetic(model->device)
                                    : DIFFEDIT_ARITHMETIC_EXACT,
        .device = model->which,
        .family = model->device ? de_device_family(model->device) : NULL,
    };
}

bool de_model_is_lost(const diffedit_model *model)
{
    return model->device && de_device_is_lost(model->device);
}

void de_model_close(diffedit_model *model)
{
    if (!model)
        return;
    de_networks_free(model->networks);
    de_device_close(model->device);
    de_tokenizer_close(model->tokenizer);
    de_parts_free(&model->parts);
    free(model);
}
