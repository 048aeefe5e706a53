#include "loras.h"

#include "fail.h"
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first `length` characters of `path` are the path. */
static diffedit_status add(cli_loras *loras, const char *path, size_t length, double weight,
                           diffedit_error *error)
{
    diffedit_lora **grown = realloc(loras->rows, (loras->count + 1) * sizeof *grown);
    if (!grown)
        return cli_fail_memory(error);
    loras->rows = grown;
    diffedit_lora *row = malloc(sizeof *row);
    char *copy = strndup(path, length);
    if (!row || !copy) {
        free(row);
        free(copy);
        return cli_fail_memory(error);
    }
    *row = (diffedit_lora){.struct_size = sizeof *row, .path = copy, .weight = weight};
    grown[loras->count++] = row;
    return DIFFEDIT_OK;
}

diffedit_status cli_loras_add(cli_loras *loras, const char *given, diffedit_error *error)
{
    const char *equals = strrchr(given, '=');
    if (!given[0] || equals == given)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--lora: expected FILE or FILE=WEIGHT, found \"%.200s\"", given);
    if (!equals || access(given, F_OK) == 0)
        return add(loras, given, strlen(given), 1, error);
    char *end;
    double weight = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !isfinite(weight))
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--lora: expected a number behind the = of \"%.200s\", found \"%.80s\"",
                        given, equals + 1);
    return add(loras, given, (size_t)(equals - given), weight, error);
}

json_t *cli_loras_to_json(const cli_loras *loras)
{
    json_t *array = json_array();
    for (size_t i = 0; i < loras->count && array; i++)
        json_array_append_new(array,
                              json_pack("{s:o, s:f}", "file", cli_json_path(loras->rows[i]->path),
                                        "weight", loras->rows[i]->weight));
    return array;
}

diffedit_status cli_loras_from_json(cli_loras *loras, const json_t *array, const char *name,
                                    diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    bool sound = json_is_array(array);
    for (size_t i = 0; i < json_array_size(array) && status == DIFFEDIT_OK && sound; i++) {
        const json_t *row = json_array_get(array, i), *weight = json_object_get(row, "weight");
        const char *file = json_string_value(json_object_get(row, "file"));
        sound = file && file[0] && json_is_number(weight);
        if (sound)
            status = add(loras, file, strlen(file), json_number_value(weight), error);
    }
    return sound ? status
                 : cli_fail(error, DIFFEDIT_ERROR_FILE,
                            "%.300s: the record is damaged: its LoRAs are not a list of files "
                            "and weights",
                            name);
}

void cli_loras_free(cli_loras *loras)
{
    for (size_t i = 0; i < loras->count; i++) {
        free((char *)loras->rows[i]->path);
        free(loras->rows[i]);
    }
    free(loras->rows);
    *loras = (cli_loras){0};
}
