/* A queue of lines in Redis Streams, or Valkey's: the connection, and every operation on it.
 *
 *     diffedit:NAME:lines          stream of lines; the group `workers` hands each to one consumer
 *     diffedit:NAME:results:BATCH  stream of what became of the lines of one batch
 *
 * A line is in the first until its result is in the second: one transaction moves it. What may
 * happen in between, and why no line is lost, is a table in docs/SCALING.md.
 *
 * A lost connection, or a server that cannot answer now, is not a failure: an operation tries
 * again, with growing pauses, until it succeeds, or `stops` says to end (CANCELLED), or the
 * settings allow no patience (FILE). What Redis refuses for good (a password, a permission, a key
 * of another kind) is FILE at once. An operation that was tried twice may have been done twice;
 * each is harmless then.
 *
 * What comes out of the queue is hostile: texts are bounded and hold no zero byte, and are not
 * checked otherwise. */
#ifndef BATCH_STREAMS_H
#define BATCH_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <diffedit/diffedit.h>

#include "queue_url.h"

struct streams; /* one connection: for one thread at a time */

struct streams_settings {
    const struct queue_url *url; /* borrowed while the connection is open */
    const char *consumer;        /* name of this worker, unique; NULL: none takes lines here */
    double silence;            /* seconds after which a worker that has a line is taken for dead */
    double patience;           /* seconds of trying again; INFINITY: without an end */
    bool (*stops)(void *user); /* whether to end; cheap; never NULL */
    void (*say)(void *user, const char *sentence); /* lost, and back; NULL: silent */
    void *user;
};

/* Connects only when there is something to ask. Closed by the caller. Errors: ARGUMENT (TLS, and
 * this program was built without it), MEMORY. */
diffedit_status streams_open(struct streams **streams, const struct streams_settings *settings,
                             diffedit_error *error);
void streams_close(struct streams *streams);
/* How many connections were made so far: where it grew, the server may have lost something. */
uint64_t streams_connections(const struct streams *streams);

/* ---- lines ---- */

enum { STREAMS_ENTRY = 48 };          /* bytes of an entry's id, "MILLISECONDS-NUMBER" */
enum { STREAMS_LONGEST = 64 * 1024 }; /* bytes of a text of a line or of an outcome */

enum streams_field {
    STREAMS_BATCH,      /* the random id of the batch */
    STREAMS_ID,         /* of the task */
    STREAMS_RUN,        /* the number of the batch's run that put it */
    STREAMS_TASK,       /* its JSON */
    STREAMS_MODEL,      /* that the batch wants, as model_text() calls it */
    STREAMS_ARITHMETIC, /* its name */
    STREAMS_QUALITY,    /* of JPEG and WebP, a number */
    STREAMS_RECORD,     /* "no": PNGs do not say how they were made */
    STREAMS_PICTURE,    /* names in the depot */
    STREAMS_MASK,
    STREAMS_CORRECTION,
    STREAMS_RESULT,
    STREAMS_RESULT_MASK,
    STREAMS_FIELDS
};

extern const char *const streams_field_names[STREAMS_FIELDS];

struct streams_line {
    char entry[STREAMS_ENTRY];    /* made by streams_put(), set by streams_take() */
    char *fields[STREAMS_FIELDS]; /* NULL: not there, or too long, or no text */
    int64_t tries;                /* how often it was handed out, this time included */
};

/* Frees the fields; for lines that streams_take() made. */
void streams_line_free(struct streams_line *line);

/* ---- what a worker does ---- */

/* Takes one line: one that a worker gave back or fell silent over, else a new one, for which it
 * waits some 2 s. *found is false where there is none. A line is this worker's from then on, for
 * `silence` seconds. Errors: above, and MEMORY. */
diffedit_status streams_take(struct streams_line *line, bool *found, struct streams *streams,
                             diffedit_error *error);
/* Says that this worker still has the line; *ours is false where it is another's by now, or
 * nobody's. Not tried again. Errors: FILE. */
diffedit_status streams_keep(bool *ours, struct streams *streams, const char *entry,
                             diffedit_error *error);
/* Puts an outcome into the results of the line's batch, and takes the line out of the queue, at
 * once. `line` has the fields BATCH, ID and RUN. Errors: above. */
diffedit_status streams_report(struct streams *streams, const struct streams_line *line,
                               const char *outcome, diffedit_error *error);
/* Gives a line back, for any worker at once, as if this one had never had it. Errors: above. */
diffedit_status streams_return(struct streams *streams, const struct streams_line *line,
                               diffedit_error *error);
/* Removes this worker from the group, unless a line may be its own. Not tried again. */
void streams_leave(struct streams *streams);
/* Removes workers that have nothing and were not heard of for an hour. Errors: above. */
diffedit_status streams_tidy(struct streams *streams, diffedit_error *error);

/* Takes a line out of the queue, without a result. Errors: above. */
diffedit_status streams_withdraw(struct streams *streams, const char *entry, diffedit_error *error);

/* ---- what a batch does ---- */

/* Puts lines[count] into the queue, in order, and sets their entries. After an error some may be
 * there. Errors: above. */
diffedit_status streams_put(struct streams *streams, struct streams_line *lines, size_t count,
                            diffedit_error *error);

struct streams_result {
    char entry[STREAMS_ENTRY];
    char *id, *run, *outcome; /* as the fields of a line */
};

/* Up to `most` of the oldest results of a batch; waits up to `seconds` (0: not at all) where there
 * is none. *count of `results` are set, to be freed by streams_results_free(). Errors: above,
 * MEMORY. */
diffedit_status streams_results(struct streams_result *results, size_t *count, size_t most,
                                struct streams *streams, const char *batch, double seconds,
                                diffedit_error *error);
void streams_results_free(struct streams_result *results, size_t count);
/* Removes results that are recorded. Errors: above. */
diffedit_status streams_forget(struct streams *streams, const char *batch,
                               const struct streams_result *results, size_t count,
                               diffedit_error *error);

/* Whether a line that stands in the queue is going to be worked on; it is not where a worker had it
 * whom Redis does not know any more. */
typedef diffedit_status streams_visit(void *user, const struct streams_line *line, bool waits,
                                      diffedit_error *error);
/* Shows every line of the batch that is in the queue. A line that leaves it meanwhile is shown or
 * not; its result is there afterwards. Errors: above, what `visit` returns, MEMORY. */
diffedit_status streams_scan(struct streams *streams, const char *batch, streams_visit *visit,
                             void *user, diffedit_error *error);
/* Removes the results of a batch that has them all. Errors: above. */
diffedit_status streams_end(struct streams *streams, const char *batch, diffedit_error *error);

/* How many workers there are, heard of within `silence` seconds. Errors: above. */
diffedit_status streams_workers(size_t *count, struct streams *streams, diffedit_error *error);

#endif
