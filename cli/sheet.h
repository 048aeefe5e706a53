/* --sheet FILE: input, map, mask and result side by side. */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include <diffedit/diffedit.h>

/* Errors: FILE, MEMORY. */
diffedit_status cli_sheet_write(diffedit_editor *editor, const diffedit_picture *input,
                                const diffedit_picture *result, const char *path,
                                diffedit_error *error);

#endif
