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
static void put_warnings(table_writing *to, const char *warnings)
{
    size_t index;
    json_t *list = warnings ? json_loads(warnings, 0, NULL) : NULL, *text;
    fputs(to->between, to->stream);
    to->between = ",";
    json_array_foreach (list, index, text) {
        fputs(index ? "; " : "\"", to->stream);
        for (const char *at = json_string_value(text); at && *at; at++) {
            if (*at == '"')
                fputc('"', to->stream);
            fputc(*at, to->stream);
        }
    }
    if (json_array_size(list) > 0)
        fputc('"', to->stream);
    json_decref(list);
}

static diffedit_status write_line(void *user, const ledger_line *line, const ledger_task *task,
                                  diffedit_error *error)
{
    table_writing *to = user;
    (void)error;
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
    put_warnings(to, task->warnings);
    put(to, task->id);
    put(to, done ? task->sha256 : NULL);
    put(to, task->device);
    end_row(to);
    json_decref(read);
    return DIFFEDIT_OK;
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
