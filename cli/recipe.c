#include "recipe.h"

#include "fail.h"
#include "files.h"

#include "record.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static diffedit_status read_record(cli_recipe *recipe, const char *path, int64_t max_pixels,
                                   diffedit_error *error)
{
    diffedit_picture *picture;
    diffedit_status status = diffedit_picture_open(&picture, path, max_pixels, error);
    if (status != DIFFEDIT_OK)
        return status;
    const char *record = diffedit_picture_record(picture);
    if (!record)
        status = cli_fail(error, DIFFEDIT_ERROR_FILE,
                          "%.400s: has no record of how diffedit made it", path);
    else if (!(recipe->record = strdup(record)))
        status = cli_fail_memory(error);
    diffedit_picture_free(picture);
    /* a record that is not JSON is refused when the options are read */
    if (recipe->record)
        recipe->extras = json_loads(recipe->record, 0, NULL);
    return status;
}

/* Whether a recorded name means a stream that is gone. */
static bool was_a_stream(const char *name)
{
    static const char *const streams[] = {"/dev/stdin", "/dev/fd/", "/proc/self/fd/"};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        if (strncmp(name, streams[i], strlen(streams[i])) == 0)
            return true;
    return cli_is_standard(name);
}

/* Takes a text that was recorded unless one was given, or the command has no use for it. */
static void take(const char **field, const cli_recipe *recipe, const cli_command *command,
                 const char *name)
{
    const char *recorded = json_string_value(json_object_get(recipe->extras, name));
    if (!*field && cli_takes(command, name))
        *field = recorded;
}

/* Likewise a file, which must still be there. */
static diffedit_status take_file(const char **field, const cli_recipe *recipe,
                                 const cli_arguments *arguments, const char *name,
                                 diffedit_error *error)
{
    if (*field)
        return DIFFEDIT_OK;
    take(field, recipe, arguments->command, name);
    if (*field && was_a_stream(*field))
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "%.300s: its %s came from a stream (\"%.80s\"), which is gone; give it as "
                        "--%s FILE",
                        arguments->again, name, *field, name);
    return DIFFEDIT_OK;
}

/* The recorded LoRAs are those of the recorded model. */
static diffedit_status take_loras(const cli_recipe *recipe, cli_arguments *arguments,
                                  diffedit_error *error)
{
    const json_t *recorded = json_object_get(recipe->extras, "lora");
    if (!recorded || arguments->model || arguments->loras.count > 0)
        return DIFFEDIT_OK;
    return cli_loras_from_json(&arguments->loras, recorded, arguments->again, error);
}

/* A preset that is named counts more, as it does for the options. */
static diffedit_status take_arithmetic(const cli_recipe *recipe, cli_arguments *arguments,
                                       diffedit_error *error)
{
    diffedit_arithmetic known;
    diffedit_error reason;
    const char *recorded = json_string_value(json_object_get(recipe->extras, "arithmetic"));
    if (!recorded || arguments->arithmetic || arguments->preset)
        return DIFFEDIT_OK;
    if (diffedit_arithmetic_read(&known, recorded, &reason) != DIFFEDIT_OK)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.200s: the record is damaged: %.250s",
                        arguments->again, reason.message);
    arguments->arithmetic = recorded;
    return DIFFEDIT_OK;
}

diffedit_status cli_recipe_read(cli_recipe *recipe, cli_arguments *arguments, diffedit_error *error)
{
    if (!arguments->again)
        return DIFFEDIT_OK;
    diffedit_status status = read_record(recipe, arguments->again, arguments->max_pixels, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = take_loras(recipe, arguments, error);
    if (status == DIFFEDIT_OK)
        status = take_arithmetic(recipe, arguments, error);
    if (status != DIFFEDIT_OK)
        return status;
    take(&arguments->model, recipe, arguments->command, "model");
    /* a correction was made for its mask, and goes where that goes */
    if (!arguments->mask)
        status = take_file(&arguments->correction, recipe, arguments, "correction", error);
    if (arguments->mask || arguments->map_in)
        return status;
    if (status == DIFFEDIT_OK)
        status = take_file(&arguments->mask, recipe, arguments, "mask", error);
    if (status == DIFFEDIT_OK)
        status = take_file(&arguments->map_in, recipe, arguments, "map-in", error);
    return status;
}

void cli_recipe_free(cli_recipe *recipe)
{
    free(recipe->record);
    json_decref(recipe->extras);
    diffedit_free(recipe->texts);
}

/* ---- laying one over the other ---- */

/* A preset that is named counts more than the record: its rows are those in which presets differ.
 */
static diffedit_status lay_preset_rows(diffedit_options *options, const diffedit_options *preset,
                                       diffedit_error *error)
{
    const diffedit_option *row;
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; (row = diffedit_option_at(i)) && status == DIFFEDIT_OK; i++) {
        char value[64];
        if (cli_presets_differ(row)) {
            diffedit_options_get(value, sizeof value, preset, row->name);
            status = diffedit_options_set(options, row->name, value, error);
        }
    }
    return status;
}

static diffedit_status lay_record(cli_recipe *recipe, diffedit_options *options,
                                  const cli_arguments *arguments, diffedit_error *error)
{
    diffedit_options preset = *options;
    diffedit_error reason;
    diffedit_free(recipe->texts);
    recipe->texts = NULL;
    diffedit_status status = diffedit_options_read_record(options, &recipe->texts, recipe->record,
                                                          &reason);
    if (status != DIFFEDIT_OK)
        return cli_fail(error, status, "%.200s: %.300s", arguments->again, reason.message);
    return arguments->preset ? lay_preset_rows(options, &preset, error) : DIFFEDIT_OK;
}

diffedit_status cli_recipe_lay(cli_recipe *recipe, diffedit_options *options,
                               const cli_arguments *arguments, const diffedit_model *model,
                               diffedit_error *error)
{
    diffedit_status status = diffedit_options_init(options, sizeof *options, arguments->preset,
                                                   model, error);
    if (status == DIFFEDIT_OK && recipe->record)
        status = lay_record(recipe, options, arguments, error);
    for (int i = 0; i < arguments->given_count && status == DIFFEDIT_OK; i++)
        status = diffedit_options_set(options, arguments->given[i].name, arguments->given[i].value,
                                      error);
    return status;
}

/* Between two kinds of processors only the last bits differ, which nobody needs to be told. */
bool cli_recipe_moved(char *text, size_t size, const cli_recipe *recipe,
                      const diffedit_model_info *model)
{
    const char *device = json_string_value(json_object_get(recipe->extras, "device"));
    const char *family = json_string_value(json_object_get(recipe->extras, "family"));
    diffedit_device there;
    if (!device || !family || diffedit_device_read(&there, device, NULL) != DIFFEDIT_OK ||
        (there == model->device &&
         (there == DIFFEDIT_DEVICE_CPU || !strcmp(family, model->family))))
        return false;
    de_sentence(text, size,
                "it was made on %s (%.20s) and is made again on %s (%s), so it may look a little "
                "different",
                device, family, diffedit_device_name(model->device), model->family);
    return true;
}

/* ---- writing ---- */

/* Adds a file as it was named. A name that is not UTF-8 cannot stand in JSON and is left out. */
static void add_file(json_t *extras, const char *name, const char *file)
{
    if (file)
        json_object_set_new(extras, name, json_string(file));
}

diffedit_status cli_record(char **json, const diffedit_options *options,
                           const cli_arguments *arguments, const diffedit_model_info *model,
                           diffedit_error *error)
{
    json_t *extras = json_object();
    add_file(extras, "model", arguments->model);
    add_file(extras, "mask", arguments->mask);
    add_file(extras, "map-in", arguments->map_in);
    add_file(extras, "correction", arguments->correction);
    if (arguments->loras.count > 0)
        json_object_set_new(extras, "lora", cli_loras_to_json(&arguments->loras));
    diffedit_status status = record_make(json, options, model, extras, error);
    json_decref(extras);
    return status;
}
