#include "perform.h"

#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EDITORS = 2, MOST_WARNINGS = 32 };

typedef struct kept_editor {
    diffedit_editor *editor;
    char picture[TASK_HASH];
    bool has_mask, has_correction;
    char *warning; /* about the picture, for every task; NULL: none */
    bool has_box;  /* of a region, on which its next result may depend */
} kept_editor;

struct performer {
    const perform_settings *settings;
    kept_editor kept[EDITORS]; /* the last used first */
    int count;
};

/* A task that is computed. */
typedef struct work {
    struct performer *performer;
    const perform_calls *calls;
    json_t *warnings;
} work;

diffedit_status performer_new(struct performer **made, const perform_settings *settings,
                              diffedit_error *error)
{
    struct performer *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a performer");
    new->settings = settings;
    *made = new;
    return DIFFEDIT_OK;
}

static void drop(struct performer *performer, int index)
{
    diffedit_editor_free(performer->kept[index].editor);
    free(performer->kept[index].warning);
    performer->count--;
    memmove(performer->kept + index, performer->kept + index + 1,
            (size_t)(performer->count - index) * sizeof *performer->kept);
}

void performer_free(struct performer *performer)
{
    if (!performer)
        return;
    while (performer->count > 0)
        drop(performer, 0);
    free(performer);
}

/* ---- callbacks ---- */

static void add_warning(work *at, const char *text)
{
    if (json_array_size(at->warnings) < MOST_WARNINGS)
        json_array_append_new(at->warnings, json_string(text));
}

static void on_log(void *user, diffedit_log_level level, const char *line)
{
    if (level == DIFFEDIT_LOG_WARNING)
        add_warning(user, line);
}

static int on_step(void *user, diffedit_stage_id stage, int done, int total)
{
    const work *at = user;
    (void)stage;
    (void)done;
    (void)total;
    return at->calls->step(at->calls->user);
}

/* ---- editors ---- */

/* Brings the editor of a picture to the front; false: there is none that may be used. One that has
 * a box makes of another region what a new one would not, so it goes. */
static bool find(struct performer *performer, const char *picture, bool boxed)
{
    for (int i = 0; i < performer->count; i++) {
        kept_editor found = performer->kept[i];
        if (strcmp(found.picture, picture) != 0)
            continue;
        if (boxed && found.has_box) {
            drop(performer, i);
            return false;
        }
        memmove(performer->kept + 1, performer->kept, (size_t)i * sizeof found);
        performer->kept[0] = found;
        return true;
    }
    return false;
}

static diffedit_status add(work *at, const char *hash, diffedit_error *error)
{
    struct performer *performer = at->performer;
    diffedit_picture *picture;
    kept_editor new = {.editor = NULL};
    diffedit_status status = at->calls->open(at->calls->user, "picture", &picture, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (performer->count == EDITORS)
        drop(performer, EDITORS - 1);
    status = diffedit_editor_new(&new.editor, performer->settings->model, picture, error);
    if (status == DIFFEDIT_OK && diffedit_picture_warning(picture))
        new.warning = strdup(diffedit_picture_warning(picture));
    diffedit_picture_free(picture);
    if (status != DIFFEDIT_OK)
        return status;
    snprintf(new.picture, sizeof new.picture, "%s", hash);
    diffedit_editor_set_threads(new.editor, performer->settings->threads);
    memmove(performer->kept + 1, performer->kept, (size_t)performer->count++ * sizeof new);
    performer->kept[0] = new;
    return DIFFEDIT_OK;
}

typedef diffedit_status (*set_layer_fn)(diffedit_editor *editor, const diffedit_picture *layer,
                                        diffedit_error *error);

/* Gives the editor in front the task's mask or correction, or takes away what it has: after a
 * failure, too, because the next task may have none. */
static diffedit_status set_layer(work *at, bool *has, const json_t *task, const char *which,
                                 set_layer_fn set, diffedit_error *error)
{
    diffedit_picture *layer = NULL;
    const char *wanted = task_file(task, which);
    diffedit_editor *editor = at->performer->kept[0].editor;
    diffedit_status status = DIFFEDIT_OK;
    if (!wanted && !*has)
        return DIFFEDIT_OK;
    /* one that is there is given again, because giving it may warn */
    if (wanted)
        status = at->calls->open(at->calls->user, which, &layer, error);
    if (status == DIFFEDIT_OK && layer && diffedit_picture_warning(layer))
        add_warning(at, diffedit_picture_warning(layer));
    if (status == DIFFEDIT_OK)
        status = set(editor, layer, error);
    if (status != DIFFEDIT_OK)
        set(editor, NULL, NULL);
    *has = status == DIFFEDIT_OK && wanted;
    diffedit_picture_free(layer);
    return status;
}

/* The editor that computes a task comes to the front, with the task's mask and correction. */
static diffedit_status prepare(work *at, const json_t *task, const diffedit_options *options,
                               diffedit_error *error)
{
    const char *picture = task_file(task, "picture");
    bool boxed = options->region != DIFFEDIT_REGION_WHOLE;
    diffedit_status status = DIFFEDIT_OK;
    if (!find(at->performer, picture, boxed))
        status = add(at, picture, error);
    if (status != DIFFEDIT_OK)
        return status;
    kept_editor *kept = &at->performer->kept[0];
    kept->has_box |= boxed;
    if (kept->warning)
        add_warning(at, kept->warning);
    diffedit_editor_set_progress(kept->editor, on_step, at);
    diffedit_editor_set_log(kept->editor, on_log, at);
    status = set_layer(at, &kept->has_mask, task, "mask", diffedit_editor_set_mask, error);
    if (status == DIFFEDIT_OK)
        status = set_layer(at, &kept->has_correction, task, "correction",
                           diffedit_editor_set_correction, error);
    return status;
}

/* ---- one task ---- */

static diffedit_status make_record(char **record, const struct performer *performer,
                                   const json_t *task, const diffedit_options *options,
                                   diffedit_error *error)
{
    static const char *const names[] = {"picture", "mask", "correction"};
    const perform_settings *settings = performer->settings;
    json_t *more = json_object(), *loras = json_array();
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, settings->model);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (task_file(task, names[i]))
            json_object_set(more, names[i], json_object_get(task, names[i]));
    if (settings->model_name)
        json_object_set_new(more, "model", json_string(settings->model_name));
    for (size_t i = 0; i < settings->lora_count; i++)
        json_array_append_new(loras, json_pack("{s:s?, s:f}", "file", settings->loras[i]->path,
                                               "weight", settings->loras[i]->weight));
    if (settings->lora_count > 0)
        json_object_set(more, "lora", loras);
    json_decref(loras);
    diffedit_status status = record_make(record, options, &info, more, error);
    json_decref(more);
    return status;
}

static diffedit_status compute(outcome *made, work *at, const json_t *task, diffedit_error *error)
{
    diffedit_options options;
    struct performer *performer = at->performer;
    diffedit_status status = task_options(&options, task, performer->settings->model, error);
    if (status == DIFFEDIT_OK)
        status = prepare(at, task, &options, error);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_editor *editor = performer->kept[0].editor;
    diffedit_stats stats = {.struct_size = sizeof stats};
    status = diffedit_edit(&made->result, editor, &options, error);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_editor_get_stats(&stats, editor);
    made->seconds = stats.total_seconds;
    made->evaluations = stats.evaluations;
    made->mask_share = stats.mask_share;
    made->width = diffedit_picture_width(made->result);
    made->height = diffedit_picture_height(made->result);
    status = diffedit_editor_view(&made->mask, editor, DIFFEDIT_VIEW_MASK, error);
    if (status == DIFFEDIT_OK && !performer->settings->no_record)
        status = make_record(&made->record, performer, task, &options, error);
    return status;
}

static void fail(outcome *made, const diffedit_error *error)
{
    outcome_free(made);
    made->message = strdup(error->message);
}

const char *perform_device(const diffedit_model *model)
{
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, model);
    return diffedit_device_name(info.device);
}

diffedit_status perform(outcome *made, struct performer *performer, const json_t *task,
                        const perform_calls *calls, diffedit_error *error)
{
    diffedit_error reason;
    work at = {.performer = performer, .calls = calls, .warnings = json_array()};
    *made = (outcome){.message = NULL};
    diffedit_status status = compute(made, &at, task, &reason);
    for (int i = 0; i < performer->count; i++) { /* which `at` does not outlive */
        diffedit_editor_set_progress(performer->kept[i].editor, NULL, NULL);
        diffedit_editor_set_log(performer->kept[i].editor, NULL, NULL);
    }
    if (status != DIFFEDIT_OK)
        fail(made, &reason);
    made->device = perform_device(performer->settings->model);
    made->warnings = at.warnings;
    bool is_lost = status != DIFFEDIT_OK && diffedit_model_is_lost(performer->settings->model);
    if (status != DIFFEDIT_ERROR_CANCELLED && !is_lost)
        return DIFFEDIT_OK;
    outcome_free(made);
    return is_lost ? de_fail(error, DIFFEDIT_ERROR_DEVICE, "%s", reason.message)
                   : de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
}

/* ---- what came of it ---- */

const char *perform_format(const char *name)
{
    static const char *const formats[] = {".png", ".jpg", ".webp", ".tif"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i] + 1, name) == 0)
            return formats[i];
    return NULL;
}

void outcome_encode(outcome *made, const perform_settings *settings)
{
    diffedit_error reason;
    const diffedit_save_options how = {.struct_size = sizeof how,
                                       .quality = settings->quality,
                                       .record = made->record,
                                       .format = settings->format};
    const diffedit_save_options of_mask = {.struct_size = sizeof of_mask, .format = ".png"};
    diffedit_status status = DIFFEDIT_OK;
    if (made->result)
        status = diffedit_picture_encode(&made->result_bytes, &made->result_size, made->result,
                                         &how, &reason);
    if (status == DIFFEDIT_OK && made->mask)
        status = diffedit_picture_encode(&made->mask_bytes, &made->mask_size, made->mask, &of_mask,
                                         &reason);
    if (status != DIFFEDIT_OK) {
        json_t *warnings = json_incref(made->warnings);
        fail(made, &reason);
        made->warnings = warnings;
    }
    diffedit_picture_free(made->result);
    diffedit_picture_free(made->mask);
    made->result = made->mask = NULL;
}

void outcome_free(outcome *made)
{
    diffedit_picture_free(made->result);
    diffedit_picture_free(made->mask);
    diffedit_free(made->result_bytes);
    diffedit_free(made->mask_bytes);
    free(made->record);
    free(made->message);
    json_decref(made->warnings);
    *made = (outcome){.message = NULL};
}

diffedit_status perform_decode(diffedit_picture **picture, const void *bytes, size_t size,
                               const char *hash, const char *name, int64_t max_pixels,
                               diffedit_error *error)
{
    char found[TASK_HASH];
    task_hash(found, bytes, size);
    if (strcmp(found, hash) != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: is not the file that the list had",
                       name);
    return diffedit_picture_decode(picture, bytes, size, name, max_pixels, error);
}
