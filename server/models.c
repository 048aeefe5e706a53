#include "models.h"

#include "server.h"

#include "common/error.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct offer {
    pthread_mutex_t opening; /* taken before the other */
    pthread_rwlock_t looking;
    diffedit_model *model; /* NULL: not open; changes with both locks */
};

struct models {
    const serve_settings *settings;
    struct offer *offers; /* [model_count] */
};

diffedit_status models_new(struct models **made, const serve_settings *settings,
                           diffedit_error *error)
{
    for (size_t i = 0; i < settings->model_count; i++) {
        json_t *name = json_string(settings->models[i].name);
        if (!name)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "`model`: the name of a model that is offered must be UTF-8, found "
                           "\"%.200s\"",
                           settings->models[i].name);
        json_decref(name);
    }
    struct models *new = calloc(1, sizeof *new);
    if (new)
        new->offers = calloc(settings->model_count, sizeof *new->offers);
    if (!new || !new->offers) {
        free(new);
        return de_fail_memory(error, sizeof *new, "the models");
    }
    new->settings = settings;
    for (size_t i = 0; i < settings->model_count; i++) {
        pthread_mutex_init(&new->offers[i].opening, NULL);
        pthread_rwlock_init(&new->offers[i].looking, NULL);
    }
    *made = new;
    return DIFFEDIT_OK;
}

void models_free(struct models *models)
{
    if (!models)
        return;
    for (size_t i = 0; i < models->settings->model_count; i++) {
        diffedit_model_close(models->offers[i].model);
        pthread_rwlock_destroy(&models->offers[i].looking);
        pthread_mutex_destroy(&models->offers[i].opening);
    }
    free(models->offers);
    free(models);
}

int models_find(const struct models *models, const char *name)
{
    for (size_t i = 0; i < models->settings->model_count; i++)
        if (!name || strcmp(models->settings->models[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* The last part of a path without its ending, or a name as it is. */
static json_t *title_of(const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash && slash[1] ? slash + 1 : name;
    static const char *const endings[] = {".safetensors", ".ckpt"};
    size_t length = strlen(base);
    for (int i = 0; i < 2; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(base + length - ending, endings[i]) == 0)
            length -= ending;
    }
    json_t *title = json_stringn(base, length);
    return title ? title : json_string("model"); /* a path that is not UTF-8 */
}

int models_find_title(const struct models *models, const char *title)
{
    int found = models_find(models, title);
    for (size_t i = 0; i < models->settings->model_count && found < 0; i++) {
        json_t *known = title_of(models->settings->models[i].name);
        if (strcmp(json_string_value(known), title) == 0)
            found = (int)i;
        json_decref(known);
    }
    return found;
}

const char *models_name(const struct models *models, int index)
{
    return models->settings->models[index].name;
}

/* ---- opening and looking ---- */

const diffedit_model *models_look(struct models *models, int index)
{
    pthread_rwlock_rdlock(&models->offers[index].looking);
    return models->offers[index].model;
}

void models_leave(struct models *models, int index)
{
    pthread_rwlock_unlock(&models->offers[index].looking);
}

static bool is_open_for(const diffedit_model *model, diffedit_arithmetic arithmetic)
{
    diffedit_model_info info = {.struct_size = sizeof info};
    if (model)
        diffedit_model_get_info(&info, model);
    return model && info.arithmetic == arithmetic && !diffedit_model_is_lost(model);
}

bool models_are_open_for(struct models *models, int index, diffedit_arithmetic arithmetic)
{
    bool are = is_open_for(models_look(models, index), arithmetic);
    models_leave(models, index);
    return are;
}

/* Puts a model, or none, in the place of the one that is open, when nobody looks at it. With
 * `opening`. */
static void put(struct offer *offer, diffedit_model *model)
{
    pthread_rwlock_wrlock(&offer->looking);
    diffedit_model *before = offer->model;
    offer->model = model;
    pthread_rwlock_unlock(&offer->looking);
    diffedit_model_close(before);
}

/* With `opening`. */
static diffedit_status open_offer(struct models *models, int index, diffedit_arithmetic arithmetic,
                                  diffedit_error *error)
{
    diffedit_model *opened;
    diffedit_model_settings settings = *models->settings->model_settings;
    settings.arithmetic = arithmetic;
    diffedit_status status = diffedit_model_open(&opened, models->settings->models[index].path,
                                                 &settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    char reason[512];
    if (diffedit_model_get_device_reason(reason, sizeof reason, opened))
        fprintf(stderr, "diffedit: %s: %s\n", models_name(models, index), reason);
    put(&models->offers[index], opened);
    return DIFFEDIT_OK;
}

diffedit_status models_open(const diffedit_model **model, struct models *models, int index,
                            diffedit_arithmetic arithmetic, diffedit_error *error)
{
    struct offer *offer = &models->offers[index];
    diffedit_status status = DIFFEDIT_OK;
    pthread_mutex_lock(&offer->opening);
    if (!is_open_for(offer->model, arithmetic)) {
        put(offer, NULL); /* first, lest there be two */
        status = open_offer(models, index, arithmetic, error);
    }
    *model = offer->model;
    pthread_mutex_unlock(&offer->opening);
    return status;
}

diffedit_status models_open_to_look(const diffedit_model **model, struct models *models, int index,
                                    diffedit_error *error)
{
    const serve_settings *settings = models->settings;
    struct offer *offer = &models->offers[index];
    diffedit_arithmetic likely = settings->one_arithmetic
                                     ? settings->model_settings->arithmetic
                                     : diffedit_preset_arithmetic(SERVER_PRESET);
    diffedit_status status = DIFFEDIT_OK;
    pthread_mutex_lock(&offer->opening);
    if (!offer->model)
        status = open_offer(models, index, likely, error);
    if (status == DIFFEDIT_OK)
        *model = models_look(models, index); /* before another may close it */
    pthread_mutex_unlock(&offer->opening);
    return status;
}

/* ---- as JSON ---- */

static const char *title_of_device(diffedit_device device)
{
    size_t count;
    return diffedit_devices(&count)[device]->title; /* those with a name stand in their order */
}

static json_t *info_json(const diffedit_model *model)
{
    static const char *const predictions[] = {"auto", "epsilon", "v"};
    diffedit_model_info info = {.struct_size = sizeof info};
    if (!model)
        return json_null();
    diffedit_model_get_info(&info, model);
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:s, s:I, s:s, s:s, s:s, s:s}", "native_width",
        info.native_width, "native_height", info.native_height, "factor", info.factor,
        "latent_channels", info.latent_channels, "text_tokens", info.text_tokens, "prediction",
        predictions[info.prediction], "parameters", (json_int_t)info.parameters, "arithmetic",
        diffedit_arithmetic_name(info.arithmetic), "device", diffedit_device_name(info.device),
        "device_title", title_of_device(info.device), "family", info.family);
}

static json_t *loras_json(const serve_settings *settings)
{
    json_t *list = json_array();
    const diffedit_model_settings *how = settings->model_settings;
    for (size_t i = 0; i < how->lora_count; i++)
        json_array_append_new(list, json_pack("{s:o, s:f}", "name", title_of(how->lora[i]->path),
                                              "weight", how->lora[i]->weight));
    return list;
}

json_t *models_json(struct models *models)
{
    json_t *list = json_array();
    for (size_t i = 0; i < models->settings->model_count; i++) {
        const char *name = models_name(models, (int)i);
        const diffedit_model *model = models_look(models, (int)i);
        json_array_append_new(list, json_pack("{s:s, s:o, s:b, s:b, s:o, s:o}", "name", name,
                                              "title", title_of(name), "open", model != NULL,
                                              "default", i == 0, "info", info_json(model), "loras",
                                              loras_json(models->settings)));
        models_leave(models, (int)i);
    }
    return list;
}
