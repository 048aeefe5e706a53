#include "course.h"

#include "clock.h"
#include "sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_NAME = TASK_ID + 16 };

static diffedit_status write_files(course *run, ledger_task *task, const outcome *made,
                                   char result[FILE_NAME], char mask[FILE_NAME],
                                   diffedit_error *error)
{
    snprintf(result, FILE_NAME, "%s.%s", task->id, run->settings->format);
    snprintf(mask, FILE_NAME, "%s-mask.png", task->id);
    task->result = result;
    task->mask = made->mask_bytes ? mask : NULL;
    diffedit_status status = outdir_write(run->outdir, result, made->result_bytes,
                                          made->result_size, error);
    if (status == DIFFEDIT_OK && made->mask_bytes)
        status = outdir_write(run->outdir, mask, made->mask_bytes, made->mask_size, error);
    return status;
}

diffedit_status course_keep(course *run, const ledger_item *item, const outcome *made,
                            const char *worker, int tries, diffedit_error *error)
{
    bool recorded = false;
    char result[FILE_NAME], mask[FILE_NAME], sha256[SHA256_TEXT];
    char *warnings = json_array_size(made->warnings) > 0 ? json_dumps(made->warnings, JSON_COMPACT)
                                                         : NULL;
    ledger_task task = {.id = item->id,
                        .state = made->message ? LEDGER_FAILED : LEDGER_DONE,
                        .message = made->message,
                        .seconds = made->seconds,
                        .evaluations = made->evaluations,
                        .mask_share = made->mask_share,
                        .width = made->width,
                        .height = made->height,
                        .warnings = warnings,
                        .device = made->device,
                        .worker = worker,
                        .tries = tries,
                        .ended = clock_date()};
    diffedit_status status = DIFFEDIT_OK;
    if (!made->message) {
        sha256_text(sha256, made->result_bytes, made->result_size);
        task.sha256 = sha256;
        status = write_files(run, &task, made, result, mask, error);
    }
    if (status == DIFFEDIT_OK)
        status = ledger_record(&recorded, run->ledger, &task, error);
    free(warnings);
    if (status != DIFFEDIT_OK || !recorded)
        return status;
    report_ended(&run->report, made->message != NULL);
    if (made->message && run->settings->stop)
        atomic_store(&run->stopped, true);
    return DIFFEDIT_OK;
}

bool course_ends(course *run)
{
    bool interrupted = run->settings->interrupted && run->settings->interrupted();
    return interrupted || atomic_load(&run->stopped);
}
