/* What --help prints. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "arguments.h"

#include <stdio.h>

/* The commands. */
void cli_help_program(FILE *stream);
/* One command with its main options, on one screen; `all`: with all of them, their ranges and
 * defaults. */
void cli_help_command(FILE *stream, const cli_command *command, bool all);

#endif
