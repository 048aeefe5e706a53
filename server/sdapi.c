#include "sdapi.h"

#include "base64.h"
#include "common/error.h"
#include "events.h"
#include "files.h"
#include "jobs.h"
#include "models.h"
#include "pictures.h"
#include "queue.h"
#include "sdapi_inside.h"
#include "sdapi_pictures.h"
#include "sdapi_reply.h"
#include "store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void sdapi_job_id(char id[STORE_ID], const char *group, int i)
{
    snprintf(id, STORE_ID, "%s-%d", group, i);
}

/* The job of the i-th picture. */
static void job_id(char id[STORE_ID], const struct asked *asked, int i)
{
    sdapi_job_id(id, asked->group, i);
}

static const diffedit_error ending = {DIFFEDIT_ERROR_CANCELLED, "the server is ending"};

static void free_asked(struct asked *asked)
{
    sdapi_wish_free(&asked->wish);
    json_decref(asked->body);
    free(asked);
}

/* ---- replying ---- */

/* The picture of a job that is done, onto the list; false: there is a sentence. */
static diffedit_status add_image(json_t *images, struct server *server, const char *id,
                                 diffedit_error *error)
{
    struct store_result result;
    void *bytes;
    size_t size;
    if (!store_get_result(&result, server->store, id))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "the result was removed");
    diffedit_status status = files_read(&bytes, &size, server->files, result.file, error);
    store_result_free(&result);
    if (status != DIFFEDIT_OK)
        return status;
    char *text = base64_encode("", bytes, size);
    int failed = json_array_append_new(images, text ? json_string(text) : NULL);
    free(text);
    free(bytes);
    return failed ? de_fail_memory(error, size, "a picture") : DIFFEDIT_OK;
}

/* Errors: the first that a job ended with. One that was stopped has no picture. */
static diffedit_status collect(json_t *images, const struct asked *asked, int *count,
                               diffedit_error *error)
{
    struct server *server = asked->sdapi->server;
    diffedit_status status = DIFFEDIT_OK;
    *count = 0;
    for (int i = 0; i < asked->wish.pictures && status == DIFFEDIT_OK; i++) {
        char id[STORE_ID];
        struct store_job job;
        job_id(id, asked, i);
        if (!store_get_job(&job, server->store, id))
            continue;
        if (job.state == STORE_FAILED)
            status = de_fail(error, queue_status(job.error), "%s", job.message);
        else if (job.state == STORE_DONE && asked->wish.send_images)
            status = add_image(images, server, id, error);
        *count += job.state == STORE_DONE;
        store_job_free(&job);
    }
    return status;
}

static void reply(struct asked *asked)
{
    struct server *server = asked->sdapi->server;
    json_t *images = json_array();
    diffedit_error error = asked->error;
    int count = 0;
    if (error.code == DIFFEDIT_OK)
        error.code = collect(images, asked, &count, &error);
    if (error.code != DIFFEDIT_OK) {
        json_decref(images);
        http_reply_error(asked->request, &error);
        return;
    }
    http_reply_json(asked->request, 200,
                    sdapi_reply(&asked->wish, asked->body, images, count,
                                models_name(server->models, asked->model)));
}

/* The first request all of whose jobs have ended, taken out; with the mutex. */
static struct asked *take_ended(struct sdapi *sdapi)
{
    for (struct asked **link = &sdapi->asked; *link; link = &(*link)->next) {
        struct asked *one = *link;
        if (one->left > 0)
            continue;
        *link = one->next;
        return one;
    }
    return NULL;
}

static void *answer(void *user)
{
    struct sdapi *sdapi = user;
    pthread_mutex_lock(&sdapi->mutex);
    while (!sdapi->stops) {
        struct asked *ended = take_ended(sdapi);
        if (!ended) {
            pthread_cond_wait(&sdapi->changed, &sdapi->mutex);
            continue;
        }
        pthread_mutex_unlock(&sdapi->mutex);
        reply(ended);
        free_asked(ended);
        pthread_mutex_lock(&sdapi->mutex);
    }
    pthread_mutex_unlock(&sdapi->mutex);
    return NULL;
}

/* An events_ended_fn. */
static void one_ended(void *user)
{
    struct asked *asked = user;
    struct sdapi *sdapi = asked->sdapi;
    pthread_mutex_lock(&sdapi->mutex);
    asked->left--;
    pthread_cond_signal(&sdapi->changed);
    pthread_mutex_unlock(&sdapi->mutex);
}

/* ---- asking ---- */

/* Keeps the picture and the mask that came. */
static diffedit_status keep_inputs(struct asked *asked, diffedit_error *error)
{
    struct server *server = asked->sdapi->server;
    sdapi_inputs inputs;
    struct store_picture picture;
    struct store_mask mask;
    bool is_new;
    diffedit_status status = sdapi_prepare(&inputs, &asked->wish, server->settings->max_pixels,
                                           error);
    if (status != DIFFEDIT_OK)
        return status;
    status = pictures_add(&picture, &is_new, server, inputs.picture.bytes, inputs.picture.size,
                          "img2img.png", error);
    if (status == DIFFEDIT_OK) {
        snprintf(asked->picture, sizeof asked->picture, "%s", picture.id);
        store_picture_free(&picture);
        status = pictures_add_mask(&mask, &is_new, server, inputs.mask.bytes, inputs.mask.size,
                                   error);
    }
    if (status == DIFFEDIT_OK)
        snprintf(asked->mask, sizeof asked->mask, "%s", mask.id);
    sdapi_inputs_free(&inputs);
    return status;
}

/* What POST /api/jobs would get for the i-th picture; NULL: memory is short. */
static json_t *make_job(const struct asked *asked, int i)
{
    const sdapi_wish *wish = &asked->wish;
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)(wish->seed + (uint64_t)i));
    /* a UNet that reads the mask knows no strength but 1 */
    const char *kind = !wish->image ? "generate" : wish->from_noise ? "inpaint" : "edit";
    json_t *options = json_copy(wish->options);
    json_object_set_new(options, "seed", json_string(seed));
    json_t *job = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "kind", kind, "preset", "paper",
                            "to", wish->to, "negative", wish->negative, "model",
                            models_name(asked->sdapi->server->models, asked->model), "options",
                            options, "group", asked->group);
    if (job && wish->image) {
        json_object_set_new(job, "picture", json_string(asked->picture));
        json_object_set_new(job, "mask", json_string(asked->mask));
    }
    return job;
}

/* Puts the i-th picture's job into the queue. Errors: ARGUMENT (also: the queue is full), FILE,
 * MEMORY. */
static diffedit_status add_job(const struct asked *asked, int i, diffedit_error *error)
{
    struct server *server = asked->sdapi->server;
    char id[STORE_ID];
    struct store_job job;
    json_t *wanted, *made = make_job(asked, i);
    job_id(id, asked, i);
    diffedit_status status = made ? jobs_read(&wanted, made, server, error)
                                  : de_fail_memory(error, 1, "a job");
    json_decref(made);
    if (status != DIFFEDIT_OK)
        return status;
    jobs_outcome outcome = jobs_add(&job, server, id, wanted, error);
    json_decref(wanted);
    if (outcome != JOBS_ADDED)
        return error->code;
    store_job_free(&job);
    return DIFFEDIT_OK;
}

static void forget_jobs(const struct asked *asked, int count)
{
    for (int i = 0; i < count; i++) {
        char id[STORE_ID];
        job_id(id, asked, i);
        queue_forget(asked->sdapi->server->queue, id, NULL);
    }
}

/* From here on the thread that answers has the request; false: it answers no more. */
static bool wait_for_jobs(struct asked *asked)
{
    struct sdapi *sdapi = asked->sdapi;
    pthread_mutex_lock(&sdapi->mutex);
    struct asked **last = &sdapi->asked;
    while (*last)
        last = &(*last)->next;
    bool answers = !sdapi->stops;
    if (answers)
        *last = asked;
    pthread_mutex_unlock(&sdapi->mutex);
    return answers;
}

/* Waits for the end of a job that was added, and stops it if an interrupt came before it did. */
static void await_job(struct asked *asked, const char *id)
{
    struct sdapi *sdapi = asked->sdapi;
    if (!events_await(sdapi->server->events, id, one_ended, asked))
        one_ended(asked);
    pthread_mutex_lock(&sdapi->mutex);
    bool interrupted = asked->interrupted;
    pthread_mutex_unlock(&sdapi->mutex);
    if (interrupted)
        queue_stop(sdapi->server->queue, id);
}

/* Jobs that have ended already are counted here, as are those that could not be added; one more
 * count keeps the request until all is done. False: the server ends. */
static bool add_jobs(struct asked *asked)
{
    int pictures = asked->wish.pictures, added = 0;
    asked->left = 1 + pictures;
    if (!wait_for_jobs(asked))
        return false;
    while (added < pictures && add_job(asked, added, &asked->error) == DIFFEDIT_OK) {
        char id[STORE_ID];
        job_id(id, asked, added++);
        await_job(asked, id);
    }
    if (added < pictures)
        forget_jobs(asked, added);
    else
        asked->error.code = DIFFEDIT_OK;
    for (int i = added; i < pictures; i++)
        one_ended(asked);
    one_ended(asked);
    return true;
}

static bool make_group(char group[24])
{
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return false;
    snprintf(group, 24, "web-%016llx", (unsigned long long)number);
    return true;
}

/* The model that the wish names, or the one in use. Errors: ARGUMENT. */
static diffedit_status choose_model(struct asked *asked, diffedit_error *error)
{
    struct sdapi *sdapi = asked->sdapi;
    const char *named = asked->wish.model;
    pthread_mutex_lock(&sdapi->mutex);
    asked->model = sdapi->model;
    pthread_mutex_unlock(&sdapi->mutex);
    if (named)
        asked->model = models_find_title(sdapi->server->models, named);
    return asked->model >= 0 ? DIFFEDIT_OK
                             : de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                                       "sd_model_checkpoint: no such model: \"%.200s\"", named);
}

static diffedit_status read_request(struct asked *asked, bool has_picture, diffedit_error *error)
{
    diffedit_status status = sdapi_read_wish(&asked->wish, asked->body, has_picture, error);
    if (status == DIFFEDIT_OK)
        status = choose_model(asked, error);
    if (status == DIFFEDIT_OK && !make_group(asked->group))
        status = de_fail(error, DIFFEDIT_ERROR_FILE, "the system gave no random number");
    return status == DIFFEDIT_OK && has_picture ? keep_inputs(asked, error) : status;
}

static void make_pictures(http_request *request, struct server *server, bool has_picture)
{
    json_t *body = http_json(request);
    if (!body)
        return;
    diffedit_error error;
    if (!jobs_have_room(server, &error)) {
        http_reply_fail(request, 503, "limit", "%s", error.message);
        return;
    }
    struct asked *asked = calloc(1, sizeof *asked);
    if (!asked) {
        http_reply_fail(request, 503, "memory", "out of memory");
        return;
    }
    *asked = (struct asked){.sdapi = server->sdapi, .request = request, .body = json_incref(body)};
    if (read_request(asked, has_picture, &error) != DIFFEDIT_OK) {
        http_reply_error(request, &error);
        free_asked(asked);
    } else if (!add_jobs(asked)) {
        http_reply_error(request, &ending);
        free_asked(asked);
    }
}

void sdapi_txt2img(http_request *request, struct server *server)
{
    make_pictures(request, server, false);
}

void sdapi_img2img(http_request *request, struct server *server)
{
    make_pictures(request, server, true);
}

/* ---- beginning and end ---- */

diffedit_status sdapi_start(struct sdapi **started, struct server *server, diffedit_error *error)
{
    struct sdapi *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "the web UI's interface");
    new->server = server;
    pthread_mutex_init(&new->mutex, NULL);
    pthread_cond_init(&new->changed, NULL);
    if (pthread_create(&new->thread, NULL, answer, new) != 0) {
        free(new);
        return de_fail(error, DIFFEDIT_ERROR_MEMORY, "no thread can be started");
    }
    *started = new;
    return DIFFEDIT_OK;
}

void sdapi_shut(struct sdapi *sdapi)
{
    pthread_mutex_lock(&sdapi->mutex);
    sdapi->stops = true;
    pthread_cond_signal(&sdapi->changed);
    pthread_mutex_unlock(&sdapi->mutex);
    pthread_join(sdapi->thread, NULL);
    pthread_mutex_lock(&sdapi->mutex);
    for (struct asked *one = sdapi->asked; one; one = one->next)
        http_reply_error(one->request, &ending);
    pthread_mutex_unlock(&sdapi->mutex);
}

void sdapi_free(struct sdapi *sdapi)
{
    if (!sdapi)
        return;
    while (sdapi->asked) {
        struct asked *next = sdapi->asked->next;
        free_asked(sdapi->asked);
        sdapi->asked = next;
    }
    pthread_cond_destroy(&sdapi->changed);
    pthread_mutex_destroy(&sdapi->mutex);
    free(sdapi);
}
