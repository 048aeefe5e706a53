#include "run.h"

#include "clock.h"
#include "estimate.h"
#include "models.h"
#include "pictures.h"
#include "record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

/* What a request's model is opened for: as its options say, as the server does, or as its preset
 * proposes. Errors: ARGUMENT. */
static diffedit_status choose_arithmetic(diffedit_arithmetic *arithmetic, const json_t *request,
                                         const serve_settings *settings, diffedit_error *error)
{
    const char *named = store_text_of(json_object_get(request, "options"), "arithmetic");
    diffedit_arithmetic only = settings->model_settings->arithmetic;
    if (!named) {
        *arithmetic = settings->one_arithmetic
                          ? only
                          : diffedit_preset_arithmetic(store_text_of(request, "preset"));
        return DIFFEDIT_OK;
    }
    diffedit_status status = diffedit_arithmetic_read(arithmetic, named, error);
    if (status == DIFFEDIT_OK && settings->one_arithmetic && *arithmetic != only)
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                         "`arithmetic`: this server was started for %s alone, found \"%s\"",
                         diffedit_arithmetic_name(only), named);
    return status;
}

/* The options borrow the request's texts. */
static diffedit_status fill_options(diffedit_options *options, const json_t *request,
                                    const diffedit_model *model, diffedit_error *error)
{
    const char *name;
    json_t *value;
    diffedit_status status = diffedit_options_init(options, sizeof *options,
                                                   store_text_of(request, "preset"), model, error);
    if (status != DIFFEDIT_OK)
        return status;
    options->from = store_text_of(request, "from");
    options->to = store_text_of(request, "to");
    options->negative = store_text_of(request, "negative");
    json_object_foreach (json_object_get(request, "options"), name, value) {
        if (!diffedit_option_find(name))
            continue; /* `arithmetic`: of the model */
        status = diffedit_options_set(options, name, json_string_value(value), error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    return diffedit_options_check(options, error);
}

diffedit_status run_check(const json_t *request, struct server *server, diffedit_error *error)
{
    diffedit_options options;
    diffedit_arithmetic arithmetic;
    diffedit_status status = choose_arithmetic(&arithmetic, request, server->settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    int index = models_find(server->models, store_text_of(request, "model"));
    status = fill_options(&options, request, models_look(server->models, index), error);
    models_leave(server->models, index);
    return status;
}

/* ---- one run ---- */

/* A file that belongs to a job, not in its place yet. */
enum { MAP, FOUND, RESULT, DRAFTS };

struct run {
    struct store_job *job;
    struct server *server;
    diffedit_editor *editor;
    diffedit_options options;
    const diffedit_model *model;
    struct estimate estimate;
    run_step_fn step;
    void *user;
    files_draft drafts[DRAFTS];
    diffedit_picture *made; /* what an edit made; NULL: nothing */
    struct store_result result;
};

static int tell(struct run *run, int stage, const char *name, int done, int total)
{
    run_progress progress = {.stage = name, .done = done, .total = total};
    estimate_at(&progress.share, &progress.seconds_left, &run->estimate, stage,
                total > 0 ? (double)done / total : 0);
    return run->step(run->user, &progress, run->editor);
}

static int on_step(void *user, diffedit_stage_id stage, int done, int total)
{
    return tell(user, (int)stage, diffedit_stage_name(stage), done, total);
}

static void add_warning(struct store_job *job, const char *text)
{
    enum { MOST = 32 };
    if (json_array_size(job->warnings) < MOST)
        json_array_append_new(job->warnings, json_string(text));
}

static void on_log(void *user, diffedit_log_level level, const char *line)
{
    struct run *run = user;
    if (level == DIFFEDIT_LOG_WARNING)
        add_warning(run->job, line);
}

/* ---- what it will cost ---- */

static diffedit_status plan(struct run *run, const char *kind, diffedit_error *error)
{
    char key[ESTIMATE_KEY];
    const diffedit_options *options = &run->options;
    bool generates = strcmp(kind, "generate") == 0;
    double costs[ESTIMATE_STAGES] = {[ESTIMATE_SAVE] = 1};
    diffedit_call call = strcmp(kind, "find") == 0      ? DIFFEDIT_CALL_FIND
                         : strcmp(kind, "inpaint") == 0 ? DIFFEDIT_CALL_INPAINT
                         : generates                    ? DIFFEDIT_CALL_GENERATE
                                                        : DIFFEDIT_CALL_EDIT;
    diffedit_status status = diffedit_stage_costs(costs, ESTIMATE_SAVE, run->editor, call, options,
                                                  error);
    if (status != DIFFEDIT_OK)
        return status;
    struct store_picture picture = {.width = options->width, .height = options->height};
    if (!generates)
        store_get_picture(&picture, run->server->store,
                          store_text_of(run->job->request, "picture"));
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, run->model);
    double pixels = fmax(1, (double)picture.width * picture.height);
    snprintf(key, sizeof key, "%.150s %s %s %dx%d %.0f", store_text_of(run->job->request, "model"),
             diffedit_arithmetic_name(info.arithmetic), diffedit_device_name(info.device),
             options->width, options->height, log2(pixels));
    store_picture_free(&picture);
    estimate_begin(&run->estimate, costs, run->server->store, key);
    return DIFFEDIT_OK;
}

static void learn(const struct run *run, double saving)
{
    double seconds[ESTIMATE_STAGES] = {[ESTIMATE_SAVE] = saving};
    for (int i = 0; i < ESTIMATE_SAVE; i++)
        seconds[i] = diffedit_editor_stage_seconds(run->editor, (diffedit_stage_id)i);
    estimate_learn(&run->estimate, run->server->store, seconds);
}

/* ---- what comes out ---- */

/* Keeps a picture as a PNG. */
static diffedit_status save_picture(struct run *run, int draft, const diffedit_picture *picture,
                                    const char *record, diffedit_error *error)
{
    void *bytes;
    size_t size;
    const diffedit_save_options how = {
        .struct_size = sizeof how, .format = ".png", .record = record};
    diffedit_status status = diffedit_picture_encode(&bytes, &size, picture, &how, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = files_write(&run->drafts[draft], run->server->files, bytes, size, error);
    diffedit_free(bytes);
    return status;
}

enum { MAP_SIDE = 1280 }; /* longest side of a map's copy */

/* The mean of the part of a map that a cell of its copy covers. */
static unsigned mean_of(const uint16_t *map, int64_t stride, int64_t left, int64_t top,
                        int64_t right, int64_t bottom)
{
    uint64_t sum = 0;
    for (int64_t y = top; y < bottom; y++)
        for (int64_t x = left; x < right; x++)
            sum += map[y * stride + x];
    return (unsigned)(sum / (uint64_t)((right - left) * (bottom - top)));
}

/* The copy of a map, 16 bit, little-endian; freed by the caller, NULL: memory. */
static unsigned char *copy_map(const diffedit_picture *map, int width, int height)
{
    const uint16_t *values = diffedit_picture_pixels(map);
    int64_t from_width = diffedit_picture_width(map), from_height = diffedit_picture_height(map);
    unsigned char *copy = values ? malloc((size_t)width * (size_t)height * 2) : NULL;
    for (int64_t y = 0; copy && y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            unsigned value = mean_of(values, from_width, x * from_width / width,
                                     y * from_height / height, (x + 1) * from_width / width,
                                     (y + 1) * from_height / height);
            copy[2 * (y * width + x)] = (unsigned char)value;
            copy[2 * (y * width + x) + 1] = (unsigned char)(value >> 8);
        }
    return copy;
}

static diffedit_status save_map(struct run *run, const diffedit_picture *map, diffedit_error *error)
{
    int width = diffedit_picture_width(map), height = diffedit_picture_height(map);
    double scale = fmin(1, (double)MAP_SIDE / (width > height ? width : height));
    width = (int)fmax(1, rint(width * scale));
    height = (int)fmax(1, rint(height * scale));
    size_t size = (size_t)width * (size_t)height * 2;
    unsigned char *copy = copy_map(map, width, height);
    if (!copy)
        return de_fail_memory(error, size, "a map");
    run->job->map_width = width;
    run->job->map_height = height;
    diffedit_status status = files_write(&run->drafts[MAP], run->server->files, copy, size, error);
    free(copy);
    return status;
}

static diffedit_status save_views(struct run *run, diffedit_error *error)
{
    diffedit_picture *view;
    diffedit_stats stats = {.struct_size = sizeof stats};
    diffedit_status status = diffedit_editor_view(&view, run->editor, DIFFEDIT_VIEW_MASK, error);
    if (status == DIFFEDIT_OK && view) {
        status = save_picture(run, FOUND, view, NULL, error);
        diffedit_picture_free(view);
    }
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_editor_get_stats(&stats, run->editor);
    run->job->share = stats.mask_share;
    if (store_text_of(run->job->request, "mask"))
        return DIFFEDIT_OK;
    status = diffedit_editor_view(&view, run->editor, DIFFEDIT_VIEW_REGION_MAP, error);
    if (status == DIFFEDIT_OK && view) {
        status = save_map(run, view, error);
        diffedit_picture_free(view);
    }
    return status;
}

/* The record of a result, with what else it was made from; freed by the caller. */
static diffedit_status make_record(char **record, const struct run *run, diffedit_error *error)
{
    static const char *const names[] = {"kind", "preset", "picture", "mask", "correction"};
    const char *model = store_text_of(run->job->request, "model");
    json_t *more = json_object();
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, run->model);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (store_text_of(run->job->request, names[i]))
            json_object_set(more, names[i], json_object_get(run->job->request, names[i]));
    if (strcmp(model, "pocket") != 0) /* which has no name in the command */
        json_object_set_new(more, "model", json_string(model));
    diffedit_status status = record_make(record, &run->options, &info, more, error);
    json_decref(more);
    return status;
}

static diffedit_status save_result(struct run *run, diffedit_error *error)
{
    char *record;
    diffedit_status status = make_record(&record, run, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = save_picture(run, RESULT, run->made, record, error);
    free(record);
    return status;
}

/* ---- recording ---- */

/* What is told about a result beside its request. */
static diffedit_status describe(struct run *run, diffedit_error *error)
{
    struct store_result *result = &run->result;
    struct store_picture picture = {.width = 0};
    const char *id = store_text_of(run->job->request, "picture"), *format = ".png";
    if (id && store_get_picture(&picture, run->server->store, id))
        format = pictures_result_format(picture.format);
    *result = (struct store_result){.request = json_incref(run->job->request),
                                    .share = run->job->share,
                                    .created = run->job->ended,
                                    .seconds = run->job->ended - run->job->started,
                                    .width = diffedit_picture_width(run->made),
                                    .height = diffedit_picture_height(run->made)};
    result->name = strdup(picture.name ? picture.name : store_text_of(run->job->request, "to"));
    snprintf(result->id, sizeof result->id, "%s", run->job->id);
    snprintf(result->file, sizeof result->file, "%s", run->drafts[RESULT].id);
    snprintf(result->found, sizeof result->found, "%s", run->drafts[FOUND].id);
    snprintf(result->format, sizeof result->format, "%s", format);
    diffedit_options_get(result->seed, sizeof result->seed, &run->options, "seed");
    store_picture_free(&picture);
    return result->name ? DIFFEDIT_OK : de_fail_memory(error, 1, "a result");
}

/* The rows of a job's files, its result and its end, together. */
static diffedit_status record_rows(struct run *run, diffedit_error *error)
{
    bool ended = false;
    struct store *store = run->server->store;
    diffedit_status status = store_begin(store, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int i = 0; i < DRAFTS && status == DIFFEDIT_OK; i++)
        if (run->drafts[i].id[0])
            status = store_add_file(store, run->drafts[i].id, run->drafts[i].size, error);
    if (status == DIFFEDIT_OK)
        status = store_end_job(&ended, store, run->job, error);
    if (status == DIFFEDIT_OK && !ended)
        status = de_fail(error, DIFFEDIT_ERROR_CANCELLED, "the job was stopped");
    if (status == DIFFEDIT_OK && run->made)
        status = store_add_result(store, &run->result, error);
    return store_end(store, status, error);
}

static diffedit_status record(struct run *run, diffedit_error *error)
{
    struct store_job *job = run->job;
    diffedit_status status = DIFFEDIT_OK;
    job->state = STORE_DONE;
    job->ended = clock_date();
    job->has_result = run->made != NULL;
    snprintf(job->map, sizeof job->map, "%s", run->drafts[MAP].id);
    snprintf(job->found, sizeof job->found, "%s", run->drafts[FOUND].id);
    if (run->made)
        status = describe(run, error);
    files_lock(run->server->files);
    for (int i = 0; i < DRAFTS && status == DIFFEDIT_OK; i++)
        if (run->drafts[i].temporary)
            status = files_settle(run->server->files, &run->drafts[i], error);
    if (status == DIFFEDIT_OK)
        status = record_rows(run, error);
    for (int i = 0; i < DRAFTS && status != DIFFEDIT_OK; i++)
        pictures_unsettle(run->server, &run->drafts[i]);
    files_unlock(run->server->files);
    return status;
}

/* ---- the whole ---- */

static diffedit_status call_library(struct run *run, const char *kind, diffedit_error *error)
{
    diffedit_picture *mask = NULL;
    if (strcmp(kind, "edit") == 0)
        return diffedit_edit(&run->made, run->editor, &run->options, error);
    if (strcmp(kind, "inpaint") == 0)
        return diffedit_inpaint(&run->made, run->editor, &run->options, error);
    if (strcmp(kind, "generate") == 0)
        return diffedit_generate(&run->made, run->editor, &run->options, error);
    diffedit_status status = diffedit_find_mask(&mask, run->editor, &run->options, error);
    diffedit_picture_free(mask); /* which is a view of the editor as well */
    return status;
}

static diffedit_status open_all(struct run *run, struct editors *editors, diffedit_error *error)
{
    char text[512];
    const json_t *request = run->job->request;
    diffedit_arithmetic arithmetic;
    int index = models_find(run->server->models, store_text_of(request, "model"));
    if (index < 0)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%.200s: is not among the models any more",
                       store_text_of(request, "model"));
    diffedit_status status = choose_arithmetic(&arithmetic, request, run->server->settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    const editors_task task = {.model = index,
                               .arithmetic = arithmetic,
                               .picture = store_text_of(request, "picture"),
                               .mask = store_text_of(request, "mask"),
                               .correction = store_text_of(request, "correction")};
    status = editors_get(&run->editor, editors, &task, error);
    if (status == DIFFEDIT_OK)
        status = models_open(&run->model, run->server->models, index, arithmetic, error);
    if (status == DIFFEDIT_OK)
        status = fill_options(&run->options, request, run->model, error);
    if (status == DIFFEDIT_OK && diffedit_model_get_warning(text, sizeof text, run->model))
        add_warning(run->job, text);
    return status;
}

static diffedit_status compute(struct run *run, const char *kind, diffedit_error *error)
{
    diffedit_editor_set_progress(run->editor, on_step, run);
    diffedit_editor_set_log(run->editor, on_log, run);
    diffedit_status status = plan(run, kind, error);
    if (status == DIFFEDIT_OK && tell(run, DIFFEDIT_STAGE_TEXT, "text", 0, 1) != 0)
        status = de_fail(error, DIFFEDIT_ERROR_CANCELLED, "the job was stopped");
    if (status == DIFFEDIT_OK)
        status = call_library(run, kind, error);
    diffedit_editor_set_progress(run->editor, NULL, NULL);
    diffedit_editor_set_log(run->editor, NULL, NULL);
    return status;
}

diffedit_status run_job(struct store_job *job, struct server *server, struct editors *editors,
                        run_step_fn step, void *user, diffedit_error *error)
{
    struct run run = {.job = job, .server = server, .step = step, .user = user};
    const char *kind = store_text_of(job->request, "kind");
    diffedit_status status = open_all(&run, editors, error);
    if (status == DIFFEDIT_OK)
        status = compute(&run, kind, error);
    double saving = clock_monotonic();
    if (status == DIFFEDIT_OK && tell(&run, ESTIMATE_SAVE, "save", 0, 1) != 0)
        status = de_fail(error, DIFFEDIT_ERROR_CANCELLED, "the job was stopped");
    if (status == DIFFEDIT_OK && run.made)
        status = save_result(&run, error);
    if (status == DIFFEDIT_OK && strcmp(kind, "generate") != 0)
        status = save_views(&run, error);
    if (status == DIFFEDIT_OK)
        status = record(&run, error);
    if (status == DIFFEDIT_OK)
        learn(&run, clock_monotonic() - saving);
    for (int i = 0; i < DRAFTS; i++)
        files_drop(&run.drafts[i]);
    store_result_free(&run.result);
    diffedit_picture_free(run.made);
    return status;
}
