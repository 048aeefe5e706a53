/* One run of a command: everything is opened and checked before the work, everything is written
 * after it. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "arguments.h"
#include "progress.h"
#include "recipe.h"

typedef struct cli_session {
    cli_arguments *arguments;
    cli_recipe recipe;
    diffedit_options options;
    diffedit_model *model;
    diffedit_picture *picture; /* NULL: none is needed */
    diffedit_editor *editor;
    cli_progress progress;
    bool made_folder; /* --stages created its folder, which is still empty */
    bool warned_of_model;
} cli_session;

/* Checks what was given before anything slow, then opens the picture and the model. The session is
 * closed by the caller, whatever this returns. Errors: all. */
diffedit_status cli_session_open(cli_session *session, cli_arguments *arguments,
                                 diffedit_error *error);
/* Writes the other outputs that were asked for. Errors: FILE, MEMORY, CANCELLED. */
diffedit_status cli_session_write_extras(cli_session *session, const diffedit_picture *result,
                                         diffedit_error *error);
void cli_session_close(cli_session *session);

/* A function of the library that makes a picture. */
typedef diffedit_status (*cli_make_fn)(diffedit_picture **result, diffedit_editor *editor,
                                       const diffedit_options *options, diffedit_error *error);
/* A whole command whose result is a picture. Errors: all. */
diffedit_status cli_make_picture(cli_arguments *arguments, cli_make_fn make, diffedit_error *error);

#endif
