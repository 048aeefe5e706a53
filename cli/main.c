/* diffedit, the program: finds the command, runs it, reports how it went. */
#include "arguments.h"
#include "help.h"
#include "interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cli_command *const cli_commands[] = {
    &cli_edit,  &cli_mask,       &cli_inpaint,     &cli_invert,        &cli_generate,
    &cli_bench, &cli_model_info, &cli_model_check, &cli_model_convert, &cli_model_pull,
    NULL};

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

static int exit_status(diffedit_status status)
{
    switch (status) {
    case DIFFEDIT_OK: return EXIT_SUCCESS;
    case DIFFEDIT_ERROR_ARGUMENT: return EXIT_USAGE;
    case DIFFEDIT_ERROR_CANCELLED: return EXIT_INTERRUPTED;
    default: return EXIT_FAILED;
    }
}

static diffedit_status run_command(int count, char **values, diffedit_error *error)
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
    cli_arguments_free(&arguments);
    return status;
}

int main(int argc, char **argv)
{
    /* pictures come from anywhere: loaders that were not made for hostile files stay shut in this
     * process */
    setenv("VIPS_BLOCK_UNTRUSTED", "1", 1);
    setenv("VIPS_WARNING", "1", 1); /* libvips keeps its remarks to itself */
    cli_interrupt_install();
    if (argc < 2) {
        cli_help_program(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("diffedit %s\n", diffedit_version());
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_help_program(stdout);
        return EXIT_SUCCESS;
    }
    diffedit_error error;
    diffedit_status status = run_command(argc - 1, argv + 1, &error);
    if (status == DIFFEDIT_ERROR_CANCELLED)
        fputs("diffedit: interrupted\n", stderr);
    else if (status != DIFFEDIT_OK)
        fprintf(stderr, "diffedit: %s\n", error.message);
    return exit_status(status);
}
