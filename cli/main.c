/* diffedit, the program: prepares the process, runs the command, reports how it went. */
#include "commands.h"
#include "help.h"
#include "interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int exit_status(diffedit_status status)
{
    switch (status) {
    case DIFFEDIT_OK: return EXIT_SUCCESS;
    case DIFFEDIT_ERROR_ARGUMENT: return EXIT_USAGE;
    case DIFFEDIT_ERROR_CANCELLED: return cli_interrupt_status();
    default: return EXIT_FAILED;
    }
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
    diffedit_status status = cli_run(argc - 1, argv + 1, &error);
    if (status == DIFFEDIT_ERROR_CANCELLED)
        fputs("diffedit: interrupted\n", stderr);
    else if (status != DIFFEDIT_OK)
        fprintf(stderr, "diffedit: %s\n", error.message);
    return exit_status(status);
}
