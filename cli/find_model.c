#include "find_model.h"

#include "fail.h"

#include "common/join_path.h"
#include "common/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* The folder that this program's file lies in, or "." where the system does not say. */
static void program_folder(char *folder, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    else
        snprintf(folder, size, ".");
}

static diffedit_status find_pocket(char **path, diffedit_error *error)
{
    char folder[4096];
    program_folder(folder, sizeof folder);
    /* the build tree, an installation that was moved, the one that was configured */
    char *places[] = {de_join_path(folder, "../models/pocket"),
                      de_join_path(folder, "../share/diffedit/models/pocket"),
                      de_join_path(DIFFEDIT_DATADIR, "models/pocket")};
    enum { PLACES = sizeof places / sizeof *places };
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < PLACES && !*path; i++)
        if (places[i] && exists(places[i])) {
            *path = places[i];
            places[i] = NULL;
        }
    if (!*path)
        status = places[0] && places[1] && places[2]
                     ? cli_fail(
                           error, DIFFEDIT_ERROR_FILE,
                           "no model found; name one with --model or DIFFEDIT_MODEL (the pocket "
                           "model is not in %.120s, %.120s or %.120s)",
                           places[0], places[1], places[2])
                     : cli_fail_memory(error);
    for (int i = 0; i < PLACES; i++)
        free(places[i]);
    return status;
}

char *cli_data_folder(const char *name)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *inner = de_join_path("diffedit", name), *folder = NULL;
    char *outer = data && data[0] == '/' ? strdup(data)
                                         : de_join_path(home ? home : "", ".local/share");
    if (inner && outer)
        folder = de_join_path(outer, inner);
    free(inner);
    free(outer);
    return folder;
}

/* Letters, digits and -._, not at the beginning of a part: nothing that leads out of a folder. */
static bool is_owner_and_name(const char *named)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    size_t owner = strspn(named, letters);
    if (owner == 0 || named[owner] != '/' || strchr("-.", named[0]))
        return false;
    const char *name = named + owner + 1;
    return *name && !strchr("-.", *name) && name[strspn(name, letters)] == '\0';
}

diffedit_status cli_fetched_folder(char **path, const char *named, diffedit_error *error)
{
    if (!is_owner_and_name(named))
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "expected OWNER/NAME, found \"%.200s\"",
                        named);
    char *folder = cli_data_folder("models"); /* where `model pull` keeps what it fetched */
    *path = folder ? de_join_path(folder, named) : NULL;
    free(folder);
    return *path ? DIFFEDIT_OK : cli_fail_memory(error);
}

static diffedit_status find_fetched(char **path, const char *named, diffedit_error *error)
{
    char *fetched;
    diffedit_status status = cli_fetched_folder(&fetched, named, error);
    if (status != DIFFEDIT_OK)
        return status;
    char *index = de_join_path(fetched, DE_LAYOUT_INDEX); /* which is put there last */
    if (index && exists(index))
        *path = fetched;
    else if (index && exists(fetched))
        status = cli_fail(error, DIFFEDIT_ERROR_FILE,
                          "%.150s: is only partly downloaded; `diffedit model pull %.150s` resumes",
                          named, named);
    else if (index)
        status = cli_fail(error, DIFFEDIT_ERROR_FILE, "%.150s: no such model (nor %.200s)", named,
                          fetched);
    else
        status = cli_fail_memory(error);
    free(index);
    if (!*path)
        free(fetched);
    return status;
}

diffedit_status cli_find_model(char **path, const char *named, diffedit_error *error)
{
    *path = NULL;
    if (!named)
        return find_pocket(path, error);
    if (exists(named)) {
        *path = strdup(named);
        return *path ? DIFFEDIT_OK : cli_fail_memory(error);
    }
    if (is_owner_and_name(named))
        return find_fetched(path, named, error);
    return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.400s: no such model", named);
}

diffedit_status cli_find_operand_model(char **path, const cli_arguments *arguments,
                                       diffedit_error *error)
{
    if (!arguments->model)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a model is required");
    return cli_find_model(path, arguments->model, error);
}

/* ---- options about models ---- */

/* The one of --device, else of DIFFEDIT_DEVICE, else the CPU. */
static diffedit_status read_device(diffedit_device *device, const cli_arguments *arguments,
                                   diffedit_error *error)
{
    diffedit_error reason;
    const char *usual = getenv("DIFFEDIT_DEVICE");
    *device = DIFFEDIT_DEVICE_CPU;
    if (arguments->device)
        return diffedit_device_read(device, arguments->device, error);
    if (!usual || !*usual || !cli_takes(arguments->command, "device") ||
        diffedit_device_read(device, usual, &reason) == DIFFEDIT_OK)
        return DIFFEDIT_OK;
    return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "DIFFEDIT_DEVICE%s",
                    strchr(reason.message, ':'));
}

diffedit_status cli_model_settings(diffedit_model_settings *settings,
                                   const cli_arguments *arguments, diffedit_error *error)
{
    const char *prediction = arguments->prediction;
    *settings = (diffedit_model_settings){
        .struct_size = sizeof *settings,
        .vae = arguments->vae,
        .text_encoder = arguments->text_encoder,
        .lora = (const diffedit_lora *const *)arguments->loras.rows,
        .lora_count = arguments->loras.count,
        .arithmetic = diffedit_preset_arithmetic(arguments->preset)};
    if (arguments->low_memory)
        settings->flags |= DIFFEDIT_MODEL_LOW_MEMORY;
    if (arguments->no_ema)
        settings->flags |= DIFFEDIT_MODEL_NO_EMA;
    if (prediction && strcmp(prediction, "v") == 0)
        settings->prediction = DIFFEDIT_PREDICTION_V;
    else if (prediction && strcmp(prediction, "epsilon") == 0)
        settings->prediction = DIFFEDIT_PREDICTION_EPSILON;
    else if (prediction)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--prediction: expected v or epsilon, found \"%.80s\"", prediction);
    diffedit_status status = read_device(&settings->device, arguments, error);
    return status == DIFFEDIT_OK && arguments->arithmetic
               ? diffedit_arithmetic_read(&settings->arithmetic, arguments->arithmetic, error)
               : status;
}

diffedit_model_info cli_info_of(const diffedit_model *model)
{
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, model);
    return info;
}

diffedit_status cli_precision(diffedit_precision *precision, const cli_arguments *arguments,
                              diffedit_error *error)
{
    const char *asked = arguments->precision;
    *precision = !asked                      ? DIFFEDIT_PRECISION_KEPT
                 : strcmp(asked, "f16") == 0 ? DIFFEDIT_PRECISION_F16
                                             : DIFFEDIT_PRECISION_F32;
    if (!asked || strcmp(asked, "f16") == 0 || strcmp(asked, "f32") == 0)
        return DIFFEDIT_OK;
    return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                    "--precision: expected f16 or f32, found \"%.80s\"", asked);
}
