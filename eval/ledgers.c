#include "ledgers.h"

#include "ledger.h"
#include "task.h"

#include "common/join_path.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    figures *to;
    const char *path; /* of the ledger */
} reading;

/* ---- one line ---- */

/* Copies a text; false: memory is short. */
static bool copy(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return !text || *to;
}

/* A name that batch gives its results, and no path to anything else. */
static bool is_plain(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/');
}

static bool copy_texts(figures_row *row, const ledger_line *line, const ledger_task *task)
{
    json_t *text = json_loads(task->task ? task->task : "", 0, NULL);
    const json_t *options = json_object_get(text, "options");
    bool copied = copy(&row->id, task->id) && copy(&row->name, line->name) &&
                  copy(&row->category, line->category) &&
                  copy(&row->from, json_string_value(json_object_get(options, "from"))) &&
                  copy(&row->to, json_string_value(json_object_get(options, "to"))) &&
                  copy(&row->picture, line->picture_path) && copy(&row->truth, line->true_mask) &&
                  copy(&row->result, task->result) && copy(&row->mask, task->mask) &&
                  copy(&row->picture_hash, json_string_value(json_object_get(text, "picture"))) &&
                  copy(&row->result_hash, task->sha256) && copy(&row->message, task->message);
    json_decref(text);
    return copied;
}

static row_state state_of(const ledger_task *task)
{
    return task->state == LEDGER_DONE     ? ROW_MEASURED
           : task->state == LEDGER_FAILED ? ROW_FAILED
                                          : ROW_WAITING;
}

/* The id of a task, as task_name() makes it. */
static bool is_id(const char *text)
{
    return strlen(text) == TASK_ID - 1 && strspn(text, "0123456789abcdef") == TASK_ID - 1;
}

/* What is not true of any ledger that batch wrote. */
static bool is_strange(const ledger_line *line, const ledger_task *task)
{
    return !line->name || !line->picture_path || !task->id || !is_id(task->id) || !task->task ||
           (task->state == LEDGER_DONE && (!task->result || !is_plain(task->result))) ||
           (task->mask && !is_plain(task->mask));
}

static diffedit_status on_line(void *user, const ledger_line *line, const ledger_task *task,
                               diffedit_error *error)
{
    const reading *at = user;
    if (is_strange(line, task))
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "%.300s: line %" PRId64 " lacks a path, its task, or the plain name of a "
                       "result; the file is damaged",
                       at->path, line->number);
    figures_row *row = figures_add(at->to);
    if (!row || !copy_texts(row, line, task))
        return de_fail_memory(error, sizeof *row, "a line");
    row->number = line->number;
    row->state = state_of(task);
    if (row->state == ROW_MEASURED && task->seconds > 0) { /* else nobody knows */
        row->values[COLUMN_SECONDS] = task->seconds;
        row->values[COLUMN_EVALUATIONS] = (double)task->evaluations;
    }
    return DIFFEDIT_OK;
}

/* ---- the folder ---- */

static bool is_ledger(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "batch", 5) == 0 && length > 7 && strcmp(name + length - 3, ".db") == 0 &&
           (name[5] == '.' || name[5] == '-');
}

static diffedit_status read_one(figures *to, const char *name, diffedit_error *error)
{
    struct ledger *ledger;
    char *path = de_join_path(to->folder, name);
    if (!path)
        return de_fail_memory(error, strlen(name), "a path");
    reading at = {to, path};
    diffedit_status status = ledger_open_to_read(&ledger, path, error);
    if (status == DIFFEDIT_OK) {
        status = ledger_each_line(ledger, on_line, &at, error);
        ledger_close(ledger);
    }
    free(path);
    return status;
}

/* Leaves one row of each number: measured before failed before waiting. */
static diffedit_status drop_doubles(figures *of, diffedit_error *error)
{
    size_t kept = 0;
    int64_t differs = 0;
    for (size_t i = 0; i < of->count; i++) {
        figures_row *row = &of->rows[i], *last = kept ? &of->rows[kept - 1] : NULL;
        if (!last || last->number != row->number) {
            of->rows[kept++] = *row;
            continue;
        }
        if (strcmp(last->id, row->id) != 0)
            differs = row->number;
        figures_row worse = row->state < last->state ? *last : *row;
        *last = row->state < last->state ? *row : *last;
        figures_row_free(&worse);
    }
    of->count = kept;
    if (!differs)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_FILE,
                   "%.300s: its ledgers (batch*.db) are of different lists: line %" PRId64
                   " is not the same edit in all of them",
                   of->folder, differs);
}

diffedit_status ledgers_read(figures *to, diffedit_error *error)
{
    DIR *folder = opendir(to->folder);
    const struct dirent *entry;
    int found = 0;
    if (!folder)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be read: %s", to->folder,
                       strerror(errno));
    diffedit_status status = DIFFEDIT_OK;
    while (status == DIFFEDIT_OK && (entry = readdir(folder)))
        if (is_ledger(entry->d_name)) {
            status = read_one(to, entry->d_name, error);
            found++;
        }
    closedir(folder);
    if (status == DIFFEDIT_OK && found == 0)
        status = de_fail(error, DIFFEDIT_ERROR_FILE,
                         "%.300s: expected a folder that `diffedit batch` wrote, found no batch.db "
                         "in it",
                         to->folder);
    if (status == DIFFEDIT_OK && to->count == 0)
        status = de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: the batch has no lines", to->folder);
    figures_sort(to);
    return status == DIFFEDIT_OK ? drop_doubles(to, error) : status;
}
