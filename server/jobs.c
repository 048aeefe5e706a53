#include "jobs.h"

#include "clock.h"
#include "common/error.h"
#include "job_option.h"
#include "models.h"
#include "pictures.h"
#include "queue.h"
#include "results.h"
#include "run.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

enum { LONGEST_TEXT = 8000, LONGEST_NAME = 64, LONGEST_VALUE = 200, MOST_OPTIONS = 64 };

static const char *const kinds[] = {"find", "edit", "inpaint", "generate", NULL};

/* The fields of a request, and how long their texts may be. */
static const struct field {
    const char *name;
    size_t longest; /* 0: not a text */
} fields[] = {
    {"kind", LONGEST_NAME},
    {"picture", LONGEST_NAME},
    {"model", 4096},
    {"preset", LONGEST_NAME},
    {"from", LONGEST_TEXT},
    {"to", LONGEST_TEXT},
    {"negative", LONGEST_TEXT},
    {"options", 0},
    {"mask", LONGEST_NAME},
    {"correction", LONGEST_NAME},
    {"group", LONGEST_NAME},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static diffedit_status wrong(diffedit_error *error, const char *sentence, const char *name)
{
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, sentence, name);
}

/* ---- single fields ---- */

static bool is_field(const char *name)
{
    for (int i = 0; i < FIELDS; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return strcmp(name, "id") == 0;
}

static diffedit_status check_names(const json_t *asked, diffedit_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)asked, name, value)
        if (!is_field(name))
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "\"%.80s\": no such field of a job",
                           name);
    return DIFFEDIT_OK;
}

/* Copies a text, or null where it is not given. */
static diffedit_status copy_text(json_t *request, const json_t *asked, const struct field *field,
                                 diffedit_error *error)
{
    json_t *value = json_object_get(asked, field->name);
    if (!value || json_is_null(value)) {
        json_object_set_new(request, field->name, json_null());
        return DIFFEDIT_OK;
    }
    if (!json_is_string(value))
        return wrong(error, "\"%s\": expected a text", field->name);
    if (json_string_length(value) > field->longest)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "\"%s\": at most %zu bytes", field->name,
                       field->longest);
    json_object_set(request, field->name, value);
    return DIFFEDIT_OK;
}

static diffedit_status check_option(const char *name, const json_t *value, diffedit_error *error)
{
    const diffedit_option *option = job_option_find(name);
    if (!option)
        return wrong(error, "`%.80s`: no such option", name);
    if (option->type == DIFFEDIT_TYPE_TEXT)
        return wrong(error, "`%s`: is a field of the job, not one of its options", name);
    if (!json_is_string(value))
        return wrong(error, "`%s`: expected its value as a text", name);
    if (json_string_length(value) > LONGEST_VALUE)
        return wrong(error, "`%s`: the value is too long", name);
    return DIFFEDIT_OK;
}

static diffedit_status copy_options(json_t *request, const json_t *asked, diffedit_error *error)
{
    const char *name;
    json_t *options = json_object_get(asked, "options"), *value;
    if (!options || json_is_null(options)) {
        json_object_set_new(request, "options", json_object());
        return DIFFEDIT_OK;
    }
    if (!json_is_object(options))
        return wrong(error, "\"%s\": expected an object of names and texts", "options");
    if (json_object_size(options) > MOST_OPTIONS)
        return wrong(error, "\"%s\": too many", "options");
    json_object_foreach (options, name, value) {
        diffedit_status status = check_option(name, value, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    json_object_set(request, "options", options);
    return DIFFEDIT_OK;
}

/* ---- what they mean together ---- */

static bool is_one_of(const char *const *list, const char *name)
{
    for (; name && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static void set_default(json_t *request, const char *name, const char *value)
{
    if (!store_text_of(request, name))
        json_object_set_new(request, name, json_string(value));
}

static diffedit_status check_kind(json_t *request, struct server *server, diffedit_error *error)
{
    const char *kind = store_text_of(request, "kind");
    if (!is_one_of(kinds, kind))
        return wrong(error, "\"%s\": expected find, edit, inpaint or generate", "kind");
    bool generates = strcmp(kind, "generate") == 0;
    if (generates != !store_text_of(request, "picture"))
        return wrong(error, generates ? "\"%s\": is not used by generate" : "\"%s\" is required",
                     "picture");
    if (generates && (store_text_of(request, "mask") || store_text_of(request, "correction")))
        return wrong(error, "\"%s\": is not used by generate", "mask");
    if (strcmp(kind, "inpaint") == 0 && !store_text_of(request, "mask"))
        return wrong(error, "\"%s\" is required", "mask");
    if (!store_text_of(request, "to"))
        return wrong(error, "\"%s\" is required; it may be empty", "to");
    set_default(request, "from", "");
    set_default(request, "negative", "");
    set_default(request, "preset", SERVER_PRESET);
    if (!is_one_of(diffedit_presets(), store_text_of(request, "preset")))
        return wrong(error, "\"%.80s\": no such preset", store_text_of(request, "preset"));
    int model = models_find(server->models, store_text_of(request, "model"));
    if (model < 0)
        return wrong(error, "\"%.200s\": no such model", store_text_of(request, "model"));
    set_default(request, "model", models_name(server->models, model));
    return DIFFEDIT_OK;
}

/* Where the server has one arithmetic, a job keeps it even if a server without that goes on. */
static void settle_arithmetic(json_t *request, const struct server *server)
{
    const serve_settings *settings = server->settings;
    json_t *options = json_object_get(request, "options");
    diffedit_arithmetic proposed = diffedit_preset_arithmetic(store_text_of(request, "preset"));
    if (!settings->one_arithmetic || proposed == settings->model_settings->arithmetic ||
        json_object_get(options, "arithmetic"))
        return;
    const char *name = diffedit_arithmetic_name(settings->model_settings->arithmetic);
    options = json_copy(options); /* which is the client's */
    json_object_set_new(options, "arithmetic", json_string(name));
    json_object_set_new(request, "options", options);
}

/* A mask or a correction is there and has the picture's shape. */
static diffedit_status check_mask(const json_t *request, const char *name,
                                  const struct store_picture *picture, struct server *server,
                                  diffedit_error *error)
{
    struct store_mask mask;
    const char *id = store_text_of(request, name);
    if (!id)
        return DIFFEDIT_OK;
    if (!store_get_mask(&mask, server->store, id))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "\"%s\": no such mask: \"%.64s\"", name, id);
    if (!pictures_fit(mask.width, mask.height, picture->width, picture->height))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "\"%s\": is %dx%d pixels, which is not the shape of the picture (%dx%d)",
                       name, mask.width, mask.height, picture->width, picture->height);
    return DIFFEDIT_OK;
}

static diffedit_status check_files(const json_t *request, struct server *server,
                                   diffedit_error *error)
{
    struct store_picture picture;
    const char *id = store_text_of(request, "picture");
    if (!id)
        return DIFFEDIT_OK;
    if (!store_get_picture(&picture, server->store, id))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "\"picture\": no such picture: \"%.64s\"",
                       id);
    diffedit_status status = check_mask(request, "mask", &picture, server, error);
    if (status == DIFFEDIT_OK)
        status = check_mask(request, "correction", &picture, server, error);
    store_picture_free(&picture);
    return status;
}

diffedit_status jobs_read(json_t **request, const json_t *asked, struct server *server,
                          diffedit_error *error)
{
    json_t *new = json_object();
    diffedit_status status = new ? check_names(asked, error) : de_fail_memory(error, 1, "a job");
    for (int i = 0; i < FIELDS && status == DIFFEDIT_OK; i++)
        status = fields[i].longest ? copy_text(new, asked, &fields[i], error)
                                   : copy_options(new, asked, error);
    if (status == DIFFEDIT_OK)
        status = check_kind(new, server, error);
    if (status == DIFFEDIT_OK)
        status = check_files(new, server, error);
    if (status == DIFFEDIT_OK)
        status = run_check(new, server, error);
    if (status == DIFFEDIT_OK) {
        settle_arithmetic(new, server);
        *request = new;
    } else {
        json_decref(new);
    }
    return status;
}

/* ---- adding ---- */

static diffedit_status check_id(const char *id, diffedit_error *error)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t length = strlen(id);
    if (length >= 8 && length < STORE_ID && strspn(id, letters) == length)
        return DIFFEDIT_OK;
    return wrong(error, "\"%s\": expected 8 to 64 letters, digits, - or _", "id");
}

static bool make_id(char id[STORE_ID])
{
    enum { BYTES = 12 };
    unsigned char bytes[BYTES];
    if (RAND_bytes(bytes, BYTES) != 1)
        return false;
    for (int i = 0; i < BYTES; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

/* Whether the id stands for a job or a result already. */
static jobs_outcome look_up(struct store_job *job, struct server *server, const char *id,
                            const json_t *request, diffedit_error *error)
{
    struct store_result result;
    bool same = false;
    if (store_get_job(job, server->store, id)) {
        same = json_equal(job->request, request);
        if (same)
            return JOBS_KNOWN;
        store_job_free(job);
    } else if (store_get_result(&result, server->store, id)) {
        store_result_free(&result);
    } else {
        return JOBS_ADDED;
    }
    wrong(error, "\"%.64s\": another job was asked for under this id", id);
    return JOBS_CONFLICT;
}

bool jobs_have_room(struct server *server, diffedit_error *error)
{
    if (store_count_queued(server->store, INT64_MAX) >= QUEUE_MOST)
        de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "the queue is full: %d jobs wait", QUEUE_MOST);
    else if (!results_have_room(server))
        de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s", results_full_sentence);
    else
        return true;
    return false;
}

static jobs_outcome put(struct store_job *job, struct server *server, const char *id,
                        json_t *request, diffedit_error *error)
{
    *job = (struct store_job){
        .request = json_incref(request), .warnings = json_array(), .created = clock_date()};
    bool named = id != NULL;
    if (named)
        snprintf(job->id, sizeof job->id, "%s", id);
    else
        named = make_id(job->id);
    diffedit_status status = named && job->warnings ? queue_add(server->queue, job, error)
                                                    : de_fail_memory(error, 1, "a job");
    if (status == DIFFEDIT_OK)
        return JOBS_ADDED;
    store_job_free(job);
    return JOBS_FAILED;
}

jobs_outcome jobs_add(struct store_job *job, struct server *server, const char *id, json_t *request,
                      diffedit_error *error)
{
    if (id) {
        if (check_id(id, error) != DIFFEDIT_OK)
            return JOBS_FAILED;
        jobs_outcome known = look_up(job, server, id, request, error);
        if (known != JOBS_ADDED)
            return known;
    }
    if (!jobs_have_room(server, error))
        return JOBS_FULL;
    return put(job, server, id, request, error);
}
