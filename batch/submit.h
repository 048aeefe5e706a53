/* Having the tasks of a batch computed by the workers of a queue. */
#ifndef BATCH_SUBMIT_H
#define BATCH_SUBMIT_H

#include "course.h"

/* Puts the plan into the queue of the settings, and keeps what comes of it, until nothing is left.
 * An interrupted run leaves its lines in the queue: the next one goes on with them. Errors: as
 * batch_run(). */
diffedit_status submit_run(course *run, diffedit_error *error);

#endif
