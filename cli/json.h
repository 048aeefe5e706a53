/* What a command did, for scripts. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "session.h"

/* Writes the object of --json to standard output. Errors: FILE, MEMORY. */
diffedit_status cli_json_write(const cli_session *session, diffedit_error *error);

#endif
