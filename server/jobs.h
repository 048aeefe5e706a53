/* What a client asks for, checked, before it becomes a job. */
#ifndef SERVER_JOBS_H
#define SERVER_JOBS_H

#include <jansson.h>

#include "server.h"
#include "store.h"

/* What became of a request for a job. */
typedef enum jobs_outcome {
    JOBS_ADDED,
    JOBS_KNOWN,    /* the same was asked before under this id */
    JOBS_CONFLICT, /* something else was */
    JOBS_FULL,     /* the queue or the store */
    JOBS_FAILED
} jobs_outcome;

/* Makes *request, what a job holds, of a client's object, without its `id`: every field checked,
 * the picture and the masks there, the options within their ranges. The caller frees it. Errors:
 * ARGUMENT, MEMORY. */
diffedit_status jobs_read(json_t **request, const json_t *asked, struct server *server,
                          diffedit_error *error);
/* Whether the queue and the store take another job; else there is a sentence. */
bool jobs_have_room(struct server *server, diffedit_error *error);
/* Adds a job for a request, under the client's id, which makes a repeat harmless, or (NULL) one of
 * its own. ADDED and KNOWN: `job` is filled, freed by the caller; else there is a sentence. */
jobs_outcome jobs_add(struct store_job *job, struct server *server, const char *id, json_t *request,
                      diffedit_error *error);

#endif
