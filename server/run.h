/* One job: what was asked, as the library has it, and what came out, as files and rows. */
#ifndef SERVER_RUN_H
#define SERVER_RUN_H

#include "editors.h"
#include "store.h"

/* Whether the options of a request have values that the library takes, for its model where that is
 * open. Errors: ARGUMENT. */
diffedit_status run_check(const json_t *request, struct server *server, diffedit_error *error);

typedef struct run_progress {
    const char *stage; /* static */
    int done, total;
    double share, seconds_left; /* 0..1; -1: not known */
} run_progress;

/* Called after each step; a return other than 0 stops the job. */
typedef int (*run_step_fn)(void *user, const run_progress *progress, diffedit_editor *editor);

/* Runs a job and records it as done, with its result. `job` gets its files and warnings. CANCELLED:
 * it was stopped, or nobody wants it any more, and nothing is recorded. Errors: the library's,
 * FILE.
 */
diffedit_status run_job(struct store_job *job, struct server *server, struct editors *editors,
                        run_step_fn step, void *user, diffedit_error *error);

#endif
