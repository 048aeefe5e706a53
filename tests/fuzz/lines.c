/* Lists of edits, in CSV, in JSON lines and as PIE-Bench's mapping file, the tasks that their lines
 * become, and masks that are run lengths. */
#include "fuzz.h"
#include "batch/lines.h"
#include "batch/pie_mask.h"
#include "batch/task.h"

#include <stdio.h>
#include <stdlib.h>

static const task_files files = {.picture = "0123456789abcdef0123456789abcdef"};
static const batch_line defaults = {.number = 0};

static void check_mask(const char *text)
{
    static uint8_t mask[PIE_SIDE * PIE_SIDE];
    diffedit_error error = {.message = ""};
    if (!text || !pie_mask_is(text))
        return;
    diffedit_status status = pie_mask_read(mask, text, &error);
    fuzz_check_error(status, &error);
    for (int i = 0; i < PIE_SIDE * PIE_SIDE && status == DIFFEDIT_OK; i++)
        if (mask[i] > 1)
            abort();
}

/* A task that was made is read back, and has options. */
static diffedit_status on_line(void *user, batch_line *line, diffedit_error *error)
{
    json_t *task;
    task_text made;
    diffedit_options options;
    (void)user;
    check_mask(line->values[LINE_TRUE_MASK]);
    if (task_make(&made, line, &defaults, &files, error) != DIFFEDIT_OK)
        return DIFFEDIT_OK;
    if (task_read(&task, made.text, error) != DIFFEDIT_OK ||
        task_options(&options, task, NULL, error) != DIFFEDIT_OK)
        abort();
    json_decref(task);
    free(made.text);
    return DIFFEDIT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    diffedit_error error = {.message = ""};
    snprintf(path, sizeof path, "/proc/self/fd/%s", fuzz_document(0, bytes, size));
    fuzz_check_error(lines_read(path, NULL, on_line, NULL, &error), &error);
    return 0;
}
