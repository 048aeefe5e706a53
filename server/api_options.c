/* The table of options, for a page that is made from it. */
#include "api.h"

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

static json_t *defaults(const diffedit_option *option)
{
    json_t *object = json_object();
    for (const char *const *preset = diffedit_presets(); *preset; preset++) {
        const char *value = diffedit_option_default(option, *preset);
        if (value)
            json_object_set_new(object, *preset, json_string(value));
    }
    return object;
}

static json_t *describe(const diffedit_option *option)
{
    json_t *object = json_pack("{s:s, s:s, s:s?, s:s, s:o}", "name", option->name, "type",
                               type_name(option->type), "argument", option->argument, "help",
                               option->help, "defaults", defaults(option));
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

void api_options(http_request *request, struct server *server)
{
    json_t *options = json_array();
    const diffedit_option *option;
    (void)server;
    for (size_t i = 0; (option = diffedit_option_at(i)); i++)
        json_array_append_new(options, describe(option));
    http_reply_json(
        request, 200,
        json_pack("{s:o, s:o}", "presets", strings(diffedit_presets()), "options", options));
}
