#include "session.h"

#include "fail.h"
#include "files.h"
#include "find_model.h"
#include "interrupt.h"
#include "json.h"
#include "npy.h"
#include "sheet.h"
#include "stages.h"

#include "common/read_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- checks before any work ---- */

static bool is_from_stream(const char *path)
{
    return path && cli_is_standard_input(path);
}

static diffedit_status check_given(const cli_arguments *arguments, diffedit_error *error)
{
    const char *wrong = NULL;
    if (arguments->command->takes_picture && !arguments->picture)
        wrong = "a picture is required";
    else if (!arguments->output)
        wrong = "--output is required";
    else if (cli_is_standard(arguments->output) && arguments->json)
        wrong = "--json cannot be used with --output -: both write to standard output";
    else if (cli_is_standard(arguments->output) && isatty(STDOUT_FILENO))
        wrong = "--output -: refusing to write binary data to a terminal";
    else if (is_from_stream(arguments->picture) && is_from_stream(arguments->mask))
        wrong = "the picture and --mask cannot both come from standard input";
    else if (is_from_stream(arguments->picture) && is_from_stream(arguments->correction))
        wrong = "the picture and --correction cannot both come from standard input";
    else if (is_from_stream(arguments->mask) && is_from_stream(arguments->correction))
        wrong = "--mask and --correction cannot both come from standard input";
    return wrong ? cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s", wrong) : DIFFEDIT_OK;
}

/* What may come from a record as well. */
static diffedit_status check_laid(const cli_session *session, diffedit_error *error)
{
    const cli_arguments *arguments = session->arguments;
    const char *wrong = NULL;
    if (cli_takes(arguments->command, "to") && !session->options.to)
        wrong = "--to is required; it may be empty";
    else if (arguments->command->needs_mask && !arguments->mask)
        wrong = "--mask is required";
    else if (arguments->mask && arguments->map_in)
        wrong = "--mask and --map-in cannot be used together";
    else if (arguments->mask && arguments->map_out)
        wrong = "--map-out cannot be used with --mask: no map is computed";
    return wrong ? cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s", wrong) : DIFFEDIT_OK;
}

static diffedit_status check_not_an_input(const cli_arguments *arguments, const char *path,
                                          diffedit_error *error)
{
    const char *inputs[] = {arguments->picture, arguments->mask, arguments->correction,
                            arguments->map_in};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs && !arguments->force; i++)
        if (inputs[i] && !cli_is_standard(inputs[i]) && de_same_file(inputs[i], path))
            return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                            "%.400s: is also an input; use --force to overwrite it", path);
    return DIFFEDIT_OK;
}

static diffedit_status check_array_output(const char *path, diffedit_error *error)
{
    const char *ending = strrchr(path, '.');
    if (!ending || strcmp(ending, ".npy") != 0)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "%.400s: unsupported output format; use .npy", path);
    return de_new_file_check(path, error);
}

static diffedit_status check_outputs(const cli_arguments *arguments, diffedit_error *error)
{
    const char *paths[] = {arguments->output, arguments->mask_out, arguments->map_out,
                           arguments->sheet};
    enum { PATHS = sizeof paths / sizeof *paths };
    bool is_array = arguments->command->bit == CLI_INVERT;
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < PATHS && status == DIFFEDIT_OK; i++) {
        if (!paths[i] || (i == 0 && cli_is_standard(paths[i])))
            continue;
        status = is_array ? check_array_output(paths[i], error)
                          : diffedit_picture_check_output(paths[i], error);
        if (status == DIFFEDIT_OK)
            status = check_not_an_input(arguments, paths[i], error);
        for (int j = 0; j < i && status == DIFFEDIT_OK; j++)
            if (paths[j] && de_same_file(paths[i], paths[j]))
                status = cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%.400s: given for two outputs",
                                  paths[i]);
    }
    return status;
}

static diffedit_status make_folder(cli_session *session, diffedit_error *error)
{
    const char *folder = session->arguments->stages;
    struct stat found;
    if (!folder)
        return DIFFEDIT_OK;
    session->made_folder = mkdir(folder, 0777) == 0;
    if (!session->made_folder && errno != EEXIST)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be created: %s", folder,
                        strerror(errno));
    if (stat(folder, &found) != 0 || !S_ISDIR(found.st_mode) || access(folder, W_OK | X_OK) != 0)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.400s: not a writable folder", folder);
    return DIFFEDIT_OK;
}

/* ---- opening ---- */

/* Opens a picture from a file or standard input, and says what a person should know about it. */
static diffedit_status open_picture(cli_session *session, diffedit_picture **picture,
                                    const char *path, diffedit_error *error)
{
    int64_t max_pixels = session->arguments->max_pixels;
    diffedit_status status;
    if (cli_interrupted())
        return cli_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    if (cli_is_standard(path)) {
        void *bytes = NULL;
        size_t size;
        status = de_read_all(&bytes, &size, STDIN_FILENO, "standard input", cli_interrupt_wait,
                             error);
        if (status == DIFFEDIT_OK)
            status = diffedit_picture_decode(picture, bytes, size, "standard input", max_pixels,
                                             error);
        free(bytes);
    } else {
        status = diffedit_picture_open(picture, path, max_pixels, error);
    }
    if (status == DIFFEDIT_OK && diffedit_picture_warning(*picture))
        cli_progress_log(&session->progress, DIFFEDIT_LOG_WARNING,
                         diffedit_picture_warning(*picture));
    return status;
}

/* Once: after opening, or when what was read later shows it. */
static void warn_of_model(cli_session *session)
{
    char text[512];
    if (session->warned_of_model || !diffedit_model_get_warning(text, sizeof text, session->model))
        return;
    session->warned_of_model = true;
    cli_progress_log(&session->progress, DIFFEDIT_LOG_WARNING, text);
}

/* What is to be said of an opened model and of what it runs on */
static void say_model(cli_session *session)
{
    char text[512];
    const diffedit_model_info info = cli_info_of(session->model);
    warn_of_model(session);
    if (diffedit_model_get_device_reason(text, sizeof text, session->model))
        cli_progress_log(&session->progress, DIFFEDIT_LOG_INFO, text);
    if (cli_recipe_moved(text, sizeof text, &session->recipe, &info))
        cli_progress_log(&session->progress, DIFFEDIT_LOG_INFO, text);
}

static diffedit_status open_model(cli_session *session, diffedit_error *error)
{
    char *path;
    diffedit_model_settings settings;
    diffedit_status status = cli_find_model(&path, session->arguments->model, error);
    if (status == DIFFEDIT_OK)
        status = cli_model_settings(&settings, session->arguments, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_model_open(&session->model, path, &settings, error);
    free(path);
    if (status == DIFFEDIT_OK)
        say_model(session);
    return status;
}

/* Gives the editor a picture of what is to be changed, if there is one. */
static diffedit_status set_layer(cli_session *session, const char *path,
                                 diffedit_status (*set)(diffedit_editor *editor,
                                                        const diffedit_picture *layer,
                                                        diffedit_error *error),
                                 diffedit_error *error)
{
    diffedit_picture *layer;
    if (!path)
        return DIFFEDIT_OK;
    diffedit_status status = open_picture(session, &layer, path, error);
    if (status == DIFFEDIT_OK) {
        status = set(session->editor, layer, error);
        diffedit_picture_free(layer);
    }
    return status;
}

static diffedit_status set_map(cli_session *session, diffedit_error *error)
{
    float *map;
    int height, width;
    if (!session->arguments->map_in)
        return DIFFEDIT_OK;
    diffedit_status status = cli_npy_read_map(&map, &height, &width, session->arguments->map_in,
                                              error);
    if (status == DIFFEDIT_OK) {
        status = diffedit_editor_set_map(session->editor, map, height, width, error);
        free(map);
    }
    return status;
}

static diffedit_status plan_progress(cli_session *session, diffedit_error *error)
{
    double costs[CLI_STAGES];
    diffedit_status status = diffedit_stage_costs(costs, CLI_STAGES, session->editor,
                                                  session->arguments->command->call,
                                                  &session->options, error);
    if (status == DIFFEDIT_OK)
        cli_progress_plan(&session->progress, costs);
    return status;
}

static diffedit_status open_editor(cli_session *session, diffedit_error *error)
{
    diffedit_status status = diffedit_editor_new(&session->editor, session->model, session->picture,
                                                 error);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_editor_set_threads(session->editor, (int)session->arguments->threads);
    diffedit_editor_set_progress(session->editor, cli_progress_step, &session->progress);
    diffedit_editor_set_log(session->editor, cli_progress_log, &session->progress);
    status = set_layer(session, session->arguments->mask, diffedit_editor_set_mask, error);
    if (status == DIFFEDIT_OK)
        status = set_layer(session, session->arguments->correction, diffedit_editor_set_correction,
                           error);
    if (status == DIFFEDIT_OK)
        status = set_map(session, error);
    return status == DIFFEDIT_OK ? plan_progress(session, error) : status;
}

diffedit_status cli_session_open(cli_session *session, cli_arguments *arguments,
                                 diffedit_error *error)
{
    *session = (cli_session){.arguments = arguments};
    diffedit_status status = cli_progress_start(&session->progress, arguments->quiet,
                                                arguments->verbose, error);
    if (status == DIFFEDIT_OK)
        status = check_given(arguments, error);
    /* ranges first: a wrong option should not wait for a file */
    if (status == DIFFEDIT_OK)
        status = cli_recipe_lay(&session->recipe, &session->options, arguments, NULL, error);
    if (status == DIFFEDIT_OK)
        status = cli_recipe_read(&session->recipe, arguments, error);
    if (status == DIFFEDIT_OK)
        status = cli_recipe_lay(&session->recipe, &session->options, arguments, NULL, error);
    if (status == DIFFEDIT_OK)
        status = check_laid(session, error);
    if (status == DIFFEDIT_OK)
        status = check_outputs(arguments, error);
    if (status == DIFFEDIT_OK)
        status = make_folder(session, error);
    if (!arguments->model)
        arguments->model = getenv("DIFFEDIT_MODEL");
    if (status == DIFFEDIT_OK && arguments->picture)
        status = open_picture(session, &session->picture, arguments->picture, error);
    if (status == DIFFEDIT_OK)
        status = open_model(session, error);
    if (status == DIFFEDIT_OK)
        status = cli_recipe_lay(&session->recipe, &session->options, arguments, session->model,
                                error);
    if (status == DIFFEDIT_OK && arguments->random_seed[0])
        fprintf(stderr, "diffedit: seed %s\n", arguments->random_seed);
    return status == DIFFEDIT_OK ? open_editor(session, error) : status;
}

void cli_session_close(cli_session *session)
{
    cli_progress_end_line(&session->progress);
    if (session->made_folder)
        rmdir(session->arguments->stages);
    diffedit_editor_free(session->editor);
    diffedit_picture_free(session->picture);
    diffedit_model_close(session->model);
    cli_recipe_free(&session->recipe);
    cli_progress_free(&session->progress);
}

/* ---- writing ---- */

/* Writes a view that exists: a command that has no map takes no --map-out. */
static diffedit_status write_view(cli_session *session, diffedit_view_id id, const char *path,
                                  diffedit_error *error)
{
    diffedit_picture *picture;
    if (!path)
        return DIFFEDIT_OK;
    diffedit_save_options how = {.struct_size = sizeof how,
                                 .quality = (int)session->arguments->quality};
    diffedit_status status = diffedit_editor_view(&picture, session->editor, id, error);
    if (status == DIFFEDIT_OK) {
        status = diffedit_picture_save(picture, path, &how, error);
        diffedit_picture_free(picture);
    }
    return status;
}

diffedit_status cli_session_write_extras(cli_session *session, const diffedit_picture *result,
                                         diffedit_error *error)
{
    const cli_arguments *arguments = session->arguments;
    if (cli_interrupted())
        return cli_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    warn_of_model(session);
    diffedit_status status = DIFFEDIT_OK;
    if (arguments->stages) {
        status = cli_stages_write(session->editor, result, arguments->stages, error);
        session->made_folder = false;
    }
    if (status == DIFFEDIT_OK)
        status = write_view(session, DIFFEDIT_VIEW_MASK, arguments->mask_out, error);
    if (status == DIFFEDIT_OK)
        status = write_view(session, DIFFEDIT_VIEW_MAP, arguments->map_out, error);
    if (status == DIFFEDIT_OK && arguments->sheet)
        status = cli_sheet_write(session->editor, session->picture, result, arguments->sheet,
                                 error);
    return status;
}

static diffedit_status write_to_standard_output(const diffedit_picture *result,
                                                diffedit_save_options how, diffedit_error *error)
{
    void *bytes;
    size_t size;
    de_new_file file;
    how.format = ".png";
    diffedit_status status = diffedit_picture_encode(&bytes, &size, result, &how, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = cli_file_create(&file, "-", error);
    if (status == DIFFEDIT_OK)
        status = de_new_file_finish(&file, de_new_file_write(&file, bytes, size, error), error);
    diffedit_free(bytes);
    return status;
}

static diffedit_status write_result(const cli_session *session, const diffedit_picture *result,
                                    diffedit_error *error)
{
    const cli_arguments *arguments = session->arguments;
    char *record = NULL;
    diffedit_status status = DIFFEDIT_OK;
    const diffedit_model_info info = cli_info_of(session->model);
    if (!arguments->no_parameters)
        status = cli_record(&record, &session->options, arguments, &info, error);
    diffedit_save_options how = {
        .struct_size = sizeof how, .quality = (int)arguments->quality, .record = record};
    if (status == DIFFEDIT_OK)
        status = cli_is_standard(arguments->output)
                     ? write_to_standard_output(result, how, error)
                     : diffedit_picture_save(result, arguments->output, &how, error);
    free(record);
    return status;
}

diffedit_status cli_make_picture(cli_arguments *arguments, cli_make_fn make, diffedit_error *error)
{
    cli_session session;
    diffedit_picture *result = NULL;
    diffedit_status status = cli_session_open(&session, arguments, error);
    if (status == DIFFEDIT_OK)
        status = make(&result, session.editor, &session.options, error);
    if (status == DIFFEDIT_OK)
        status = cli_session_write_extras(&session, result, error);
    if (status == DIFFEDIT_OK)
        status = write_result(&session, result, error);
    if (status == DIFFEDIT_OK && arguments->json)
        status = cli_json_write(&session, error);
    diffedit_picture_free(result);
    cli_session_close(&session);
    return status;
}
