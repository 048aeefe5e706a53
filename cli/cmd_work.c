#include "commands.h"
#include "fail.h"
#include "find_model.h"
#include "interrupt.h"

#include "work.h"

static diffedit_status check_given(const cli_arguments *arguments, diffedit_error *error)
{
    if (!arguments->operand)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a queue is required: redis://HOST/NAME");
    if (!arguments->root)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--root is required: the folder, or s3://BUCKET/PREFIX, that the batch "
                        "names too");
    return DIFFEDIT_OK;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    diffedit_model_settings of_model;
    char *path = NULL;
    if (!arguments->model)
        arguments->model = getenv("DIFFEDIT_MODEL");
    work_settings settings = {.queue = arguments->operand,
                              .password = getenv("DIFFEDIT_REDIS_PASSWORD"),
                              .root = arguments->root,
                              .model_name = arguments->model,
                              .model_settings = &of_model,
                              .one_arithmetic = arguments->arithmetic != NULL,
                              .threads = (int)arguments->threads,
                              .max_pixels = arguments->max_pixels,
                              .silence = (double)arguments->silence,
                              .tries = (int)arguments->tries,
                              .idle_exit = (double)arguments->idle_exit,
                              .quiet = arguments->quiet,
                              .interrupted = cli_interrupted};
    diffedit_status status = check_given(arguments, error);
    if (status == DIFFEDIT_OK)
        status = cli_model_settings(&of_model, arguments, error);
    if (status == DIFFEDIT_OK)
        status = cli_find_model(&path, arguments->model, error);
    if (status == DIFFEDIT_OK) {
        settings.model_path = path;
        status = work_run(&settings, error);
    }
    free(path);
    return status;
}

const cli_command cli_work = {
    .name = "work",
    .bit = CLI_WORK,
    .operand = "queue",
    .usage = "redis://HOST/NAME --root WHERE [-m PATH]",
    .summary = "computes the edits of a queue, beside other machines",
    .examples = "  diffedit work redis://queue.example/edits --root /mnt/edits -m OWNER/NAME\n"
                "  diffedit work redis://queue.example/edits --root s3://edits --idle-exit 60\n",
    .run = run,
};
