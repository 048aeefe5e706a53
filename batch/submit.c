/* The batch at its queue: what waits, what came, and what Redis forgot. */
#include "submit_inside.h"

#include "clock.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/rand.h>

enum {
    MOST_WAITING = 20000, /* lines in the queue at a time, so that Redis and this stay small */
    AT_ONCE = 64          /* lines put, or results read, at a time */
};

/* ---- who this batch is ---- */

static diffedit_status new_id(struct submit *submit, const char *folder, diffedit_error *error)
{
    unsigned char random[(SUBMIT_ID - 1) / 2];
    struct ledger *ledger = submit->run->ledger;
    if (RAND_bytes(random, sizeof random) != 1)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "cannot get random bytes for a batch's name");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(submit->batch + 2 * i, 3, "%02x", random[i]);
    diffedit_status status = ledger_set(ledger, "queue batch", submit->batch, error);
    return status == DIFFEDIT_OK ? ledger_set(ledger, "queue folder", folder, error) : status;
}

/* An id that it has as long as its ledger, in the same folder: a copy of that, whose inode is
 * another, is another batch. */
static diffedit_status find_id(struct submit *submit, diffedit_error *error)
{
    char folder[32];
    struct stat found = {.st_ino = 0};
    char *id = ledger_get(submit->run->ledger, "queue batch");
    char *before = ledger_get(submit->run->ledger, "queue folder");
    diffedit_status status = DIFFEDIT_OK;
    stat(outdir_folder(submit->run->outdir), &found);
    snprintf(folder, sizeof folder, "%ju", (uintmax_t)found.st_ino);
    if (id && before && strlen(id) == SUBMIT_ID - 1 && strcmp(before, folder) == 0)
        memcpy(submit->batch, id, SUBMIT_ID);
    else
        status = new_id(submit, folder, error);
    free(id);
    free(before);
    return status;
}

/* Each run has the next number: a failure that an earlier one met is none of this one, which tries
 * again. */
static diffedit_status find_number(struct submit *submit, diffedit_error *error)
{
    char *there = ledger_get(submit->run->ledger, "queue run");
    long long last = there ? strtoll(there, NULL, 10) : 0;
    free(there);
    snprintf(submit->number, sizeof submit->number, "%lld", last + 1);
    return ledger_set(submit->run->ledger, "queue run", submit->number, error);
}

/* ---- what waits ---- */

static submit_task *find(struct submit *submit, const char *id)
{
    /* lines stand in the queue, and results come, nearly in the order of the tasks */
    for (size_t n = 0; id && n < submit->count; n++) {
        size_t i = (submit->near + n) % submit->count;
        if (strcmp(submit->tasks[i].id, id) == 0) {
            submit->near = i;
            return &submit->tasks[i];
        }
    }
    return NULL;
}

static void drop(struct submit *submit, submit_task *task)
{
    if (task == &submit->other)
        return;
    size_t index = (size_t)(task - submit->tasks);
    submit->count--;
    memmove(task, task + 1, (submit->count - index) * sizeof *task);
}

/* Takes the next tasks of the plan. */
static diffedit_status take_next(struct submit *submit, diffedit_error *error)
{
    while (submit->count < MOST_WAITING && submit->next < submit->run->planned) {
        ledger_item item;
        diffedit_error reason = {.code = DIFFEDIT_OK};
        bool there = ledger_planned(&item, submit->run->ledger, submit->next, &reason);
        if (!there && reason.code != DIFFEDIT_OK)
            return de_fail(error, reason.code, "%s", reason.message);
        if (there && ledger_waits(submit->run->ledger, item.id)) {
            submit_task task = {.position = submit->next};
            memcpy(task.id, item.id, sizeof task.id);
            submit->tasks[submit->count++] = task;
        } else {
            report_expect_more(&submit->run->report, -1); /* it has been heard of before */
        }
        ledger_item_free(&item);
        submit->next++;
    }
    return DIFFEDIT_OK;
}

static diffedit_status fail_task(struct submit *submit, submit_task *task, const char *sentence,
                                 const char *worker, diffedit_error *error)
{
    ledger_item item = {.number = 0};
    outcome made = {.message = (char *)sentence};
    memcpy(item.id, task->id, sizeof item.id);
    diffedit_status status = course_keep(submit->run, &item, &made, worker, 1, error);
    if (status == DIFFEDIT_OK)
        drop(submit, task);
    return status;
}

/* Makes the line of a task. *failed: there is none, because the task has failed. */
static diffedit_status make_line(struct streams_line *line, bool *failed, struct submit *submit,
                                 submit_task *task, diffedit_error *error)
{
    ledger_item item;
    char *failure = NULL;
    diffedit_error reason = {.code = DIFFEDIT_OK};
    *failed = false;
    if (!ledger_planned(&item, submit->run->ledger, task->position, &reason))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "a task is gone from the ledger");
    diffedit_status status = submit_make_line(line, &failure, submit, &item, error);
    ledger_item_free(&item);
    if (status == DIFFEDIT_OK && failure) {
        *failed = true;
        status = fail_task(submit, task, failure, NULL, error);
    }
    free(failure);
    return status;
}

/* Puts some of the tasks into the queue whose lines are not there. *all: none is left. */
static diffedit_status put_some(bool *all, struct submit *submit, diffedit_error *error)
{
    struct streams_line lines[AT_ONCE];
    size_t which[AT_ONCE], count = 0, i = 0;
    double now = clock_monotonic();
    diffedit_status status = DIFFEDIT_OK;
    while (i < submit->count && count < AT_ONCE && status == DIFFEDIT_OK &&
           !course_ends(submit->run)) {
        bool failed = false;
        if (!submit->tasks[i].queued && submit->tasks[i].rests <= now) {
            status = make_line(&lines[count], &failed, submit, &submit->tasks[i], error);
            if (status == DIFFEDIT_OK && !failed)
                which[count++] = i;
        }
        i += !failed; /* which takes it out of the row */
    }
    *all = i >= submit->count;
    if (status == DIFFEDIT_OK && count > 0)
        status = streams_put(submit->streams, lines, count, error);
    for (size_t n = 0; n < count; n++) {
        if (status == DIFFEDIT_OK)
            submit->tasks[which[n]].queued = true;
        streams_line_free(&lines[n]);
    }
    return status;
}

/* ---- what came ---- */

/* A worker says that a result is there, and it is not (yet): the line is put again after a pause,
 * and its worker finds it, or makes another. After some times the roots cannot be one. */
static diffedit_status miss(struct submit *submit, submit_task *task, const told *what,
                            const diffedit_error *reason, diffedit_error *error)
{
    /* seconds: file systems of many machines believe for so long what was so a moment ago */
    static const double pauses[] = {1, 10, 30};
    char sentence[700];
    if (reason->code != DIFFEDIT_OK)
        snprintf(sentence, sizeof sentence, "the result of the worker %.100s cannot be had: %s",
                 what->worker, reason->message);
    else
        snprintf(sentence, sizeof sentence,
                 "the worker %.100s wrote a result that is not there: its root is another than "
                 "%.200s",
                 what->worker, submit->run->settings->root);
    if (task->missing == sizeof pauses / sizeof *pauses)
        return fail_task(submit, task, sentence, what->worker, error);
    if (!submit->said_missing)
        report_say(&submit->run->report, "%s, or shows files late; trying again", sentence);
    submit->said_missing = true;
    task->queued = false;
    task->rests = clock_monotonic() + pauses[task->missing++];
    return DIFFEDIT_OK;
}

static diffedit_status keep_result(struct submit *submit, submit_task *task, told *what,
                                   diffedit_error *error)
{
    bool there = true;
    diffedit_error reason;
    ledger_item item = {.number = 0};
    diffedit_status status = DIFFEDIT_OK;
    if (!what->made.message)
        status = submit_get_files(&there, &reason, what, submit, task->id, error);
    if (status == DIFFEDIT_OK && !there) {
        status = miss(submit, task, what, &reason, error);
    } else if (status == DIFFEDIT_OK) {
        memcpy(item.id, task->id, sizeof item.id);
        if (task == &submit->other)
            report_expect_more(&submit->run->report, 1);
        status = course_keep(submit->run, &item, &what->made, what->worker, what->tries, error);
        if (status == DIFFEDIT_OK) {
            drop(submit, task);
            submit_remove_files(submit, item.id);
        }
    }
    submit_drop_files(what);
    return status;
}

/* The task of a result: one that is waited for, or one that an earlier run put into the queue and
 * this one did not, being for a part of the list (`limit`). NULL: it has been recorded before, its
 * worker was the second. */
static submit_task *find_result(struct submit *submit, const char *id)
{
    bool is_id = id && strlen(id) == TASK_ID - 1 && strspn(id, "0123456789abcdef") == TASK_ID - 1;
    submit_task *task = find(submit, id);
    if (task || !is_id)
        return task;
    if (!ledger_waits(submit->run->ledger, id)) {
        submit_remove_files(submit, id);
        return NULL;
    }
    submit->other = (submit_task){.position = -1};
    memcpy(submit->other.id, id, TASK_ID);
    return &submit->other;
}

/* Records one result. */
static diffedit_status hear(struct submit *submit, const struct streams_result *result,
                            diffedit_error *error)
{
    told what;
    submit_task *task = find_result(submit, result->id);
    if (!task)
        return DIFFEDIT_OK;
    if (!result->outcome || !told_read(&what, result->outcome)) {
        task->queued = false; /* whatever that was, it is not in the queue any more */
        return DIFFEDIT_OK;
    }
    bool stale = what.made.message && (!result->run || strcmp(result->run, submit->number) != 0);
    diffedit_status status = DIFFEDIT_OK;
    if (stale)
        task->queued = false;
    else
        status = keep_result(submit, task, &what, error);
    outcome_free(&what.made);
    return status;
}

/* Reads some results, records them, and removes them. *count: how many there were. */
static diffedit_status hear_some(size_t *count, struct submit *submit, double seconds,
                                 diffedit_error *error)
{
    struct streams_result results[AT_ONCE];
    size_t heard = 0;
    diffedit_status status = streams_results(results, count, AT_ONCE, submit->streams,
                                             submit->batch, seconds, error);
    if (status != DIFFEDIT_OK)
        return status;
    while (heard < *count && status == DIFFEDIT_OK && !atomic_load(&submit->run->stopped)) {
        status = hear(submit, &results[heard], error);
        heard += status == DIFFEDIT_OK;
    }
    if (heard > 0) {
        submit->heard = clock_monotonic();
        submit->said_nobody = false;
        diffedit_status forgot = streams_forget(submit->streams, submit->batch, results, heard,
                                                status == DIFFEDIT_OK ? error : NULL);
        status = status == DIFFEDIT_OK ? forgot : status;
    }
    streams_results_free(results, *count);
    return status;
}

/* ---- what Redis forgot ---- */

struct look {
    struct submit *submit;
    char (*superfluous)[STREAMS_ENTRY]; /* [count], in the queue and for nothing */
    size_t count, room;
};

static diffedit_status see(void *user, const struct streams_line *line, bool waits,
                           diffedit_error *error)
{
    struct look *look = user;
    submit_task *task = find(look->submit, line->fields[STREAMS_ID]);
    if (task && waits && !task->queued) {
        task->queued = true;
        return DIFFEDIT_OK;
    }
    if (look->count == look->room) {
        size_t room = 2 * look->room + 16;
        void *grown = realloc(look->superfluous, room * sizeof *look->superfluous);
        if (!grown)
            return de_fail_memory(error, room * sizeof *look->superfluous, "lines of the queue");
        look->superfluous = grown;
        look->room = room;
    }
    memcpy(look->superfluous[look->count++], line->entry, STREAMS_ENTRY);
    return DIFFEDIT_OK;
}

/* Looks which tasks have their line in the queue. Lines of tasks that wait no more, or that stand
 * there twice, or that nobody will ever get, are taken out. */
static diffedit_status look_through(struct submit *submit, diffedit_error *error)
{
    struct look look = {.submit = submit};
    uint64_t before;
    double began;
    diffedit_status status;
    do {
        began = clock_monotonic();
        before = streams_connections(submit->streams);
        look.count = 0;
        for (size_t i = 0; i < submit->count; i++)
            submit->tasks[i].queued = false;
        status = streams_scan(submit->streams, submit->batch, see, &look, error);
        /* with another connection, it may be another memory */
        submit->look.connections = streams_connections(submit->streams);
        submit->look.ended = clock_monotonic();
        submit->look.took = submit->look.ended - began;
    } while (status == DIFFEDIT_OK && before != 0 && before != submit->look.connections);
    for (size_t i = 0; i < look.count && status == DIFFEDIT_OK; i++)
        status = streams_withdraw(submit->streams, look.superfluous[i], error);
    free(look.superfluous);
    return status;
}

static diffedit_status say_nobody(struct submit *submit, diffedit_error *error)
{
    const double patience = 30;
    size_t workers;
    if (submit->said_nobody || clock_monotonic() - submit->heard < patience)
        return DIFFEDIT_OK;
    diffedit_status status = streams_workers(&workers, submit->streams, error);
    if (status == DIFFEDIT_OK && workers == 0) {
        submit->said_nobody = true;
        report_say(&submit->run->report, "no worker is at the queue: `diffedit work` starts one");
    }
    return status;
}

/* A line that left the queue after it was looked for has its result there: results are read before
 * anything is put again. */
static diffedit_status reconcile(struct submit *submit, diffedit_error *error)
{
    size_t count = 1;
    diffedit_status status = look_through(submit, error);
    while (status == DIFFEDIT_OK && count > 0 && !course_ends(submit->run))
        status = hear_some(&count, submit, 0, error);
    return status == DIFFEDIT_OK ? say_nobody(submit, error) : status;
}

/* ---- the run ---- */

static bool stops(void *user)
{
    return course_ends(user);
}

/* The depot may come back: nothing was recorded, so everything is tried again. */
static diffedit_status rest(struct submit *submit, double *pause, const diffedit_error *error)
{
    report_say(&submit->run->report, "%s; trying again", error->message);
    clock_rest(*pause, stops, submit->run);
    *pause = fmin(2 * *pause, 30);
    return DIFFEDIT_OK;
}

/* Now and then, and whenever Redis may have begun anew. */
static diffedit_status look_if_due(struct submit *submit, diffedit_error *error)
{
    const double shortest = 10, longest = 60, share = 50;
    double pause = fmin(fmax(shortest, share * submit->look.took), longest);
    bool anew = submit->look.connections != streams_connections(submit->streams);
    bool due = anew || clock_monotonic() - submit->look.ended >= pause;
    return due ? reconcile(submit, error) : DIFFEDIT_OK;
}

static diffedit_status take_turn(struct submit *submit, diffedit_error *error)
{
    bool all = true;
    size_t count;
    diffedit_status status = take_next(submit, error);
    if (status == DIFFEDIT_OK)
        status = look_if_due(submit, error);
    if (status == DIFFEDIT_OK)
        status = put_some(&all, submit, error);
    if (status == DIFFEDIT_OK && submit->count > 0 && !course_ends(submit->run))
        status = hear_some(&count, submit, all ? 1 : 0, error);
    return status;
}

static diffedit_status go_on(struct submit *submit, diffedit_error *error)
{
    double pause = 1;
    diffedit_status status = DIFFEDIT_OK;
    submit->heard = clock_monotonic();
    submit->look.connections = UINT64_MAX;
    while (status == DIFFEDIT_OK && !course_ends(submit->run) &&
           (submit->count > 0 || submit->next < submit->run->planned)) {
        submit->out = false;
        status = take_turn(submit, error);
        if (status == DIFFEDIT_OK)
            pause = 1;
        else if (submit->out && !submit->run->settings->stop)
            status = rest(submit, &pause, error);
    }
    /* an interruption is said by whoever asked for it */
    return status == DIFFEDIT_ERROR_CANCELLED && course_ends(submit->run) ? DIFFEDIT_OK : status;
}

/* What is left in Redis: nothing after the end, nothing for workers to do after a stop; else all,
 * for the next run. */
static diffedit_status leave(struct submit *submit, diffedit_error *error)
{
    bool all = submit->count == 0 && submit->next >= submit->run->planned;
    if (!all && !atomic_load(&submit->run->stopped)) {
        report_say(&submit->run->report, "what is left stays in the queue; run again, the batch "
                                         "goes on with what was done meanwhile");
        return DIFFEDIT_OK;
    }
    submit->count = 0; /* every line is superfluous then */
    diffedit_status status = look_through(submit, error);
    return status == DIFFEDIT_OK && all ? streams_end(submit->streams, submit->batch, error)
                                        : status;
}

static diffedit_status begin(struct submit *submit, diffedit_error *error)
{
    const batch_settings *settings = submit->run->settings;
    snprintf(submit->quality, sizeof submit->quality, "%d", settings->quality);
    submit->model = ledger_get(submit->run->ledger, "model");
    submit->tasks = malloc(MOST_WAITING * sizeof *submit->tasks);
    if (!submit->model || !submit->tasks)
        return de_fail_memory(error, MOST_WAITING * sizeof *submit->tasks, "lines");
    diffedit_status status = find_id(submit, error);
    if (status == DIFFEDIT_OK)
        status = find_number(submit, error);
    return status == DIFFEDIT_OK ? submit_open_depot(submit, error) : status;
}

static void say(void *user, const char *sentence)
{
    course *run = user;
    report_say(&run->report, "%s", sentence);
}

static diffedit_status connect_and_go(struct submit *submit, const struct queue_url *url,
                                      diffedit_error *error)
{
    const double silence = 30;
    const struct streams_settings how = {.url = url,
                                         .silence = silence,
                                         .patience = submit->run->settings->stop ? 0 : INFINITY,
                                         .stops = stops,
                                         .say = say,
                                         .user = submit->run};
    diffedit_status status = streams_open(&submit->streams, &how, error);
    if (status == DIFFEDIT_OK)
        status = begin(submit, error);
    if (status != DIFFEDIT_OK)
        return status;
    depot_stop_when(submit->depot, stops, submit->run);
    report_expect(&submit->run->report, submit->run->planned);
    status = depot_try(submit->depot, error);
    if (status == DIFFEDIT_OK)
        status = go_on(submit, error);
    return status == DIFFEDIT_OK ? leave(submit, error) : status;
}

diffedit_status submit_run(course *run, diffedit_error *error)
{
    struct queue_url url;
    struct submit submit = {.run = run};
    diffedit_status status = queue_url_parse(&url, run->settings->queue, run->settings->password,
                                             error);
    if (status != DIFFEDIT_OK)
        return status;
    signal(SIGPIPE, SIG_IGN); /* a connection that broke is a sentence */
    status = connect_and_go(&submit, &url, error);
    streams_close(submit.streams);
    depot_close(submit.depot);
    free(submit.tasks);
    free(submit.model);
    free(submit.prefix);
    queue_url_free(&url);
    return status;
}
