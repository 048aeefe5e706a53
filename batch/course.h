/* The course of a run: what is shared by whoever has the tasks computed, here (local.c) or
 * elsewhere. */
#ifndef BATCH_COURSE_H
#define BATCH_COURSE_H

#include "batch.h"
#include "ledger.h"
#include "outdir.h"
#include "perform.h"
#include "report.h"

#include <stdatomic.h>

typedef struct course {
    const batch_settings *settings;
    struct outdir *outdir;
    struct ledger *ledger;
    report report;
    int64_t planned;     /* tasks of ledger_plan() */
    atomic_bool stopped; /* something failed, and the run is to stop then, or cannot go on */
} course;

/* Keeps what came of a task: writes its files, records it and reports it; a second outcome of a
 * task is dropped. `worker` may be NULL. One thread at a time. Errors: FILE (nothing was recorded).
 */
diffedit_status course_keep(course *run, const ledger_item *item, const outcome *made,
                            const char *worker, int tries, diffedit_error *error);
/* Whether the run is to end now: it was interrupted, or is to stop at a failure and something has
 * failed. Any thread. */
bool course_ends(course *run);

/* Puts the list into the ledger: with the hashes of its files, and what has failed already. Errors:
 * FILE, MEMORY, CANCELLED. */
diffedit_status gather_list(course *run, diffedit_error *error);
/* Computes the plan here. Errors: as batch_run(). */
diffedit_status local_run(course *run, diffedit_error *error);
/* Writes the table of all lines, and says which have failed. Errors: FILE. */
diffedit_status table_write(course *run, const char *file, diffedit_error *error);
diffedit_status table_say_failed(course *run, diffedit_error *error);

#endif
