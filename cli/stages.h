/* --stages DIR: every intermediate result, as files. */
#ifndef CLI_STAGES_H
#define CLI_STAGES_H

#include <diffedit/diffedit.h>

/* Writes what the last call computed, and the result (may be NULL), into the folder. Errors: FILE,
 * MEMORY. */
diffedit_status cli_stages_write(diffedit_editor *editor, const diffedit_picture *result,
                                 const char *folder, diffedit_error *error);

#endif
