#include "work_inside.h"

#include "clock.h"
#include "model_text.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

void worker_say(const char *format, ...)
{
    char text[768];
    va_list values;
    va_start(values, format);
    de_sentence_list(text, sizeof text, format, values);
    va_end(values);
    fprintf(stderr, "diffedit: %s\n", text);
}

static void say(void *user, const char *sentence)
{
    (void)user;
    worker_say("%s", sentence);
}

static bool interrupted(void *user)
{
    const struct worker *worker = user;
    return worker->settings->interrupted();
}

/* HOST-PROCESS-RANDOM: containers have the same numbers of processes, and sometimes of hosts. */
static diffedit_status make_name(char name[WORK_NAME], diffedit_error *error)
{
    char host[64] = "";
    unsigned char random[4];
    if (RAND_bytes(random, sizeof random) != 1)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "cannot get random bytes for a name");
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *c))
            *c = '-';
    snprintf(name, WORK_NAME, "%s-%ld-%02x%02x%02x%02x", host, (long)getpid(), random[0], random[1],
             random[2], random[3]);
    return DIFFEDIT_OK;
}

diffedit_status worker_open_model(struct worker *worker, diffedit_arithmetic arithmetic,
                                  diffedit_error *error)
{
    char warning[512];
    performer_free(worker->performer);
    diffedit_model_close(worker->model);
    worker->performer = NULL;
    worker->model = NULL;
    worker->model_settings.arithmetic = arithmetic;
    diffedit_status status = diffedit_model_open(&worker->model, worker->settings->model_path,
                                                 &worker->model_settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (diffedit_model_get_warning(warning, sizeof warning, worker->model))
        worker_say("warning: %s", warning);
    if (diffedit_model_get_device_reason(warning, sizeof warning, worker->model))
        worker_say("%s", warning);
    worker->perform.model = worker->model;
    return performer_new(&worker->performer, &worker->perform, error);
}

void worker_rest(struct worker *worker, double seconds)
{
    clock_rest(seconds, interrupted, worker);
}

/* ---- one line ---- */

static void show(struct worker *worker, bool last)
{
    const double pause = 10;
    double now = clock_monotonic();
    if (worker->settings->quiet || (!last && now - worker->said < pause))
        return;
    worker->said = now;
    char each[32] = "", back[48] = "";
    if (worker->done > 0)
        snprintf(each, sizeof each, ", %.2g s each", worker->seconds / (double)worker->done);
    if (worker->returned > 0)
        snprintf(back, sizeof back, ", %jd given back", (intmax_t)worker->returned);
    worker_say("%jd done%s, %jd failed%s", (intmax_t)worker->done, each, (intmax_t)worker->failed,
               back);
}

static diffedit_status report(struct worker *worker, const struct streams_line *line,
                              const told *what, diffedit_error *error)
{
    char *text = told_write(what);
    if (!text)
        return de_fail_memory(error, 1, "a report");
    diffedit_status status = streams_report(worker->streams, line, text, error);
    free(text);
    if (status != DIFFEDIT_OK)
        return status;
    worker->done += !what->made.message;
    worker->failed += what->made.message != NULL;
    worker->seconds += what->made.seconds;
    show(worker, false);
    return DIFFEDIT_OK;
}

/* Gives a line back. Where that cannot be done it is claimed after this worker's silence. */
static void give_back(struct worker *worker, const struct streams_line *line)
{
    diffedit_error error;
    if (streams_return(worker->streams, line, &error) == DIFFEDIT_OK)
        worker->returned++;
    else
        worker_say("%s; the line is taken by another worker after %g s", error.message,
                   worker->settings->silence);
}

static bool has_lost_its_gpu(const struct worker *worker)
{
    return worker->model && diffedit_model_is_lost(worker->model);
}

/* Errors: CANCELLED, and what ends the worker. A line over which a GPU was lost is not given back:
 * that is a death like another, which is counted, lest the line take one GPU after the other. */
static diffedit_status do_line(struct worker *worker, const struct streams_line *line,
                               diffedit_error *error)
{
    told what;
    if (!worker_knows_batch(line)) {
        worker_say("the queue's entry %s is no line of a batch: removed", line->entry);
        return streams_withdraw(worker->streams, line->entry, error);
    }
    keeper_hold(worker->keeper, line->entry);
    diffedit_status status = worker_treat(&what, worker, line, error);
    if (status == DIFFEDIT_OK)
        status = report(worker, line, &what, error);
    keeper_hold(worker->keeper, NULL);
    outcome_free(&what.made);
    if (status != DIFFEDIT_OK && !has_lost_its_gpu(worker))
        give_back(worker, line);
    return status;
}

/* ---- the loop ---- */

static diffedit_status work(struct worker *worker, diffedit_error *error)
{
    const double hour = 3600;
    const work_settings *settings = worker->settings;
    double busy = clock_monotonic(), tidied = busy - hour, pause = 1;
    diffedit_status status = DIFFEDIT_OK;
    while (status == DIFFEDIT_OK && !settings->interrupted()) {
        struct streams_line line;
        bool found;
        if (clock_monotonic() - tidied >= hour) {
            tidied = clock_monotonic();
            status = streams_tidy(worker->streams, error);
        }
        if (status == DIFFEDIT_OK)
            status = streams_take(&line, &found, worker->streams, error);
        if (status != DIFFEDIT_OK)
            break;
        if (!found && settings->idle_exit >= 0 && clock_monotonic() - busy >= settings->idle_exit)
            break;
        if (!found)
            continue;
        status = do_line(worker, &line, error);
        streams_line_free(&line);
        busy = clock_monotonic();
        if (status == DIFFEDIT_OK && !worker->missed) {
            pause = 1;
        } else if (status == DIFFEDIT_OK) { /* so that who lacks the files does not fail them all */
            worker_say("a file of the line is not below %.300s; is it the batch's root?",
                       settings->root);
            worker_rest(worker, pause);
            pause = fmin(2 * pause, 30);
        } else if (status != DIFFEDIT_ERROR_CANCELLED && worker->depot_is_out) {
            worker_say("%s; the line is given back", error->message);
            worker_rest(worker, pause);
            pause = fmin(2 * pause, 30);
            status = DIFFEDIT_OK;
        }
    }
    return status == DIFFEDIT_ERROR_CANCELLED ? DIFFEDIT_OK : status;
}

/* ---- the whole ---- */

static diffedit_status open_streams(struct worker *worker, const struct queue_url *url,
                                    diffedit_error *error)
{
    const work_settings *settings = worker->settings;
    const struct streams_settings how = {.url = url,
                                         .consumer = worker->name,
                                         .silence = settings->silence,
                                         .patience = settings->idle_exit >= 0 ? settings->idle_exit
                                                                              : INFINITY,
                                         .stops = interrupted,
                                         .say = say,
                                         .user = worker};
    diffedit_status status = streams_open(&worker->streams, &how, error);
    return status == DIFFEDIT_OK ? keeper_start(&worker->keeper, &how, error) : status;
}

static diffedit_status open_parts(struct worker *worker, const struct queue_url *url,
                                  diffedit_error *error)
{
    const work_settings *settings = worker->settings;
    diffedit_status status = depot_open(&worker->depot, settings->root, error);
    if (status != DIFFEDIT_OK)
        return status;
    depot_stop_when(worker->depot, interrupted, worker);
    status = depot_try(worker->depot, error);
    if (status == DIFFEDIT_OK)
        status = model_text(&worker->model_text, settings->model_name, settings->model_path,
                            settings->model_settings, error);
    if (status == DIFFEDIT_OK)
        status = make_name(worker->name, error);
    if (status == DIFFEDIT_OK)
        status = open_streams(worker, url, error);
    if (status == DIFFEDIT_OK)
        status = worker_open_model(worker, settings->model_settings->arithmetic, error);
    return status;
}

static void close_parts(struct worker *worker)
{
    keeper_stop(worker->keeper);
    performer_free(worker->performer);
    diffedit_model_close(worker->model);
    streams_close(worker->streams);
    depot_close(worker->depot);
    free(worker->model_text);
}

diffedit_status work_run(const work_settings *settings, diffedit_error *error)
{
    struct queue_url url;
    struct worker worker = {.settings = settings,
                            .model_settings = *settings->model_settings,
                            .perform = {.model_name = settings->model_name,
                                        .loras = settings->model_settings->lora,
                                        .lora_count = settings->model_settings->lora_count,
                                        .threads = settings->threads,
                                        .max_pixels = settings->max_pixels}};
    signal(SIGPIPE, SIG_IGN); /* a connection that broke is a sentence */
    diffedit_status status = queue_url_parse(&url, settings->queue, settings->password, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = open_parts(&worker, &url, error);
    if (status == DIFFEDIT_OK) {
        if (!settings->quiet)
            worker_say("%s: waiting for lines, as %s, with the model %s on %s", url.label,
                       worker.name, worker.model_text, perform_device(worker.model));
        status = work(&worker, error);
        streams_leave(worker.streams);
        show(&worker, true);
    }
    close_parts(&worker);
    queue_url_free(&url);
    return status;
}
