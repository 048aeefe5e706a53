/* One line of a queue: checked, since anybody may have put it there, and computed. */
#include "work_inside.h"

#include "clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- is it a line? ---- */

static bool is_hex(const char *text, size_t digits)
{
    return text && strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

bool worker_knows_batch(const struct streams_line *line)
{
    enum { BATCH = 32 };
    const char *run = line->fields[STREAMS_RUN];
    return is_hex(line->fields[STREAMS_BATCH], BATCH) &&
           is_hex(line->fields[STREAMS_ID], TASK_ID - 1) && run && strlen(run) < 20;
}

/* Makes it a failed line. Returns false. */
__attribute__((format(printf, 2, 3))) static bool refuse(told *what, const char *format, ...)
{
    diffedit_error sentence;
    va_list values;
    va_start(values, format);
    de_fail_list(&sentence, DIFFEDIT_ERROR_FILE, format, values);
    va_end(values);
    free(what->made.message);
    what->made.message = strdup(sentence.message);
    return false;
}

/* The format that a result's name asks for. NULL: none of ours. */
static const char *format_of(const char *name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    return dot ? perform_format(dot + 1) : NULL;
}

/* Whether the names are names; what they lead to is the depot's to check again. */
static bool names_are_sound(told *what, const struct streams_line *line)
{
    static const enum streams_field names[] = {STREAMS_PICTURE, STREAMS_MASK, STREAMS_CORRECTION,
                                               STREAMS_RESULT, STREAMS_RESULT_MASK};
    diffedit_error error;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *name = line->fields[names[i]];
        if (name && depot_check_name(name, &error) != DIFFEDIT_OK)
            return refuse(what, "%s", error.message);
    }
    if (!line->fields[STREAMS_PICTURE] || !line->fields[STREAMS_RESULT_MASK] ||
        !format_of(line->fields[STREAMS_RESULT]))
        return refuse(what, "the queue names no picture, or no result that ends in .png, .jpg, "
                            ".webp or .tif");
    return true;
}

/* Whether this worker is the one that the batch wants. */
static bool model_fits(told *what, const struct worker *worker, const struct streams_line *line,
                       diffedit_arithmetic *arithmetic)
{
    const char *wanted = line->fields[STREAMS_MODEL], *how = line->fields[STREAMS_ARITHMETIC];
    *arithmetic = worker->model_settings.arithmetic;
    if (!wanted || strcmp(wanted, worker->model_text) != 0)
        return refuse(what, "the batch wants the model %.150s, and the worker %s has %.150s",
                      wanted ? wanted : "?", worker->name, worker->model_text);
    static const diffedit_arithmetic all[] = {DIFFEDIT_ARITHMETIC_EXACT, DIFFEDIT_ARITHMETIC_QUICK};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (how && strcmp(how, diffedit_arithmetic_name(all[i])) == 0)
            *arithmetic = all[i];
    bool known = how && strcmp(how, diffedit_arithmetic_name(*arithmetic)) == 0;
    if (known && (!worker->settings->one_arithmetic ||
                  *arithmetic == worker->settings->model_settings->arithmetic))
        return true;
    return refuse(what, "the batch wants %.40s arithmetic, and the worker %s has %s",
                  how ? how : "no", worker->name,
                  diffedit_arithmetic_name(worker->settings->model_settings->arithmetic));
}

static bool line_is_sound(told *what, json_t **task, const struct worker *worker,
                          const struct streams_line *line)
{
    char id[TASK_ID];
    diffedit_error error;
    const char *text = line->fields[STREAMS_TASK];
    if (line->tries > worker->settings->tries)
        return refuse(what,
                      "was tried %d times, and each time its worker fell silent before it was done",
                      worker->settings->tries);
    if (!text)
        return refuse(what, "the queue has no task for it");
    task_name(id, text);
    if (strcmp(id, line->fields[STREAMS_ID]) != 0)
        return refuse(what, "the queue has another task for it, %s", id);
    if (task_read(task, text, &error) != DIFFEDIT_OK)
        return refuse(what, "%s", error.message);
    return names_are_sound(what, line);
}

/* ---- results that are there ---- */

static diffedit_status note_out(struct worker *worker, diffedit_status status)
{
    if (status != DIFFEDIT_OK && status != DIFFEDIT_ERROR_CANCELLED)
        worker->depot_is_out = depot_is_out(worker->depot);
    return status;
}

/* The bytes of a file of the depot. What is wrong with the file is FILE without depot_is_out. */
static diffedit_status read_there(void **bytes, size_t *size, struct worker *worker,
                                  const char *name, diffedit_error *error)
{
    bool there;
    diffedit_status status = note_out(
        worker, depot_read(bytes, size, worker->depot, name, DEPOT_FILE, error));
    if (status == DIFFEDIT_ERROR_FILE && !worker->depot_is_out)
        worker->missed = depot_has(&there, worker->depot, name, NULL) == DIFFEDIT_OK && !there;
    return status;
}

/* A picture that lies in the depot. What is wrong with the file is FILE without depot_is_out. */
static diffedit_status open_there(diffedit_picture **picture, struct worker *worker,
                                  const char *name, diffedit_error *error)
{
    void *bytes;
    size_t size;
    diffedit_status status = read_there(&bytes, &size, worker, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = diffedit_picture_decode(picture, bytes, size, name, worker->settings->max_pixels,
                                     error);
    free(bytes);
    return status;
}

/* The share of a mask's pixels that are to change; 0: memory. */
static double share_of(const diffedit_picture *mask)
{
    size_t pixels = (size_t)diffedit_picture_width(mask) * (size_t)diffedit_picture_height(mask);
    uint8_t *values = malloc(pixels);
    double sum = 0;
    if (values && diffedit_picture_to_mask(values, mask, NULL) == DIFFEDIT_OK)
        for (size_t i = 0; i < pixels; i++)
            sum += values[i] != 0;
    free(values);
    return pixels > 0 ? sum / (double)pixels : 0;
}

/* Tells of a result that somebody made before, and whose report got lost, or has a twin. How long
 * it took is not known any more. */
static diffedit_status tell_of_result(told *what, struct worker *worker,
                                      const struct streams_line *line, diffedit_error *error)
{
    diffedit_picture *result = NULL, *mask = NULL;
    diffedit_status status = open_there(&result, worker, line->fields[STREAMS_RESULT], error);
    if (status == DIFFEDIT_OK) {
        what->made.width = diffedit_picture_width(result);
        what->made.height = diffedit_picture_height(result);
        status = note_out(worker, depot_has(&what->has_mask, worker->depot,
                                            line->fields[STREAMS_RESULT_MASK], error));
    }
    if (status == DIFFEDIT_OK && what->has_mask)
        status = open_there(&mask, worker, line->fields[STREAMS_RESULT_MASK], error);
    if (mask)
        what->made.mask_share = share_of(mask);
    diffedit_picture_free(result);
    diffedit_picture_free(mask);
    return status;
}

/* ---- computing ---- */

struct computing {
    struct worker *worker;
    const struct streams_line *line;
    const json_t *task;
};

static diffedit_status open_file(void *user, const char *which, diffedit_picture **picture,
                                 diffedit_error *error)
{
    const struct computing *at = user;
    struct worker *worker = at->worker;
    enum streams_field field = strcmp(which, "picture") == 0 ? STREAMS_PICTURE
                               : strcmp(which, "mask") == 0  ? STREAMS_MASK
                                                             : STREAMS_CORRECTION;
    const char *name = at->line->fields[field];
    void *bytes;
    size_t size;
    if (!name)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "the queue names no %s", which);
    diffedit_status status = read_there(&bytes, &size, worker, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = perform_decode(picture, bytes, size, task_file(at->task, which), name,
                            worker->settings->max_pixels, error);
    free(bytes);
    return status;
}

static bool on_step(void *user)
{
    const struct computing *at = user;
    return at->worker->settings->interrupted();
}

/* Sets how results are written. */
static void set_format(perform_settings *perform, const struct streams_line *line)
{
    const char *quality = line->fields[STREAMS_QUALITY], *record = line->fields[STREAMS_RECORD];
    long number = quality ? strtol(quality, NULL, 10) : 0;
    perform->format = format_of(line->fields[STREAMS_RESULT]);
    perform->quality = number >= 1 && number <= 100 ? (int)number : 0;
    perform->no_record = record && strcmp(record, "no") == 0;
}

/* Adds a file, and tries for some minutes where the depot is out: the work of minutes is in it. */
static diffedit_status add_file(struct worker *worker, const char *name, const void *bytes,
                                size_t size, diffedit_error *error)
{
    const double longest = 300;
    double begin = clock_monotonic(), pause = 1;
    for (;; pause = fmin(2 * pause, 30)) {
        bool added;
        diffedit_status status = note_out(
            worker, depot_add(&added, worker->depot, name, bytes, size, error));
        if (status == DIFFEDIT_OK || status == DIFFEDIT_ERROR_CANCELLED || !worker->depot_is_out ||
            clock_monotonic() - begin > longest)
            return status;
        worker_say("%s; trying again", error->message);
        worker->depot_is_out = false;
        worker_rest(worker, pause);
        if (worker->settings->interrupted())
            return de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    }
}

/* Puts the files into the depot, the result last: where it is, all is. */
static diffedit_status add_files(told *what, struct worker *worker, const struct streams_line *line,
                                 diffedit_error *error)
{
    outcome *made = &what->made;
    diffedit_status status = DIFFEDIT_OK;
    what->has_mask = made->mask_bytes != NULL;
    if (made->mask_bytes)
        status = add_file(worker, line->fields[STREAMS_RESULT_MASK], made->mask_bytes,
                          made->mask_size, error);
    if (status == DIFFEDIT_OK)
        status = add_file(worker, line->fields[STREAMS_RESULT], made->result_bytes,
                          made->result_size, error);
    return status;
}

static diffedit_status compute(told *what, struct worker *worker, const struct streams_line *line,
                               const json_t *task, diffedit_error *error)
{
    struct computing at = {worker, line, task};
    const perform_calls calls = {.open = open_file, .step = on_step, .user = &at};
    set_format(&worker->perform, line);
    diffedit_status status = perform(&what->made, worker->performer, task, &calls, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (worker->depot_is_out)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s",
                       what->made.message ? what->made.message : "the depot cannot be reached");
    outcome_encode(&what->made, &worker->perform);
    return what->made.message ? DIFFEDIT_OK : add_files(what, worker, line, error);
}

diffedit_status worker_treat(told *what, struct worker *worker, const struct streams_line *line,
                             diffedit_error *error)
{
    json_t *task = NULL;
    diffedit_arithmetic arithmetic;
    bool there = false;
    *what = (told){.tries = (int)line->tries};
    snprintf(what->worker, sizeof what->worker, "%s", worker->name);
    worker->depot_is_out = worker->missed = false;
    if (!line_is_sound(what, &task, worker, line) || !model_fits(what, worker, line, &arithmetic)) {
        json_decref(task);
        return what->made.message ? DIFFEDIT_OK : de_fail_memory(error, 1, "a sentence");
    }
    diffedit_status status = note_out(
        worker, depot_has(&there, worker->depot, line->fields[STREAMS_RESULT], error));
    if (status == DIFFEDIT_OK && there)
        status = tell_of_result(what, worker, line, error);
    if (status == DIFFEDIT_OK && !there && arithmetic != worker->model_settings.arithmetic)
        status = worker_open_model(worker, arithmetic, error);
    if (status == DIFFEDIT_OK && !there)
        status = compute(what, worker, line, task, error);
    json_decref(task);
    /* a file that is wrong, and not the depot: that is the line's own */
    if (status == DIFFEDIT_OK || status == DIFFEDIT_ERROR_CANCELLED || worker->depot_is_out ||
        !worker->performer || diffedit_model_is_lost(worker->model))
        return status;
    refuse(what, "%s", error->message);
    return what->made.message ? DIFFEDIT_OK : status;
}
