/* Which model a command works with. */
#ifndef CLI_FIND_MODEL_H
#define CLI_FIND_MODEL_H

#include "arguments.h"

#include <stdlib.h>

/* The path of the model that `named` means: a path, or OWNER/NAME as fetched; NULL: the pocket
 * model, beside the program in its build tree or installed. *path is freed by the caller. Errors:
 * FILE (none there, saying where it looked), MEMORY. */
diffedit_status cli_find_model(char **path, const char *named, diffedit_error *error);

/* The same for the model that a command of models works on, which must be given. Errors: ARGUMENT
 * too. */
diffedit_status cli_find_operand_model(char **path, const cli_arguments *arguments,
                                       diffedit_error *error);
/* The folder in which a fetched OWNER/NAME lies or would lie; *path is freed by the caller. Errors:
 * ARGUMENT (no such name), MEMORY. */
diffedit_status cli_fetched_folder(char **path, const char *named, diffedit_error *error);
/* How a model is to be opened. They borrow from the arguments. Errors: ARGUMENT. */
diffedit_status cli_model_settings(diffedit_model_settings *settings,
                                   const cli_arguments *arguments, diffedit_error *error);
/* DIFFEDIT_PRECISION_... of --precision. Errors: ARGUMENT. */
diffedit_status cli_precision(diffedit_precision *precision, const cli_arguments *arguments,
                              diffedit_error *error);

#endif
