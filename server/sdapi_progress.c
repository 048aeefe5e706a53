/* What becomes of a request for pictures meanwhile. */
#include "queue.h"
#include "sdapi_inside.h"

#include <stdio.h>

/* What is known of a request: how many of its jobs have ended, and the first that has not. */
struct standing {
    char group[24];
    int pictures, ended;
    json_t *progress; /* of that job; NULL: it has none yet */
    bool interrupted;
};

/* The request that came first; false: there is none. */
static bool look(struct standing *standing, struct sdapi *sdapi)
{
    struct asked *first;
    *standing = (struct standing){.progress = NULL};
    pthread_mutex_lock(&sdapi->mutex);
    first = sdapi->asked;
    if (first) {
        snprintf(standing->group, sizeof standing->group, "%s", first->group);
        standing->pictures = first->wish.pictures;
        standing->ended = standing->pictures -
                          (first->left < standing->pictures ? first->left : standing->pictures);
        standing->interrupted = first->interrupted;
    }
    pthread_mutex_unlock(&sdapi->mutex);
    return first;
}

/* The progress of the job that is at work. */
static json_t *progress_of(struct server *server, const struct standing *standing)
{
    char id[STORE_ID];
    struct store_job job;
    json_t *progress = NULL;
    for (int i = 0; i < standing->pictures && !progress; i++) {
        sdapi_job_id(id, standing->group, i);
        if (!store_get_job(&job, server->store, id))
            continue;
        json_t *object = job.state == STORE_RUNNING ? queue_json(server->queue, &job) : NULL;
        progress = json_incref(json_object_get(object, "progress"));
        json_decref(object);
        store_job_free(&job);
    }
    return progress;
}

void sdapi_progress(http_request *request, struct server *server)
{
    struct standing standing;
    bool works = look(&standing, server->sdapi);
    json_t *progress = works ? progress_of(server, &standing) : NULL;
    double share = json_number_value(json_object_get(progress, "share"));
    double left = json_number_value(json_object_get(progress, "seconds_left"));
    json_int_t done = json_integer_value(json_object_get(progress, "done"));
    json_int_t total = json_integer_value(json_object_get(progress, "total"));
    json_t *state = json_pack("{s:b, s:b, s:b, s:s, s:i, s:s, s:i, s:I, s:I}", "skipped", 0,
                              "interrupted", standing.interrupted, "stopping_generation",
                              standing.interrupted, "job", standing.group, "job_count",
                              standing.pictures, "job_timestamp", "0", "job_no", standing.ended,
                              "sampling_step", done, "sampling_steps", total);
    json_decref(progress);
    double all = works ? (standing.ended + share) / standing.pictures : 0;
    http_reply_json(request, 200,
                    json_pack("{s:f, s:f, s:o, s:n, s:n}", "progress", all, "eta_relative", left,
                              "state", state, "current_image", "textinfo"));
}

/* Everything that was asked for here stops within a step; its clients get what is done. */
void sdapi_interrupt(http_request *request, struct server *server)
{
    struct sdapi *sdapi = server->sdapi;
    enum { MOST = 64 };
    struct standing found[MOST];
    int count = 0;
    pthread_mutex_lock(&sdapi->mutex);
    for (struct asked *one = sdapi->asked; one && count < MOST; one = one->next) {
        one->interrupted = true;
        found[count].pictures = one->wish.pictures;
        snprintf(found[count++].group, sizeof found->group, "%s", one->group);
    }
    pthread_mutex_unlock(&sdapi->mutex);
    for (int i = 0; i < count; i++)
        for (int picture = 0; picture < found[i].pictures; picture++) {
            char id[STORE_ID];
            sdapi_job_id(id, found[i].group, picture);
            queue_stop(server->queue, id);
        }
    http_reply_json(request, 200, json_object());
}
