/* Every command there is, and the way from a command line to the one that it names. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "arguments.h"

extern const cli_command cli_edit, cli_mask, cli_inpaint, cli_invert, cli_generate, cli_batch,
    cli_work, cli_eval, cli_serve, cli_bench, cli_devices, cli_model_info, cli_model_check,
    cli_model_convert, cli_model_pull;
/* All of them, NULL-terminated, in the order of help. */
extern const cli_command *const cli_commands[];

/* Runs the command that values[0..count) name, without the program's own name; count is at least 1.
 * Errors: all. */
diffedit_status cli_run(int count, char **values, diffedit_error *error);

#endif
