/* The hub of server-sent events: the worker publishes, any number of clients listen. A client that
 * reads slowly gets the newest state of each job instead of every step, and never holds up anybody.
 */
#ifndef SERVER_EVENTS_H
#define SERVER_EVENTS_H

#include "http.h"

struct events;

typedef enum events_kind {
    EVENTS_STATE,    /* a job changed its state; */
    EVENTS_PROGRESS, /* it took a step: the next such event of the job may take its place */
    EVENTS_PREVIEW,  /* likewise */
    EVENTS_END       /* it changed its state for the last time */
} events_kind;

/* Errors: MEMORY. */
diffedit_status events_new(struct events **made, diffedit_error *error);
/* When no stream is left. */
void events_free(struct events *events);

/* Tells all listeners; `data` is taken. Any thread. */
void events_publish(struct events *events, const char *job, events_kind kind, json_t *data);
/* Whether anybody listens. */
bool events_are_heard(struct events *events);
/* Replies with a stream of the events of one job, which ends with the job, or of all (NULL). It
 * begins with the state of those that have not ended. False: the job is not one of these; the
 * request is then still to be replied to. */
bool events_stream(struct events *events, http_request *request, const char *job);
/* Calls `ended` once, when the job ends, from the thread that ends it, which waits for it. False:
 * it has ended, or memory is short. */
typedef void (*events_ended_fn)(void *user);
bool events_await(struct events *events, const char *job, events_ended_fn ended, void *user);
/* "event: job\ndata: ...\n\n", freed by the caller; NULL: memory. `data` is taken. */
char *events_text(const char *name, json_t *data);

#endif
