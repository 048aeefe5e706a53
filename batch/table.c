/* The table of a batch's lines, and those that failed. */
#include "course.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

typedef struct table_writing {
    FILE *stream;
    const char *between; /* what stands before the next value */
} table_writing;

static void put(table_writing *to, const char *text)
{
    fputs(to->between, to->stream);
    if (text && text[0])
        csv_fwrite(to->stream, text, strlen(text));
    to->between = ",";
}

static void put_number(table_writing *to, bool known, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void put_number(table_writing *to, bool known, const char *format, ...)
{
    char text[64] = "";
    va_list arguments;
    va_start(arguments, format);
    if (known)
        vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(to->stream, "%s%s", to->between, text);
    to->between = ",";
}

static void end_row(table_writing *to)
{
    fputc('\n', to->stream);
    to->between = "";
}

/* In one value, of whatever length. */
static diffedit_status put_warnings(table_writing *to, const char *warnings, diffedit_error *error)
{
    char *joined = NULL;
    size_t index, size;
    json_t *list = warnings ? json_loads(warnings, 0, NULL) : NULL, *text;
    FILE *into = open_memstream(&joined, &size);
    bool failed = !into;
    if (into) {
        json_array_foreach (list, index, text)
            fprintf(into, "%s%s", index ? "; " : "",
                    json_is_string(text) ? json_string_value(text) : "");
        failed = ferror(into);
        failed = fclose(into) != 0 || failed;
    }
    if (!failed)
        put(to, joined);
    free(joined);
    json_decref(list);
    return failed ? de_fail_memory(error, 1, "warnings") : DIFFEDIT_OK;
}

static diffedit_status write_line(void *user, const ledger_line *line, const ledger_task *task,
                                  diffedit_error *error)
{
    table_writing *to = user;
    json_t *read = json_loads(task->task, 0, NULL);
    const json_t *options = json_object_get(read, "options");
    bool done = task->state == LEDGER_DONE, timed = done && task->seconds > 0;
    put_number(to, true, "%jd", (intmax_t)line->number);
    put(to, line->name);
    put(to, json_string_value(json_object_get(options, "from")));
    put(to, json_string_value(json_object_get(options, "to")));
    put(to, ledger_state_names[task->state]);
    put(to, done ? task->result : NULL);
    put(to, done ? task->mask : NULL);
    put_number(to, done, "%.6g", task->mask_share);
    put_number(to, done, "%d", task->width);
    put_number(to, done, "%d", task->height);
    put_number(to, timed, "%.3f", task->seconds);
    put_number(to, timed, "%jd", (intmax_t)task->evaluations);
    put(to, line->category);
    put(to, task->message);
    diffedit_status status = put_warnings(to, task->warnings, error);
    put(to, task->id);
    put(to, done ? task->sha256 : NULL);
    put(to, task->device);
    end_row(to);
    json_decref(read);
    return status;
}

diffedit_status table_write(course *run, const char *file, diffedit_error *error)
{
    table_writing to = {.between = ""};
    diffedit_status status = outdir_begin(&to.stream, run->outdir, error);
    if (status != DIFFEDIT_OK)
        return status;
    fputs("line,picture,from,to,state,result,mask,mask_share,width,height,seconds,evaluations,"
          "category,message,warnings,id,sha256,device\n",
          to.stream);
    status = ledger_each_line(run->ledger, write_line, &to, error);
    return outdir_end(run->outdir, to.stream, file, status, error);
}

/* ---- what failed ---- */

typedef struct failures {
    report *report;
    int said;
} failures;

static diffedit_status say_failed(void *user, const ledger_line *line, const ledger_task *task,
                                  diffedit_error *error)
{
    enum { MOST = 10 };
    failures *list = user;
    (void)error;
    if (task->state == LEDGER_FAILED && list->said++ < MOST)
        report_say(list->report, "line %jd: %s", (intmax_t)line->number,
                   task->message ? task->message : "");
    return DIFFEDIT_OK;
}

diffedit_status table_say_failed(course *run, diffedit_error *error)
{
    failures list = {.report = &run->report};
    return ledger_each_line(run->ledger, say_failed, &list, error);
}
