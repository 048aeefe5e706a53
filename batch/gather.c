/* From a list to a ledger. */
#include "course.h"

#include "lines.h"
#include "pie_mask.h"
#include "pie_mask_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct gathering {
    course *run;
    char *folder;  /* of the list, absolute */
    int64_t lines; /* read */
} gathering;

/* A line's file; "" where it has none. */
typedef struct named_file {
    char *path; /* absolute; NULL: none */
    char hash[TASK_HASH];
} named_file;

static char *join(const char *folder, const char *path)
{
    size_t size = strlen(folder) + strlen(path) + 2;
    char *joined = malloc(size);
    if (joined)
        snprintf(joined, size, "%s%s%s", path[0] == '/' ? "" : folder, path[0] == '/' ? "" : "/",
                 path);
    return joined;
}

/* The absolute folder of a path; freed by the caller. Errors: FILE, MEMORY. */
static diffedit_status find_folder(char **folder, const char *path, diffedit_error *error)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "the current folder cannot be found: %s",
                       strerror(errno));
    *folder = join(here, path);
    if (!*folder)
        return de_fail_memory(error, strlen(path), "a path");
    *strrchr(*folder, '/') = '\0';
    return DIFFEDIT_OK;
}

/* ---- files ---- */

/* The hash of a file: as it was noted, where it has not changed since. */
static diffedit_status hash_file(named_file *file, const gathering *at, diffedit_error *error)
{
    struct stat found = {.st_size = 0};
    struct ledger *ledger = at->run->ledger;
    bool there = stat(file->path, &found) == 0 && S_ISREG(found.st_mode);
    /* not its time of modification, which whoever replaces a file may set to what it was */
    int64_t changed = (int64_t)found.st_ctim.tv_sec * 1000000000 + found.st_ctim.tv_nsec;
    if (there && ledger_known_file(file->hash, ledger, file->path, found.st_size, changed))
        return DIFFEDIT_OK;
    diffedit_status status = task_hash_file(file->hash, file->path, at->run->settings->interrupted,
                                            error);
    return status == DIFFEDIT_OK
               ? ledger_note_file(ledger, file->path, found.st_size, changed, file->hash, error)
               : status;
}

/* The file in a field of a line. One that cannot be read is `missing`, and `failure` says why.
 * Errors: CANCELLED, MEMORY. */
static diffedit_status find_file(named_file *file, const gathering *at, const batch_line *line,
                                 int field, const char **missing, diffedit_error *failure,
                                 diffedit_error *error)
{
    diffedit_error reason;
    if (!line->values[field])
        return DIFFEDIT_OK;
    file->path = join(at->folder, line->values[field]);
    if (!file->path)
        return de_fail_memory(error, 1, "a path");
    diffedit_status status = hash_file(file, at, &reason);
    if (status == DIFFEDIT_ERROR_CANCELLED || status == DIFFEDIT_ERROR_MEMORY)
        return de_fail(error, status, "%s", reason.message);
    if (status != DIFFEDIT_OK && !*missing) {
        *missing = line->values[field];
        *failure = reason;
    }
    return DIFFEDIT_OK;
}

/* The true mask of a line, in the place of one that it does not give. Errors: as find_file();
 * ARGUMENT: run lengths that are none; FILE: they cannot be written. */
static diffedit_status use_true_mask(named_file *file, const gathering *at, const batch_line *line,
                                     const char **missing, diffedit_error *failure,
                                     diffedit_error *error)
{
    diffedit_error reason;
    const char *truth = line->values[LINE_TRUE_MASK];
    if (!truth || line->values[LINE_MASK] || !at->run->settings->use_masks)
        return DIFFEDIT_OK;
    if (!pie_mask_is(truth))
        return find_file(file, at, line, LINE_TRUE_MASK, missing, failure, error);
    diffedit_status status = pie_mask_file(&file->path, file->hash, at->run->outdir, truth,
                                           &reason);
    if (status == DIFFEDIT_OK)
        return status;
    const char *where = status == DIFFEDIT_ERROR_ARGUMENT ? "`true-mask`: " : "";
    return de_fail(error, status, "%s%.400s", where, reason.message);
}

/* ---- lines ---- */

static diffedit_status add_line(gathering *at, const batch_line *line, named_file files[3],
                                diffedit_error *error)
{
    static const int fields[] = {LINE_PICTURE, LINE_MASK, LINE_CORRECTION};
    diffedit_error failure;
    task_text task;
    task_files hashes = {.missing = NULL};
    char *hash[] = {hashes.picture, hashes.mask, hashes.correction};
    for (int i = 0; i < 3; i++) {
        diffedit_status status = find_file(&files[i], at, line, fields[i], &hashes.missing,
                                           &failure, error);
        if (status == DIFFEDIT_OK && fields[i] == LINE_MASK)
            status = use_true_mask(&files[i], at, line, &hashes.missing, &failure, error);
        if (status != DIFFEDIT_OK)
            return status;
        memcpy(hash[i], files[i].hash, TASK_HASH);
    }
    diffedit_status status = task_make(&task, line, at->run->settings->defaults, &hashes, error);
    if (status != DIFFEDIT_OK)
        return status;
    const char *truth = line->values[LINE_TRUE_MASK];
    char *true_mask = truth && !pie_mask_is(truth) ? join(at->folder, truth) : NULL;
    const ledger_line row = {.number = line->number,
                             .task_id = task.id,
                             .name = line->values[LINE_PICTURE],
                             .picture_path = files[0].path,
                             .mask_path = files[1].path,
                             .correction_path = files[2].path,
                             .true_mask = true_mask ? true_mask : truth,
                             .category = line->values[LINE_CATEGORY]};
    status = ledger_add(at->run->ledger, &row, task.text,
                        hashes.picture[0] ? hashes.picture : row.picture_path, task.kin,
                        hashes.missing ? failure.message : NULL, error);
    free(true_mask);
    free(task.text);
    return status;
}

/* Whether a line belongs to another shard: lines of one picture stay together. */
static diffedit_status is_others(bool *others, const gathering *at, const char *picture,
                                 diffedit_error *error)
{
    const batch_settings *settings = at->run->settings;
    *others = false;
    if (settings->shards <= 1)
        return DIFFEDIT_OK;
    int64_t place = ledger_place(at->run->ledger, picture, error);
    *others = place % settings->shards != settings->shard - 1;
    return place < 0 ? DIFFEDIT_ERROR_FILE : DIFFEDIT_OK;
}

static diffedit_status on_line(void *user, batch_line *line, diffedit_error *error)
{
    gathering *at = user;
    named_file files[3] = {{.path = NULL}};
    bool others;
    report_reading(&at->run->report, ++at->lines);
    if (!line->values[LINE_PICTURE])
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "has no `picture`");
    diffedit_status status = is_others(&others, at, line->values[LINE_PICTURE], error);
    if (status == DIFFEDIT_OK && !others)
        status = add_line(at, line, files, error);
    for (int i = 0; i < 3; i++)
        free(files[i].path);
    return status;
}

/* ---- results that are gone ---- */

typedef struct gone {
    const course *run;
    char (*ids)[TASK_ID]; /* [count] */
    size_t count, room;
} gone;

static diffedit_status look(void *user, const ledger_line *line, const ledger_task *task,
                            diffedit_error *error)
{
    gone *list = user;
    (void)line;
    if (task->state != LEDGER_DONE || !task->result ||
        (outdir_has(list->run->outdir, task->result) &&
         (!task->mask || outdir_has(list->run->outdir, task->mask))))
        return DIFFEDIT_OK;
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        char(*grown)[TASK_ID] = realloc(list->ids, room * sizeof *grown);
        if (!grown)
            return de_fail_memory(error, room * sizeof *grown, "a list");
        list->ids = grown;
        list->room = room;
    }
    snprintf(list->ids[list->count++], TASK_ID, "%s", task->id);
    return DIFFEDIT_OK;
}

/* Tasks whose results somebody removed wait again. */
static diffedit_status miss_results(course *run, diffedit_error *error)
{
    gone list = {.run = run};
    diffedit_status status = ledger_each_line(run->ledger, look, &list, error);
    for (size_t i = 0; i < list.count && status == DIFFEDIT_OK; i++)
        status = ledger_again(run->ledger, list.ids[i], error);
    free(list.ids);
    return status;
}

/* ---- the whole ---- */

diffedit_status gather_list(course *run, diffedit_error *error)
{
    gathering at = {.run = run};
    diffedit_status status = find_folder(&at.folder, run->settings->edits, error);
    if (status == DIFFEDIT_OK)
        status = ledger_begin_list(run->ledger, error);
    if (status == DIFFEDIT_OK)
        status = ledger_begin(run->ledger, error);
    if (status == DIFFEDIT_OK) {
        diffedit_error reason;
        status = lines_read(run->settings->edits, run->settings->interrupted, on_line, &at, error);
        /* hashes that took long stay known, whatever came of the list */
        diffedit_status kept = ledger_end(run->ledger, DIFFEDIT_OK, &reason);
        if (status == DIFFEDIT_OK && kept != DIFFEDIT_OK)
            status = de_fail(error, kept, "%s", reason.message);
    }
    if (status == DIFFEDIT_OK)
        status = ledger_begin(run->ledger, error);
    if (status == DIFFEDIT_OK) {
        status = ledger_end_list(run->ledger, error);
        if (status == DIFFEDIT_OK && run->outdir)
            status = miss_results(run, error);
        status = ledger_end(run->ledger, status, error);
    }
    free(at.folder);
    return status;
}
