/* Computing the tasks of a batch on this machine: one thread decodes pictures ahead, this one runs
 * the library, and one encodes and writes results behind it. */
#include "course.h"

#include "belt.h"

#include "common/read_all.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PIXELS = 1 << 25 }; /* of the pictures on a belt, but for one */

/* The files of a task. */
enum { PICTURE, MASK, CORRECTION, FILES };
static const char *const file_names[FILES] = {"picture", "mask", "correction"};

/* A picture that was decoded, or why it was not. */
typedef struct decoded {
    bool tried;
    diffedit_picture *picture; /* owned until it is handed on */
    diffedit_status status;
    diffedit_error error;
} decoded;

/* A task on its way. */
typedef struct parcel {
    ledger_item item;
    json_t *task;
    decoded files[FILES];
    outcome made;
} parcel;

typedef struct local {
    course *run;
    const perform_settings *settings;
    belt ahead, behind;
    parcel *current; /* that is computed */
    /* of a thread that could not go on; read when both are done */
    diffedit_status ahead_status, behind_status;
    diffedit_error ahead_error, behind_error;
} local;

static void free_parcel(parcel *of)
{
    if (!of)
        return;
    for (int i = 0; i < FILES; i++)
        diffedit_picture_free(of->files[i].picture);
    json_decref(of->task);
    outcome_free(&of->made);
    ledger_item_free(&of->item);
    free(of);
}

/* ---- ahead ---- */

static void decode(decoded *file, const parcel *of, int which, int64_t max_pixels)
{
    const ledger_item *item = &of->item;
    const char *paths[FILES] = {item->picture_path, item->mask_path, item->correction_path};
    void *bytes;
    size_t size;
    file->tried = true;
    file->status = de_read_file(&bytes, &size, paths[which], &file->error);
    if (file->status != DIFFEDIT_OK)
        return;
    file->status = perform_decode(&file->picture, bytes, size,
                                  task_file(of->task, file_names[which]), paths[which], max_pixels,
                                  &file->error);
    free(bytes);
}

/* The pixels of what was decoded. */
static int64_t weight_of(const parcel *of)
{
    int64_t pixels = 0;
    for (int i = 0; i < FILES; i++)
        if (of->files[i].picture)
            pixels += (int64_t)diffedit_picture_width(of->files[i].picture) *
                      diffedit_picture_height(of->files[i].picture);
    return pixels;
}

/* The task at a position of the plan, with its pictures: its own one only where the task before had
 * another, because the performer has that one. NULL: there is none, or the thread cannot go on. */
static parcel *make_parcel(local *at, int64_t position, char before[TASK_HASH])
{
    parcel *new = calloc(1, sizeof *new);
    diffedit_error *error = &at->ahead_error;
    if (!new) {
        at->ahead_status = de_fail_memory(error, sizeof *new, "a task");
        return NULL;
    }
    *error = (diffedit_error){.code = DIFFEDIT_OK};
    if (!ledger_planned(&new->item, at->run->ledger, position, error)) {
        at->ahead_status = error->code;
        free_parcel(new);
        return NULL;
    }
    at->ahead_status = task_read(&new->task, new->item.task, error);
    if (at->ahead_status != DIFFEDIT_OK) {
        free_parcel(new);
        return NULL;
    }
    for (int i = 0; i < FILES; i++) {
        const char *hash = task_file(new->task, file_names[i]);
        if (hash && (i != PICTURE || strcmp(hash, before) != 0))
            decode(&new->files[i], new, i, at->settings->max_pixels);
    }
    memcpy(before, task_file(new->task, "picture"), TASK_HASH);
    return new;
}

static void *run_ahead(void *user)
{
    local *at = user;
    char before[TASK_HASH] = "";
    for (int64_t i = 0; i < at->run->planned && !course_ends(at->run); i++) {
        parcel *next = make_parcel(at, i, before);
        if (!next || !belt_put(&at->ahead, next, weight_of(next))) {
            free_parcel(next);
            break;
        }
    }
    belt_end(&at->ahead);
    return NULL;
}

/* ---- behind ---- */

static void *run_behind(void *user)
{
    local *at = user;
    parcel *next;
    while ((next = belt_take(&at->behind)) != NULL) {
        outcome_encode(&next->made, at->settings);
        if (at->behind_status == DIFFEDIT_OK)
            at->behind_status = course_keep(at->run, &next->item, &next->made, NULL, 1,
                                            &at->behind_error);
        if (at->behind_status != DIFFEDIT_OK) { /* nor could what is computed now be kept */
            atomic_store(&at->run->stopped, true);
            belt_end(&at->behind);
        }
        free_parcel(next);
    }
    return NULL;
}

/* ---- the library ---- */

/* What was decoded ahead, or is decoded now. */
static diffedit_status open_file(void *user, const char *which, diffedit_picture **picture,
                                 diffedit_error *error)
{
    local *at = user;
    int index = PICTURE;
    while (strcmp(file_names[index], which) != 0)
        index++;
    decoded *file = &at->current->files[index];
    if (!file->tried)
        decode(file, at->current, index, at->settings->max_pixels);
    *picture = file->picture;
    file->picture = NULL;
    file->tried = false;
    return file->status == DIFFEDIT_OK ? DIFFEDIT_OK
                                       : de_fail(error, file->status, "%s", file->error.message);
}

static bool on_step(void *user)
{
    const local *at = user;
    return course_ends(at->run);
}

/* Computes one task after the other. Errors: CANCELLED, DEVICE. */
static diffedit_status run_parcels(local *at, struct performer *performer, diffedit_error *error)
{
    const perform_calls calls = {.open = open_file, .step = on_step, .user = at};
    diffedit_status status = DIFFEDIT_OK;
    parcel *next;
    while (status == DIFFEDIT_OK && !course_ends(at->run) &&
           (next = belt_take(&at->ahead)) != NULL) {
        at->current = next;
        status = perform(&next->made, performer, next->task, &calls, error);
        int64_t weight = (int64_t)next->made.width * next->made.height;
        if (status != DIFFEDIT_OK || !belt_put(&at->behind, next, weight)) {
            free_parcel(next);
            break;
        }
    }
    /* what ended because it is to stop at a failure is no error */
    bool interrupted = at->run->settings->interrupted && at->run->settings->interrupted();
    return status == DIFFEDIT_ERROR_CANCELLED && !interrupted ? DIFFEDIT_OK : status;
}

/* ---- the threads ---- */

/* Signals are for the thread that runs the library. */
static void block_signals(sigset_t *before)
{
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        sigaddset(&set, ours[i]);
    pthread_sigmask(SIG_BLOCK, &set, before);
}

static diffedit_status run_threads(local *at, struct performer *performer, diffedit_error *error)
{
    sigset_t before;
    pthread_t ahead, behind;
    block_signals(&before);
    bool has_ahead = pthread_create(&ahead, NULL, run_ahead, at) == 0;
    bool has_behind = has_ahead && pthread_create(&behind, NULL, run_behind, at) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    diffedit_status status = has_behind ? run_parcels(at, performer, error)
                                        : de_fail_memory(error, 1, "a thread");
    belt_end(&at->ahead);
    belt_end(&at->behind);
    if (has_ahead)
        pthread_join(ahead, NULL);
    if (has_behind)
        pthread_join(behind, NULL);
    for (parcel *left; (left = belt_take(&at->ahead)) != NULL;)
        free_parcel(left);
    if (at->behind_status != DIFFEDIT_OK)
        status = de_fail(error, at->behind_status, "%s", at->behind_error.message);
    else if (status == DIFFEDIT_OK && at->ahead_status != DIFFEDIT_OK)
        status = de_fail(error, at->ahead_status, "%s", at->ahead_error.message);
    return status;
}

static diffedit_status run_plan(course *run, const perform_settings *settings,
                                diffedit_error *error)
{
    struct performer *performer;
    local at = {.run = run, .settings = settings};
    diffedit_status status = performer_new(&performer, settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    belt_begin(&at.ahead, MOST_PIXELS);
    belt_begin(&at.behind, MOST_PIXELS);
    status = run_threads(&at, performer, error);
    belt_free(&at.ahead);
    belt_free(&at.behind);
    performer_free(performer);
    return status;
}

/* A warning about the model, once: when it was opened, or when more of it was read. */
static bool warn_of_model(course *run, const diffedit_model *model)
{
    char text[512];
    bool warns = diffedit_model_get_warning(text, sizeof text, model);
    if (warns)
        report_say(&run->report, "warning: %s", text);
    return warns;
}

diffedit_status local_run(course *run, diffedit_error *error)
{
    diffedit_model *model;
    const batch_settings *given = run->settings;
    diffedit_status status = diffedit_model_open(&model, given->model_path, given->model_settings,
                                                 error);
    if (status != DIFFEDIT_OK)
        return status;
    const perform_settings settings = {.model = model,
                                       .model_name = given->model_name,
                                       .loras = given->model_settings->lora,
                                       .lora_count = given->model_settings->lora_count,
                                       .threads = given->threads,
                                       .max_pixels = given->max_pixels,
                                       .format = perform_format(given->format),
                                       .quality = given->quality,
                                       .no_record = given->no_record};
    char reason[512];
    if (diffedit_model_get_device_reason(reason, sizeof reason, model))
        report_say(&run->report, "%s", reason);
    bool warned = warn_of_model(run, model);
    report_expect(&run->report, run->planned);
    status = run_plan(run, &settings, error);
    if (!warned)
        warn_of_model(run, model);
    diffedit_model_close(model);
    return status;
}
