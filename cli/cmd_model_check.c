#include "commands.h"
#include "fail.h"
#include "find_model.h"
#include "json.h"

#include <stdio.h>

static void print(void *user, const char *problem)
{
    char text[512];
    (void)user;
    snprintf(text, sizeof text, "%s", problem);
    cli_add_dashes_to_settings(text);
    puts(text);
}

static diffedit_status check(int64_t *count, const cli_arguments *arguments, const char *path,
                             diffedit_error *error)
{
    diffedit_model_settings settings;
    diffedit_status status = cli_model_settings(&settings, arguments, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (!arguments->json) {
        status = diffedit_model_check(count, path, &settings, print, NULL, error);
        if (status == DIFFEDIT_OK && *count == 0)
            printf("%s: OK: every tensor is present, has the right shape and is finite\n", path);
        return status;
    }
    json_t *problems = json_array();
    status = diffedit_model_check(count, path, &settings, cli_json_collect, problems, error);
    if (status == DIFFEDIT_OK)
        status = cli_json_print(
            json_pack("{s:o, s:O}", "path", cli_json_path(path), "problems", problems), error);
    json_decref(problems);
    return status;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    char *path;
    int64_t count = 0;
    diffedit_status status = cli_find_operand_model(&path, arguments, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = check(&count, arguments, path, error);
    if (status == DIFFEDIT_OK && count > 0)
        status = cli_fail(error, DIFFEDIT_ERROR_MODEL, "%.400s: %jd problem%s", path,
                          (intmax_t)count, count == 1 ? "" : "s");
    free(path);
    return status;
}

const cli_command cli_model_check = {
    .name = "model check",
    .bit = CLI_MODEL_CHECK,
    .takes_model = true,
    .usage = "MODEL",
    .summary = "read all of a model's files and list everything that is wrong with them",
    .examples = "  diffedit model check v1-5-pruned-emaonly.safetensors\n"
                "  diffedit model check OWNER/NAME\n",
    .run = run,
};
