#include "batch.h"

#include "clock.h"
#include "course.h"
#include "model_text.h"
#include "submit.h"

#include "common/join_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what a folder's results have in common ---- */

/* Notes a value that a folder's results have in common, where the run is not dry; another one is
 * refused as soon as the folder has some. */
static diffedit_status hold(struct ledger *ledger, const batch_settings *settings, const char *what,
                            const char *value, diffedit_error *error)
{
    char *there = ledger_get(ledger, what);
    bool same = there && strcmp(there, value) == 0;
    diffedit_status status = DIFFEDIT_OK;
    if (there && !same && ledger_has_results(ledger))
        status = de_fail(error, DIFFEDIT_ERROR_FILE,
                         "%.150s: holds results of another %s, %.120s, than %.120s; name another "
                         "folder with `output`",
                         settings->output, what, there, value);
    else if (!same && !settings->dry_run)
        status = ledger_set(ledger, what, value, error);
    free(there);
    return status;
}

static diffedit_status hold_all(struct ledger *ledger, const batch_settings *settings,
                                diffedit_error *error)
{
    char format[64];
    char *model = NULL;
    diffedit_status status = model_text(&model, settings->model_name, settings->model_path,
                                        settings->model_settings, error);
    if (status == DIFFEDIT_OK)
        status = hold(ledger, settings, "model", model, error);
    if (status == DIFFEDIT_OK)
        status = hold(ledger, settings, "arithmetic",
                      diffedit_arithmetic_name(settings->model_settings->arithmetic), error);
    snprintf(format, sizeof format, "%s quality %d%s", settings->format, settings->quality,
             settings->no_record ? " without parameters" : "");
    if (status == DIFFEDIT_OK)
        status = hold(ledger, settings, "format", format, error);
    free(model);
    return status;
}

/* ---- opening ---- */

/* "batch", or "batch-1-of-4" */
static void name_batch(char name[64], const batch_settings *settings)
{
    if (settings->shards > 0)
        snprintf(name, 64, "batch-%d-of-%d", settings->shard, settings->shards);
    else
        snprintf(name, 64, "batch");
}

static void name_ledger(char file[80], const batch_settings *settings)
{
    char name[64];
    name_batch(name, settings);
    snprintf(file, 80, "%s.db", name);
}

static diffedit_status open_course(course *run, diffedit_error *error)
{
    char name[64], file[80];
    if (run->settings->dry_run)
        return ledger_open(&run->ledger, "", error); /* a file that SQLite removes */
    name_batch(name, run->settings);
    diffedit_status status = outdir_open(&run->outdir, run->settings->output, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    name_ledger(file, run->settings);
    char *path = outdir_path(run->outdir, file);
    status = path ? ledger_open(&run->ledger, path, error)
                  : de_fail_memory(error, sizeof file, "a path");
    free(path);
    return status == DIFFEDIT_OK ? hold_all(run->ledger, run->settings, error) : status;
}

static void close_course(course *run)
{
    report_end(&run->report);
    ledger_close(run->ledger);
    outdir_close(run->outdir);
}

/* ---- the end ---- */

static diffedit_status write_table(batch_summary *summary, course *run, diffedit_error *error)
{
    char name[64], file[96];
    name_batch(name, run->settings);
    snprintf(file, sizeof file, "results%s.csv", name + strlen("batch"));
    diffedit_status status = table_write(run, file, error);
    char *path = status == DIFFEDIT_OK ? outdir_path(run->outdir, file) : NULL;
    if (path)
        snprintf(summary->results, sizeof summary->results, "%s", path);
    free(path);
    return status;
}

/* Fills the summary of a run that ended with `status`, which is returned unless it is OK. */
static diffedit_status sum_up(batch_summary *summary, course *run, diffedit_status status,
                              diffedit_error *error)
{
    ledger_counts counts;
    diffedit_error reason;
    diffedit_status summed = ledger_count(&counts, run->ledger, &reason);
    summary->lines = counts.lines;
    summary->done = counts.lines_done;
    summary->failed = counts.lines_failed;
    summary->tasks = counts.tasks;
    summary->waiting = counts.waiting;
    if (summed == DIFFEDIT_OK && run->outdir)
        summed = write_table(summary, run, &reason);
    if (summed == DIFFEDIT_OK)
        summed = table_say_failed(run, &reason);
    if (status != DIFFEDIT_OK || summed == DIFFEDIT_OK)
        return status;
    return de_fail(error, reason.code, "%s", reason.message);
}

/* A dry run looks at what the folder has, if it is there. */
static diffedit_status take_done(course *run, diffedit_error *error)
{
    char file[80];
    const char *folder = run->settings->output;
    if (!run->settings->dry_run || !folder)
        return DIFFEDIT_OK;
    name_ledger(file, run->settings);
    char *path = de_join_path(folder, file);
    if (!path)
        return de_fail_memory(error, sizeof file, "a path");
    struct ledger *there = NULL;
    bool exists = access(path, F_OK) == 0;
    diffedit_status status = exists ? ledger_open_to_read(&there, path, error) : DIFFEDIT_OK;
    if (there) {
        status = hold_all(there, run->settings, error);
        ledger_close(there);
        if (status == DIFFEDIT_OK)
            status = ledger_take_done(run->ledger, path, error);
    }
    free(path);
    return status;
}

static diffedit_status run_list(batch_summary *summary, course *run, diffedit_error *error)
{
    ledger_counts before;
    diffedit_status status = gather_list(run, error);
    if (status == DIFFEDIT_OK)
        status = take_done(run, error);
    if (status == DIFFEDIT_OK)
        status = ledger_count(&before, run->ledger, error);
    if (status == DIFFEDIT_OK)
        status = ledger_plan(&run->planned, run->ledger, run->settings->limit, error);
    if (status != DIFFEDIT_OK)
        return status;
    summary->before = before.lines_done;
    bool stops = run->settings->stop && before.lines_failed > 0; /* by a file that is missing */
    if (run->planned > 0 && !run->settings->dry_run && !stops)
        status = run->settings->queue ? submit_run(run, error) : local_run(run, error);
    if (status == DIFFEDIT_OK && run->settings->interrupted && run->settings->interrupted())
        status = de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    return sum_up(summary, run, status, error);
}

diffedit_status batch_run(batch_summary *summary, const batch_settings *settings,
                          diffedit_error *error)
{
    course run = {.settings = settings};
    double began = clock_monotonic();
    *summary = (batch_summary){.lines = 0};
    report_begin(&run.report, settings->quiet);
    diffedit_status status = open_course(&run, error);
    if (status == DIFFEDIT_OK)
        status = run_list(summary, &run, error);
    summary->seconds = clock_monotonic() - began;
    close_course(&run);
    return status;
}
