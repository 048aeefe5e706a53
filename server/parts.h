/* What the server keeps and does behind HTTP, opened and closed together. */
#ifndef SERVER_PARTS_H
#define SERVER_PARTS_H

#include "server.h"

/* Opens files, store, models and events, and starts the queue; `settings` are set. Errors:
 * ARGUMENT, FILE, MEMORY; nothing is open then. */
diffedit_status parts_open(struct server *server, diffedit_error *error);
/* What must last is in the store when this returns, at once: the running job waits again. */
void parts_shut(struct server *server);
/* Waits for the running step, and closes all; after parts_shut(), and when HTTP has ended. */
void parts_close(struct server *server);

#endif
