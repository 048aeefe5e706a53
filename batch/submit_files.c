/* The files of a batch at a queue: where workers find them, and where their results are found. */
#include "submit_inside.h"

#include "common/read_all.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 1, 2))) static char *text_of(const char *format, ...)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    va_list values;
    va_start(values, format);
    vfprintf(to, format, values);
    va_end(values);
    return fclose(to) == 0 ? text : NULL;
}

/* ---- names ---- */

diffedit_status submit_open_depot(struct submit *submit, diffedit_error *error)
{
    char *folder;
    const batch_settings *settings = submit->run->settings;
    diffedit_status status = depot_open(&submit->depot, settings->root, error);
    if (status == DIFFEDIT_OK)
        status = depot_name_of(&folder, submit->depot, outdir_folder(submit->run->outdir), error);
    if (status != DIFFEDIT_OK)
        return status;
    submit->shared = folder;
    submit->prefix = folder ? text_of("%s%s.batch-%s-", folder, *folder ? "/" : "", submit->batch)
                            : text_of("results/%s/", submit->batch);
    free(folder);
    return submit->prefix ? DIFFEDIT_OK : de_fail_memory(error, 1, "a name");
}

static char *result_name(const struct submit *submit, const char *id)
{
    return text_of("%s%s%s", submit->prefix, id, perform_format(submit->run->settings->format));
}

static char *mask_name(const struct submit *submit, const char *id)
{
    return text_of("%s%s-mask.png", submit->prefix, id);
}

void submit_remove_files(const struct submit *submit, const char *id)
{
    char *names[] = {result_name(submit, id), mask_name(submit, id)};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *file = names[i] ? strrchr(names[i], '/') : NULL;
        char *path = names[i] ? outdir_path(submit->run->outdir, file ? file + 1 : names[i]) : NULL;
        if (path && submit->shared)
            unlink(path);
        free(path);
        free(names[i]);
    }
}

/* ---- what a worker reads ---- */

/* Puts a file into a store, under its hash, unless it is there. What is wrong with the file is FILE
 * without the depot being out. */
static diffedit_status upload(struct submit *submit, const char *name, const char *path,
                              const char *hash, diffedit_error *error)
{
    bool there;
    void *bytes;
    size_t size;
    char found[TASK_HASH];
    if (strcmp(hash, submit->uploaded) == 0)
        return DIFFEDIT_OK;
    diffedit_status status = depot_has(&there, submit->depot, name, error);
    if (status != DIFFEDIT_OK || there)
        return status;
    status = de_read_file(&bytes, &size, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    task_hash(found, bytes, size);
    status = strcmp(found, hash) == 0 ? depot_add(&there, submit->depot, name, bytes, size, error)
                                      : de_fail(error, DIFFEDIT_ERROR_FILE,
                                                "%.300s: is not the file that the list had", path);
    free(bytes);
    return status;
}

/* The name under which a worker finds a file of a task. */
static diffedit_status place(char **name, struct submit *submit, const char *path, const char *hash,
                             diffedit_error *error)
{
    *name = NULL;
    if (submit->shared)
        return depot_name_of(name, submit->depot, path, error);
    *name = text_of("pictures/%s", hash);
    diffedit_status status = *name ? upload(submit, *name, path, hash, error)
                                   : de_fail_memory(error, 1, "a name");
    if (status == DIFFEDIT_OK)
        snprintf(submit->uploaded, sizeof submit->uploaded, "%s", hash);
    return status;
}

static diffedit_status place_all(struct streams_line *line, struct submit *submit,
                                 const ledger_item *item, const json_t *task, diffedit_error *error)
{
    const struct {
        const char *which, *path;
        enum streams_field field;
    } files[] = {{"picture", item->picture_path, STREAMS_PICTURE},
                 {"mask", item->mask_path, STREAMS_MASK},
                 {"correction", item->correction_path, STREAMS_CORRECTION}};
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && status == DIFFEDIT_OK; i++) {
        const char *hash = task_file(task, files[i].which);
        if (hash && files[i].path)
            status = place(&line->fields[files[i].field], submit, files[i].path, hash, error);
    }
    return status;
}

static diffedit_status fill(struct streams_line *line, const struct submit *submit,
                            const ledger_item *item, diffedit_error *error)
{
    const batch_settings *settings = submit->run->settings;
    char **fields = line->fields;
    fields[STREAMS_BATCH] = strdup(submit->batch);
    fields[STREAMS_ID] = strdup(item->id);
    fields[STREAMS_RUN] = strdup(submit->number);
    fields[STREAMS_TASK] = strdup(item->task);
    fields[STREAMS_MODEL] = strdup(submit->model);
    fields[STREAMS_ARITHMETIC] = strdup(
        diffedit_arithmetic_name(settings->model_settings->arithmetic));
    fields[STREAMS_QUALITY] = strdup(submit->quality);
    fields[STREAMS_RECORD] = strdup(settings->no_record ? "no" : "yes");
    fields[STREAMS_RESULT] = result_name(submit, item->id);
    fields[STREAMS_RESULT_MASK] = mask_name(submit, item->id);
    for (int i = 0; i < STREAMS_FIELDS; i++)
        if (!fields[i] && i != STREAMS_PICTURE && i != STREAMS_MASK && i != STREAMS_CORRECTION)
            return de_fail_memory(error, STREAMS_FIELDS, "a line");
    return DIFFEDIT_OK;
}

/* What is too long for a queue, as a sentence; NULL: nothing, or memory. */
static char *find_too_long(const struct streams_line *line)
{
    for (int i = 0; i < STREAMS_FIELDS; i++)
        if (line->fields[i] && strlen(line->fields[i]) > STREAMS_LONGEST)
            return text_of("the %s has %zu bytes, and a queue takes at most %d",
                           streams_field_names[i], strlen(line->fields[i]), STREAMS_LONGEST);
    return NULL;
}

diffedit_status submit_make_line(struct streams_line *line, char **failure, struct submit *submit,
                                 const ledger_item *item, diffedit_error *error)
{
    json_t *task;
    *line = (struct streams_line){0};
    *failure = NULL;
    diffedit_status status = task_read(&task, item->task, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = fill(line, submit, item, error);
    if (status == DIFFEDIT_OK)
        *failure = find_too_long(line);
    if (status == DIFFEDIT_OK && !*failure) {
        status = place_all(line, submit, item, task, error);
        submit->out = status == DIFFEDIT_ERROR_FILE && depot_is_out(submit->depot);
        if (status == DIFFEDIT_ERROR_FILE && !submit->out) {
            *failure = strdup(error->message);
            status = *failure ? DIFFEDIT_OK : DIFFEDIT_ERROR_MEMORY;
        }
    }
    json_decref(task);
    if (status != DIFFEDIT_OK || *failure)
        streams_line_free(line);
    return status;
}

/* ---- what a worker wrote ---- */

static diffedit_status get(void **bytes, size_t *size, bool *there, struct submit *submit,
                           char *name, diffedit_error *error)
{
    diffedit_status status = name ? depot_has(there, submit->depot, name, error)
                                  : de_fail_memory(error, 1, "a name");
    if (status == DIFFEDIT_OK && *there)
        status = depot_read(bytes, size, submit->depot, name, DEPOT_FILE, error);
    free(name);
    return status;
}

diffedit_status submit_get_files(bool *there, diffedit_error *reason, told *what,
                                 struct submit *submit, const char *id, diffedit_error *error)
{
    outcome *made = &what->made;
    *reason = (diffedit_error){.code = DIFFEDIT_OK};
    diffedit_status status = get(&made->result_bytes, &made->result_size, there, submit,
                                 result_name(submit, id), error);
    if (status == DIFFEDIT_OK && *there && what->has_mask)
        status = get(&made->mask_bytes, &made->mask_size, there, submit, mask_name(submit, id),
                     error);
    submit->out = status == DIFFEDIT_ERROR_FILE && depot_is_out(submit->depot);
    if (status == DIFFEDIT_ERROR_FILE && !submit->out) {
        *there = false;
        *reason = *error;
        status = DIFFEDIT_OK;
    }
    return status;
}

void submit_drop_files(told *what)
{
    free(what->made.result_bytes);
    free(what->made.mask_bytes);
    what->made.result_bytes = what->made.mask_bytes = NULL;
}
