/* A worker, as its parts see it. */
#ifndef BATCH_WORK_INSIDE_H
#define BATCH_WORK_INSIDE_H

#include "depot.h"
#include "keeper.h"
#include "perform.h"
#include "told.h"
#include "work.h"

enum { WORK_NAME = 96 };

struct worker {
    const work_settings *settings;
    char name[WORK_NAME]; /* of this process, unlike any other's */
    struct streams *streams;
    struct keeper *keeper;
    struct depot *depot;
    bool depot_is_out; /* and not a file in it: what failed may be done elsewhere, or later */
    bool missed;       /* a file of the line is not there */
    diffedit_model *model;
    diffedit_model_settings model_settings; /* that it was opened with */
    char *model_text;                       /* as model_text() calls it */
    perform_settings perform;
    struct performer *performer;
    int64_t done, failed, returned;
    double seconds; /* in the library */
    double said;    /* when the numbers were last shown */
};

/* Opens the model for an arithmetic, and closes the one that is open. Errors: MODEL, FILE, MEMORY.
 */
diffedit_status worker_open_model(struct worker *worker, diffedit_arithmetic arithmetic,
                                  diffedit_error *error);
/* Says a sentence on standard error. */
void worker_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits, but not over a signal. */
void worker_rest(struct worker *worker, double seconds);

/* What becomes of a line that was taken, without the queue. What is wrong with the line itself is
 * the message of `what`, which is freed by the caller. Errors: CANCELLED; FILE with depot_is_out;
 * DEVICE (the GPU was lost); what opening a model returns; MEMORY. */
diffedit_status worker_treat(told *what, struct worker *worker, const struct streams_line *line,
                             diffedit_error *error);
/* Whether a batch can be told of it: its ids are what ids look like. */
bool worker_knows_batch(const struct streams_line *line);

#endif
