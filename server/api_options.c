/* The table of options, for a page that is made from it. */
#include "api.h"

#include "models.h"
#include "server.h"

#include <string.h>

static const char *type_name(diffedit_option_type type)
{
    switch (type) {
    case DIFFEDIT_TYPE_TEXT: return "text";
    case DIFFEDIT_TYPE_INT: return "int";
    case DIFFEDIT_TYPE_SEED: return "seed";
    case DIFFEDIT_TYPE_REAL: return "real";
    case DIFFEDIT_TYPE_CHOICE: return "choice";
    case DIFFEDIT_TYPE_SIZE: return "size";
    }
    return "text";
}

static json_t *strings(const char *const *list)
{
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

/* An option under one preset: as the table says it, "2/3", or as the model does. */
static json_t *default_under(const diffedit_option *option, const char *preset,
                             const diffedit_model *model)
{
    diffedit_options table, own;
    char usual[256], text[256];
    if (diffedit_options_init(&table, sizeof table, preset, NULL, NULL) != DIFFEDIT_OK ||
        diffedit_options_init(&own, sizeof own, preset, model, NULL) != DIFFEDIT_OK)
        return NULL;
    diffedit_options_get(usual, sizeof usual, &table, option->name);
    diffedit_options_get(text, sizeof text, &own, option->name);
    bool same = strcmp(usual, text) == 0;
    return json_string(same ? diffedit_option_default(option, preset) : text);
}

static json_t *defaults(const diffedit_option *option, const diffedit_model *model)
{
    json_t *object = json_object();
    for (const char *const *preset = diffedit_presets(); *preset; preset++)
        if (diffedit_option_default(option, *preset))
            json_object_set_new(object, *preset, default_under(option, *preset, model));
    return object;
}

/* Of `arithmetic`, which is a model's: what presets propose, or what the server has alone. */
static json_t *arithmetic_defaults(const char *only)
{
    json_t *object = json_object();
    for (const char *const *preset = diffedit_presets(); *preset; preset++)
        json_object_set_new(
            object, *preset,
            json_string(only ? only
                             : diffedit_arithmetic_name(diffedit_preset_arithmetic(*preset))));
    return object;
}

/* An option; `defaults` are taken over. */
static json_t *describe(const diffedit_option *option, json_t *defaults)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s?, s:s, s:o}", "name", option->name, "group",
                               option->group, "type", type_name(option->type), "argument",
                               option->argument, "help", option->help, "defaults", defaults);
    bool ranged = option->type == DIFFEDIT_TYPE_INT || option->type == DIFFEDIT_TYPE_REAL ||
                  option->type == DIFFEDIT_TYPE_SIZE;
    if (ranged)
        json_object_update_new(object, json_pack("{s:f, s:f, s:b}", "minimum", option->minimum,
                                                 "maximum", option->maximum, "minimum_excluded",
                                                 option->minimum_excluded));
    if (option->choices)
        json_object_set_new(object, "choices", strings(option->choices));
    if (option->word)
        json_object_set_new(object, "word", json_string(option->word));
    return object;
}

static json_t *describe_arithmetic(const serve_settings *settings)
{
    const char *only = settings->one_arithmetic
                           ? diffedit_arithmetic_name(settings->model_settings->arithmetic)
                           : NULL;
    json_t *object = describe(diffedit_arithmetic_option(), arithmetic_defaults(only));
    if (only)
        json_object_set_new(object, "choices", json_pack("[s]", only));
    return object;
}

static void add_once(json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(json_string_value(json_array_get(array, i)), text) == 0)
            return;
    json_array_append_new(array, json_string(text));
}

void api_options(http_request *request, struct server *server)
{
    const char *name = http_query(request, "model");
    const diffedit_model *model;
    const diffedit_option *option;
    diffedit_error error;
    int index = models_find(server->models, name);
    if (index < 0) {
        http_reply_fail(request, 404, "not-found", "\"%.200s\": no such model", name);
        return;
    }
    if (models_open_to_look(&model, server->models, index, &error) != DIFFEDIT_OK) {
        http_reply_error(request, &error);
        return;
    }
    json_t *options = json_array(), *groups = json_array();
    for (size_t i = 0; (option = diffedit_option_at(i)); i++) {
        json_array_append_new(options, describe(option, defaults(option, model)));
        add_once(groups, option->group);
    }
    models_leave(server->models, index);
    json_array_append_new(options, describe_arithmetic(server->settings));
    http_reply_json(request, 200,
                    json_pack("{s:o, s:o, s:o}", "presets", strings(diffedit_presets()), "groups",
                              groups, "options", options));
}
