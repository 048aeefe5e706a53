#include "queue.h"

#include "clock.h"
#include "estimate.h"
#include "events.h"
#include "preview.h"
#include "results.h"
#include "run.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEPT_JOBS = 500 }; /* that ended without a result */

struct queue {
    struct server *server;
    pthread_t thread;
    bool started;
    /* of what follows, and of every change of a job's state; taken before the store's lock, never
     * while that is held */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut, stop;        /* end the thread; stop the running job */
    struct store_job *job;  /* the running job, or NULL */
    run_progress progress;  /* of it */
    double told;            /* when its progress was published last */
    const char *told_stage; /* and of which stage */
};

/* ---- as JSON ---- */

static json_t *text_or_null(const char *text)
{
    return text && text[0] ? json_string(text) : json_null();
}

static json_t *time_or_null(double time)
{
    return time > 0 ? json_real(time) : json_null();
}

static json_t *progress_json(const run_progress *progress)
{
    return json_pack("{s:s, s:i, s:i, s:f, s:o}", "stage", progress->stage, "done", progress->done,
                     "total", progress->total, "share", progress->share, "seconds_left",
                     progress->seconds_left >= 0 ? json_real(progress->seconds_left) : json_null());
}

static json_t *region_json(const struct store_job *job)
{
    if (!job->found[0])
        return json_null();
    return json_pack("{s:f, s:i, s:i}", "share", job->share, "width", job->map_width, "height",
                     job->map_height);
}

static double seconds_of(const struct store_job *job)
{
    double end = job->ended > 0 ? job->ended : clock_date();
    return job->started > 0 && end > job->started ? end - job->started : 0;
}

/* `position` in the queue, -1: to be counted. With the mutex. */
static json_t *make_json(struct queue *queue, const struct store_job *job, int64_t position)
{
    bool running = job->state == STORE_RUNNING && queue->job &&
                   strcmp(queue->job->id, job->id) == 0;
    bool waits = job->state == STORE_QUEUED;
    if (waits && position < 0)
        position = 1 + store_count_queued(queue->server->store, job->serial);
    json_t *object = json_pack(
        "{s:s, s:s, s:o, s:f, s:o, s:o, s:f, s:o, s:o, s:s?, s:O, s:o, s:o}", "id", job->id,
        "state", store_state_names[job->state], "position",
        waits ? json_integer(position) : json_null(), "created", job->created, "started",
        time_or_null(job->started), "ended", time_or_null(job->ended), "seconds", seconds_of(job),
        "progress",
        running && queue->progress.stage ? progress_json(&queue->progress) : json_null(), "error",
        text_or_null(job->error), "message", job->message, "warnings", job->warnings, "region",
        region_json(job), "result", job->has_result ? json_string(job->id) : json_null());
    if (object)
        json_object_update_missing(object, job->request);
    return object;
}

json_t *queue_json(struct queue *queue, const struct store_job *job)
{
    pthread_mutex_lock(&queue->mutex);
    json_t *object = make_json(queue, job, -1);
    pthread_mutex_unlock(&queue->mutex);
    return object;
}

struct listing {
    struct queue *queue;
    json_t *jobs;
    int64_t position; /* of the next that waits; -1: they are not in order */
};

static void append(void *user, const struct store_job *job)
{
    struct listing *listing = user;
    json_array_append_new(listing->jobs, make_json(listing->queue, job, listing->position));
    listing->position += listing->position > 0;
}

json_t *queue_list(struct queue *queue, int state, int limit, diffedit_error *error)
{
    struct listing listing = {queue, json_array(), state == STORE_QUEUED ? 1 : -1};
    pthread_mutex_lock(&queue->mutex);
    diffedit_status status = store_each_job(queue->server->store, state, limit, append, &listing,
                                            error);
    pthread_mutex_unlock(&queue->mutex);
    if (status == DIFFEDIT_OK)
        return listing.jobs;
    json_decref(listing.jobs);
    return NULL;
}

/* ---- telling ---- */

/* With the mutex. */
static void publish(struct queue *queue, const struct store_job *job, events_kind kind)
{
    events_publish(queue->server->events, job->id, kind, make_json(queue, job, -1));
}

static void publish_waiting(void *user, const struct store_job *job)
{
    publish(user, job, EVENTS_STATE);
}

/* The first that wait moved up; with the mutex. */
static void publish_positions(struct queue *queue)
{
    enum { FIRST = 10 };
    store_each_job(queue->server->store, STORE_QUEUED, FIRST, publish_waiting, queue, NULL);
}

/* Takes note of a step; whether it is to be told of, and whether the job is to stop. With the
 * mutex. */
static bool note(struct queue *queue, const run_progress *progress)
{
    static const double pause = 0.05; /* seconds: faster than anybody sees */
    double now = clock_monotonic();
    queue->progress = *progress;
    if (progress->stage == queue->told_stage && now - queue->told < pause)
        return false;
    queue->told = now;
    queue->told_stage = progress->stage;
    publish(queue, queue->job, EVENTS_PROGRESS);
    return true;
}

/* From the worker's thread, after each step of the running job. */
static int on_step(void *user, const run_progress *progress, diffedit_editor *editor)
{
    struct queue *queue = user;
    struct events *events = queue->server->events;
    pthread_mutex_lock(&queue->mutex);
    int stop = queue->stop || queue->shut;
    bool told = !stop && note(queue, progress);
    pthread_mutex_unlock(&queue->mutex);
    if (told && events_are_heard(events)) {
        /* the job stays: it is this thread that ends it */
        json_t *preview = preview_json(editor, queue->job->id, progress->done);
        if (preview)
            events_publish(events, queue->job->id, EVENTS_PREVIEW, preview);
    }
    return stop;
}

/* ---- the worker ---- */

/* Waits for a change, or a second. With the mutex. */
static void wait_a_second(struct queue *queue)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_cond_timedwait(&queue->changed, &queue->mutex, &until);
}

/* Waits for the next job; false: the server ends. A job that waits and cannot be taken, because the
 * disk is full, is tried again. */
static bool take(struct queue *queue, struct store_job *job)
{
    bool taken = false;
    struct store *store = queue->server->store;
    pthread_mutex_lock(&queue->mutex);
    while (!queue->shut && !(taken = store_take_job(job, store, clock_date())))
        if (store_count_queued(store, INT64_MAX) > 0)
            wait_a_second(queue);
        else
            pthread_cond_wait(&queue->changed, &queue->mutex);
    if (taken) {
        queue->job = job;
        queue->stop = false;
        queue->progress = (run_progress){.stage = NULL};
        queue->told = 0;
        publish(queue, job, EVENTS_STATE);
        publish_positions(queue);
    }
    pthread_mutex_unlock(&queue->mutex);
    return taken;
}

/* What clients call an error, by its diffedit_status. */
static const char *const kinds[] = {"",        "argument", "file",   "model",
                                    "picture", "memory",   "memory", "device"};

diffedit_status queue_status(const char *kind)
{
    for (int status = DIFFEDIT_ERROR_ARGUMENT; status <= DIFFEDIT_ERROR_DEVICE; status++)
        if (strcmp(kinds[status], kind) == 0)
            return (diffedit_status)status;
    return DIFFEDIT_ERROR_CANCELLED;
}

static void set_failure(struct store_job *job, diffedit_status status, const char *sentence)
{
    job->ended = clock_date();
    job->has_result = false;
    job->map[0] = job->found[0] = '\0';
    if (status == DIFFEDIT_ERROR_CANCELLED) {
        job->state = STORE_STOPPED;
        return;
    }
    job->state = STORE_FAILED;
    job->message = strdup(sentence);
    snprintf(job->error, sizeof job->error, "%s", kinds[status]);
}

/* Records how a job ended that has no result. While nothing can be written, on a full disk, no
 * other job could be either: the queue waits. Returns false where the job is to say nothing: it
 * waits again, or is forgotten. With the mutex. */
static bool record_failure(struct queue *queue, const struct store_job *job)
{
    bool ended = false;
    while (store_end_job(&ended, queue->server->store, job, NULL) != DIFFEDIT_OK && !queue->shut)
        wait_a_second(queue);
    return ended;
}

static void finish(struct queue *queue, struct store_job *job, diffedit_status status,
                   const diffedit_error *error)
{
    bool ended = status == DIFFEDIT_OK;
    pthread_mutex_lock(&queue->mutex);
    if (!ended) {
        set_failure(job, status, error->message);
        ended = record_failure(queue, job);
    }
    queue->job = NULL;
    if (ended)
        publish(queue, job, EVENTS_END);
    pthread_mutex_unlock(&queue->mutex);
    store_forget_old_jobs(queue->server->store, KEPT_JOBS, NULL);
    results_make_room(queue->server);
}

static void *work(void *user)
{
    struct queue *queue = user;
    struct store_job job;
    struct editors *editors = NULL;
    diffedit_error error;
    if (editors_new(&editors, queue->server, &error) != DIFFEDIT_OK)
        return NULL;
    while (take(queue, &job)) {
        diffedit_status status = run_job(&job, queue->server, editors, on_step, queue, &error);
        finish(queue, &job, status, &error);
        store_job_free(&job);
    }
    editors_free(editors);
    return NULL;
}

/* ---- from outside ---- */

diffedit_status queue_start(struct queue **started, struct server *server, diffedit_error *error)
{
    struct queue *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "the queue");
    new->server = server;
    pthread_mutex_init(&new->mutex, NULL);
    pthread_cond_init(&new->changed, NULL);
    diffedit_status status = store_requeue(server->store, error);
    if (status == DIFFEDIT_OK)
        status = store_each_job(server->store, STORE_QUEUED, QUEUE_MOST, publish_waiting, new,
                                error);
    if (status == DIFFEDIT_OK && pthread_create(&new->thread, NULL, work, new) != 0)
        status = de_fail(error, DIFFEDIT_ERROR_MEMORY, "no thread can be started");
    if (status == DIFFEDIT_OK) {
        new->started = true;
        *started = new;
    } else {
        queue_free(new);
    }
    return status;
}

void queue_shut(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->shut = true;
    store_requeue(queue->server->store, NULL);
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    if (queue->started)
        pthread_join(queue->thread, NULL);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

diffedit_status queue_add(struct queue *queue, struct store_job *job, diffedit_error *error)
{
    pthread_mutex_lock(&queue->mutex);
    diffedit_status status = store_add_job(queue->server->store, job, error);
    if (status == DIFFEDIT_OK) {
        publish(queue, job, EVENTS_STATE);
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
    return status;
}

/* With the mutex. A job that is stopping may be forgotten already, and another wait under its id.
 */
static void stop(struct queue *queue, const char *id)
{
    struct store_job job;
    if (queue->job && !queue->stop && strcmp(queue->job->id, id) == 0) {
        queue->stop = true;
    } else if (store_stop_queued(queue->server->store, id, clock_date()) &&
               store_get_job(&job, queue->server->store, id)) {
        publish(queue, &job, EVENTS_END);
        store_job_free(&job);
        publish_positions(queue);
    }
}

void queue_stop(struct queue *queue, const char *id)
{
    pthread_mutex_lock(&queue->mutex);
    stop(queue, id);
    pthread_mutex_unlock(&queue->mutex);
}

diffedit_status queue_forget(struct queue *queue, const char *id, diffedit_error *error)
{
    struct store_job job;
    pthread_mutex_lock(&queue->mutex);
    stop(queue, id);
    diffedit_status status = DIFFEDIT_OK;
    if (store_get_job(&job, queue->server->store, id)) {
        status = store_forget_job(queue->server->store, id, error);
        if (status == DIFFEDIT_OK && job.state == STORE_RUNNING) {
            job.state = STORE_STOPPED;
            job.ended = clock_date();
            publish(queue, &job, EVENTS_END);
        }
        store_job_free(&job);
    }
    pthread_mutex_unlock(&queue->mutex);
    return status;
}
