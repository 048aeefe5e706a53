/* The queue of jobs and the thread that works through it, one job at a time: they all need the same
 * cores. The store holds the jobs; this knows what is going on now. */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include "server.h"
#include "store.h"

enum { QUEUE_MOST = 2000 }; /* jobs that wait, at most */

struct queue;

/* Jobs that were running when the last server ended wait again. Starts the thread. Errors: FILE,
 * MEMORY. */
diffedit_status queue_start(struct queue **started, struct server *server, diffedit_error *error);
/* The running job waits again, for the next server, and the thread is told to end: within a step.
 * Returns at once. */
void queue_shut(struct queue *queue);
/* Waits for the thread and frees all; after queue_shut(). */
void queue_free(struct queue *queue);

/* Puts a job into the queue; its serial is set. Errors: FILE, MEMORY. */
diffedit_status queue_add(struct queue *queue, struct store_job *job, diffedit_error *error);
/* Stops a job that waits, now, or one that is running, within a step. */
void queue_stop(struct queue *queue, const char *id);
/* Stops a job and forgets it; a result stays. Errors: FILE. */
diffedit_status queue_forget(struct queue *queue, const char *id, diffedit_error *error);

/* What a failed job's kind of error (store_job) stands for. */
diffedit_status queue_status(const char *kind);
/* What clients get to see of a job. */
json_t *queue_json(struct queue *queue, const struct store_job *job);
/* The same of all jobs in a state, or in any (-1), in the order of store_each_job(). NULL: failed.
 * Errors: FILE. */
json_t *queue_list(struct queue *queue, int state, int limit, diffedit_error *error);

#endif
