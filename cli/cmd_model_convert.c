#include "commands.h"
#include "fail.h"
#include "files.h"
#include "find_model.h"
#include "interrupt.h"
#include "transfer.h"

#include <string.h>

static diffedit_status check_output(const cli_arguments *arguments, const char *path,
                                    diffedit_error *error)
{
    const char *output = arguments->output, *ending = strrchr(output, '.');
    if (!ending || strcmp(ending, ".safetensors") != 0)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "%.400s: expected a name that ends in .safetensors", output);
    if (de_same_file(path, output))
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%.400s: the output is the model itself",
                        output);
    return de_new_file_check(output, error);
}

/* Converts; if the model's file becomes shorter meanwhile, which ends the program, what was written
 * is removed. */
static diffedit_status convert_whole(const cli_arguments *arguments, const char *path,
                                     const diffedit_model_settings *settings,
                                     diffedit_precision precision, diffedit_error *error)
{
    char *unfinished = de_new_file_temporary(arguments->output);
    if (!unfinished)
        return cli_fail_memory(error);
    cli_transfer transfer;
    cli_transfer_start(&transfer, arguments->output, arguments->quiet);
    cli_interrupt_remove(unfinished);
    diffedit_status status = diffedit_model_convert(path, settings, arguments->output, precision,
                                                    cli_transfer_step, &transfer, error);
    cli_interrupt_remove(NULL);
    cli_transfer_end(&transfer);
    free(unfinished);
    return status;
}

static diffedit_status convert(const cli_arguments *arguments, const char *path,
                               diffedit_precision precision, diffedit_error *error)
{
    diffedit_model_settings settings;
    diffedit_status status = check_output(arguments, path, error);
    if (status == DIFFEDIT_OK)
        status = cli_model_settings(&settings, arguments, error);
    return status == DIFFEDIT_OK ? convert_whole(arguments, path, &settings, precision, error)
                                 : status;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    char *path;
    diffedit_precision precision;
    if (!arguments->output)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--output is required");
    diffedit_status status = cli_precision(&precision, arguments, error);
    if (status == DIFFEDIT_OK)
        status = cli_find_operand_model(&path, arguments, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = convert(arguments, path, precision, error);
    free(path);
    return status;
}

const cli_command cli_model_convert = {
    .name = "model convert",
    .bit = CLI_MODEL_CONVERT,
    .takes_model = true,
    .usage = "MODEL -o OUT.safetensors",
    .summary = "write a model of any layout as one file that is mapped and used as it is",
    .examples = "  diffedit model convert stable-diffusion-v1-4 -o sd14.safetensors\n"
                "  diffedit model convert model.ckpt --precision f16 -o model.safetensors\n",
    .run = run,
};
