/* The lines of a batch from the ledgers of its folder: batch.db, or one for each shard. */
#ifndef EVAL_LEDGERS_H
#define EVAL_LEDGERS_H

#include "figures.h"

/* Adds a row for each line, by number, with what the batch knows of it. A line that several ledgers
 * have is that of the one that is farthest with it. Errors: FILE (also: there is no ledger, no
 * line, or two ledgers are of different lists), MEMORY. */
diffedit_status ledgers_read(figures *figures, diffedit_error *error);

#endif
