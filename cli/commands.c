#include "commands.h"

#include "help.h"

const cli_command *const cli_commands[] = {
    &cli_edit,        &cli_mask,          &cli_inpaint,    &cli_invert,
    &cli_generate,    &cli_batch,         &cli_work,       &cli_eval,
    &cli_serve,       &cli_bench,         &cli_devices,    &cli_model_info,
    &cli_model_check, &cli_model_convert, &cli_model_pull, NULL};

diffedit_status cli_run(int count, char **values, diffedit_error *error)
{
    const cli_command *command;
    int words;
    diffedit_status status = cli_command_find(&command, &words, count, values, error);
    if (status != DIFFEDIT_OK)
        return status;
    cli_arguments arguments;
    status = cli_arguments_parse(&arguments, command, count - words, values + words, error);
    if (status == DIFFEDIT_OK && (arguments.help || arguments.help_all))
        cli_help_command(stdout, command, arguments.help_all);
    else if (status == DIFFEDIT_OK)
        status = command->run(&arguments, error);
    if (status == DIFFEDIT_ERROR_MODEL)
        cli_add_dashes_to_settings(error->message);
    else if (status != DIFFEDIT_OK)
        cli_add_dashes(error->message);
    cli_arguments_free(&arguments);
    return status;
}
