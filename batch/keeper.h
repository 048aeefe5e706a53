/* A thread that tells the queue, while a worker is busy with a line, that the worker lives: with a
 * connection of its own, because the library does not come back for minutes. */
#ifndef BATCH_KEEPER_H
#define BATCH_KEEPER_H

#include "streams.h"

struct keeper;

/* `settings` as those of the worker's own connection; borrowed. Errors: ARGUMENT, MEMORY. */
diffedit_status keeper_start(struct keeper **started, const struct streams_settings *settings,
                             diffedit_error *error);
/* Takes NULL. Within some 10 s where the network hangs. */
void keeper_stop(struct keeper *keeper);
/* The worker has this line from now on; NULL: none, and nothing is said of the one before any more.
 * Waits for a message that is under way: moments, some 10 s where the network hangs. */
void keeper_hold(struct keeper *keeper, const char *entry);

#endif
