#include "commands.h"
#include "fail.h"
#include "find_model.h"
#include "interrupt.h"

#include "serve.h"

#include "common/join_path.h"

#include <stdlib.h>
#include <string.h>

/* "10G": bytes, or with K, M, G or T. */
static diffedit_status parse_size(int64_t *bytes, const char *text, diffedit_error *error)
{
    static const char units[] = "KMGT";
    const int64_t least = (int64_t)1 << 20, most = (int64_t)1 << 50;
    char *rest;
    long long number = strtoll(text, &rest, 10);
    int64_t factor = 1;
    if (*rest && strchr(units, *rest))
        factor = (int64_t)1 << 10 * (strchr(units, *rest++) - units + 1);
    bool is_number = strspn(text, "0123456789") > 0 && *rest == '\0';
    *bytes = is_number && number <= most / factor ? number * factor : 0;
    if (*bytes >= least && *bytes <= most)
        return DIFFEDIT_OK;
    return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                    "--store-limit: expected a size like 500M or 20G, from 1M to 1024T, found "
                    "\"%.80s\"",
                    text);
}

/* ---- models ---- */

static void free_models(serve_model *models, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)models[i].path);
    free(models);
}

/* Finds those that were named, or the one that every command works with. */
static diffedit_status find_models(serve_model **models, size_t *count,
                                   const cli_arguments *arguments, diffedit_error *error)
{
    const char *usual = getenv("DIFFEDIT_MODEL");
    const char *const *named = arguments->models.rows;
    *count = 0;
    size_t wanted = arguments->models.count;
    if (wanted == 0) {
        named = &usual;
        wanted = 1;
    }
    *models = calloc(wanted, sizeof **models);
    if (!*models)
        return cli_fail_memory(error);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < wanted && status == DIFFEDIT_OK; i++) {
        char *path;
        status = cli_find_model(&path, named[i], error);
        if (status == DIFFEDIT_OK)
            (*models)[(*count)++] = (serve_model){named[i] ? named[i] : "pocket", path};
    }
    return status;
}

/* The pictures that come with the pocket model; NULL: it is not installed. */
static char *find_samples(void)
{
    char *pocket, *samples = NULL;
    if (cli_find_model(&pocket, NULL, NULL) == DIFFEDIT_OK) {
        samples = de_join_path(pocket, "samples");
        free(pocket);
    }
    return samples;
}

/* ---- the command ---- */

static diffedit_status serve(const cli_arguments *arguments, serve_settings *settings,
                             diffedit_error *error)
{
    diffedit_model_settings of_models;
    serve_model *models = NULL;
    diffedit_status status = parse_size(
        &settings->store_limit, arguments->store_limit ? arguments->store_limit : "10G", error);
    if (status == DIFFEDIT_OK)
        status = cli_model_settings(&of_models, arguments, error);
    if (status == DIFFEDIT_OK)
        status = find_models(&models, &settings->model_count, arguments, error);
    settings->models = models;
    settings->model_settings = &of_models;
    settings->one_arithmetic = arguments->arithmetic != NULL;
    if (status == DIFFEDIT_OK)
        status = serve_run(settings, error);
    free_models(models, settings->model_count);
    return status;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    char *usual = cli_data_folder("edits"), *samples = find_samples();
    const char *token = getenv("DIFFEDIT_TOKEN");
    serve_settings settings = {
        .listen = arguments->listen,
        .port = (int)arguments->port,
        .token = arguments->token  ? arguments->token
                 : token && *token ? token
                                   : NULL,
        .host_names = arguments->host_names.rows,
        .host_name_count = arguments->host_names.count,
        .samples = samples,
        .data = arguments->data ? arguments->data : usual,
        .editors = (int)arguments->editors,
        .threads = (int)arguments->threads,
        .max_pixels = arguments->max_pixels,
        .quiet = arguments->quiet,
        .wait = cli_interrupt_wait,
    };
    diffedit_status status = settings.data ? serve(arguments, &settings, error)
                                           : cli_fail_memory(error);
    free(usual);
    free(samples);
    return status;
}

const cli_command cli_serve = {
    .name = "serve",
    .bit = CLI_SERVE,
    .usage = "[-m PATH]...",
    .summary = "a page to edit pictures with, and an HTTP interface for programs",
    .examples = "  diffedit serve                    # then open http://localhost:7860\n"
                "  diffedit serve -m sd-v1-5.safetensors -m OWNER/NAME --data ~/edits\n"
                "  diffedit serve --listen 0.0.0.0   # for other machines, with a token\n",
    .run = run,
};
