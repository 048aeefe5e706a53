/* Jobs and their events. */
#include "api.h"

#include "events.h"
#include "files.h"
#include "jobs.h"
#include "models.h"
#include "queue.h"
#include "results.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The job that the address names; false: it was replied to. */
static bool find(struct store_job *job, http_request *request, struct server *server)
{
    if (store_get_job(job, server->store, http_part(request, 0)))
        return true;
    http_reply_fail(request, 404, "not-found", "\"%.64s\": no such job", http_part(request, 0));
    return false;
}

void api_jobs_add(http_request *request, struct server *server)
{
    static const int statuses[] = {[JOBS_ADDED] = 201, [JOBS_KNOWN] = 200};
    struct store_job job;
    diffedit_error error;
    json_t *asked = http_json(request), *wanted;
    if (!asked)
        return;
    const json_t *id = json_object_get(asked, "id");
    if (id && !json_is_null(id) && !json_is_string(id)) {
        http_reply_fail(request, 400, "argument", "\"id\": expected a text");
        return;
    }
    if (jobs_read(&wanted, asked, server, &error) != DIFFEDIT_OK) {
        http_reply_error(request, &error);
        return;
    }
    jobs_outcome outcome = jobs_add(&job, server, json_string_value(id), wanted, &error);
    json_decref(wanted);
    switch (outcome) {
    case JOBS_ADDED:
    case JOBS_KNOWN:
        http_reply_json(request, statuses[outcome], queue_json(server->queue, &job));
        store_job_free(&job);
        return;
    case JOBS_CONFLICT: http_reply_fail(request, 409, "conflict", "%s", error.message); return;
    case JOBS_FULL: http_reply_fail(request, 503, "limit", "%s", error.message); return;
    case JOBS_FAILED: http_reply_error(request, &error); return;
    }
}

void api_job(http_request *request, struct server *server)
{
    struct store_job job;
    if (!find(&job, request, server))
        return;
    http_reply_json(request, 200, queue_json(server->queue, &job));
    store_job_free(&job);
}

/* ---- lists ---- */

/* -1: any; -2: no such state. */
static int state_named(const char *name)
{
    int state = 0;
    if (!name)
        return -1;
    while (store_state_names[state] && strcmp(store_state_names[state], name) != 0)
        state++;
    return store_state_names[state] ? state : -2;
}

void api_jobs(http_request *request, struct server *server)
{
    enum { MOST = 200 };
    diffedit_error error;
    int state = state_named(http_query(request, "state"));
    if (state < -1) {
        http_reply_fail(request, 400, "argument",
                        "\"state\": expected queued, running, done, failed or stopped");
        return;
    }
    json_t *jobs = queue_list(server->queue, state, MOST, &error);
    if (jobs)
        http_reply_json(request, 200, jobs);
    else
        http_reply_error(request, &error);
}

/* ---- ending ---- */

void api_job_stop(http_request *request, struct server *server)
{
    struct store_job job;
    if (!find(&job, request, server))
        return;
    queue_stop(server->queue, job.id);
    store_job_free(&job);
    api_job(request, server);
}

void api_job_remove(http_request *request, struct server *server)
{
    struct store_job job;
    diffedit_error error;
    if (!find(&job, request, server))
        return;
    diffedit_status status = queue_forget(server->queue, job.id, &error);
    store_job_free(&job);
    results_make_room(server);
    if (status == DIFFEDIT_OK)
        http_reply_nothing(request);
    else
        http_reply_error(request, &error);
}

/* ---- what was found ---- */

static void reply_found(http_request *request, struct server *server, const char *id,
                        const char *type, const char *what)
{
    int descriptor;
    diffedit_error error;
    if (!id[0])
        http_reply_fail(request, 404, "not-found", "the job has no %s", what);
    else if (files_descriptor(&descriptor, server->files, id, &error) == DIFFEDIT_OK)
        http_reply_file(request, type, descriptor, NULL, true);
    else
        http_reply_error(request, &error);
}

void api_job_map(http_request *request, struct server *server)
{
    struct store_job job;
    if (!find(&job, request, server))
        return;
    reply_found(request, server, job.map, "application/octet-stream", "map");
    store_job_free(&job);
}

void api_job_mask(http_request *request, struct server *server)
{
    struct store_job job;
    if (!find(&job, request, server))
        return;
    reply_found(request, server, job.found, "image/png", "mask");
    store_job_free(&job);
}

/* ---- events ---- */

void api_events(http_request *request, struct server *server)
{
    events_stream(server->events, request, NULL);
}

void api_job_events(http_request *request, struct server *server)
{
    struct store_job job;
    if (events_stream(server->events, request, http_part(request, 0)))
        return;
    if (!find(&job, request, server)) /* it has ended */
        return;
    char *text = events_text("job", queue_json(server->queue, &job));
    store_job_free(&job);
    if (text)
        http_reply_bytes(request, 200, "text/event-stream", text, strlen(text));
    else
        http_reply_fail(request, 503, "memory", "out of memory");
}

/* ---- models ---- */

void api_models(http_request *request, struct server *server)
{
    http_reply_json(request, 200, models_json(server->models));
}
