/* Which model a command works with. */
#ifndef CLI_FIND_MODEL_H
#define CLI_FIND_MODEL_H

#include <diffedit/diffedit.h>

/* The path of the model that `named` means: a path, or OWNER/NAME as fetched; NULL: the pocket model, beside
 * the program in its build tree or installed. *path is freed by the caller. Errors: FILE (none there, saying
 * where it looked), MEMORY. */
diffedit_status cli_find_model(char **path, const char *named, diffedit_error *error);

#endif
