/* Which model a command works with. */
#ifndef CLI_FIND_MODEL_H
#define CLI_FIND_MODEL_H

#include "arguments.h"

#include <stdlib.h>

/* The path of the model `named`: a path, or a downloaded OWNER/NAME; NULL: the pocket model, in the
 * build tree of the program or where it is installed. *path is freed by the caller. Errors: FILE
 * (not found, with the places that were searched), MEMORY. */
diffedit_status cli_find_model(char **path, const char *named, diffedit_error *error);

/* The same for the operand of the `diffedit model` commands, which is required. Errors: also
 * ARGUMENT. */
diffedit_status cli_find_operand_model(char **path, const cli_arguments *arguments,
                                       diffedit_error *error);
/* The folder for a downloaded OWNER/NAME, whether it exists or not; *path is freed by the caller.
 * Errors: ARGUMENT (not of this form), MEMORY. */
diffedit_status cli_fetched_folder(char **path, const char *named, diffedit_error *error);
/* The folder `name` among this program's data of this user; freed by the caller, NULL if memory is
 * short. */
char *cli_data_folder(const char *name);
/* The settings for opening a model, which borrow from the arguments: exact or quick as --arithmetic
 * says, else as the preset proposes; on the device of --device, else of DIFFEDIT_DEVICE. Errors:
 * ARGUMENT. */
diffedit_status cli_model_settings(diffedit_model_settings *settings,
                                   const cli_arguments *arguments, diffedit_error *error);
/* What an open model says of itself. */
diffedit_model_info cli_info_of(const diffedit_model *model);
/* DIFFEDIT_PRECISION_... of --precision. Errors: ARGUMENT. */
diffedit_status cli_precision(diffedit_precision *precision, const cli_arguments *arguments,
                              diffedit_error *error);

#endif
