/* What a batch asks of a queue. */
#include "streams_inside.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- putting lines ---- */

struct put {
    struct streams_line *lines;
    size_t count;
};

/* XADD with the fields that the line has. */
static enum streams_answer append_line(struct streams *s, const struct streams_line *line,
                                       diffedit_error *error)
{
    const char *words[3 + 2 * STREAMS_FIELDS] = {"XADD", s->lines, "*"};
    int count = 3;
    for (int i = 0; i < STREAMS_FIELDS; i++)
        if (line->fields[i]) {
            words[count++] = streams_field_names[i];
            words[count++] = line->fields[i];
        }
    if (redisAppendCommandArgv(s->context, count, words, NULL) == REDIS_OK)
        return STREAMS_ANSWERED;
    de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %s", s->settings.url->label, s->context->errstr);
    return STREAMS_LOST;
}

static enum streams_answer put_once(struct streams *s, void *what, diffedit_error *error)
{
    struct put *put = what;
    enum streams_answer answer = streams_make_group(s, error);
    for (size_t i = 0; i < put->count && answer == STREAMS_ANSWERED; i++)
        answer = append_line(s, &put->lines[i], error);
    for (size_t i = 0; i < put->count && answer == STREAMS_ANSWERED; i++) {
        redisReply *reply;
        answer = streams_reply(&reply, s, 0, error);
        if (answer != STREAMS_ANSWERED)
            break;
        if (!streams_copy_entry(put->lines[i].entry, reply))
            answer = streams_odd(s, "XADD", error);
        freeReplyObject(reply);
    }
    return answer;
}

diffedit_status streams_put(struct streams *s, struct streams_line *lines, size_t count,
                            diffedit_error *error)
{
    enum { AT_ONCE = 64 }; /* so that what is on its way stays small, whatever the lines */
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i += AT_ONCE) {
        struct put put = {lines + i, count - i < AT_ONCE ? count - i : AT_ONCE};
        status = streams_do(s, put_once, &put, error);
    }
    return status;
}

/* ---- results ---- */

struct results {
    struct streams_result *results;
    size_t count, most;
    const char *batch;
    double seconds;
    bool memory; /* is short */
};

static bool read_result(struct streams_result *result, const redisReply *entry)
{
    *result = (struct streams_result){0};
    if (!streams_copy_entry(result->entry, streams_element(entry, 0)))
        return true;
    const redisReply *fields = streams_element(entry, 1);
    return streams_copy_text(&result->id, streams_value(fields, "id")) &&
           streams_copy_text(&result->run, streams_value(fields, "run")) &&
           streams_copy_text(&result->outcome, streams_value(fields, "outcome"));
}

/* Always from the beginning: what is recorded is removed, so that nothing depends on how ids go on
 * after a restart. */
static enum streams_answer results_once(struct streams *s, void *what, diffedit_error *error)
{
    struct results *all = what;
    char key[192], block[32] = "";
    redisReply *reply;
    streams_results_key(key, sizeof key, s, all->batch);
    snprintf(block, sizeof block, "%d", (int)(1e3 * all->seconds));
    enum streams_answer answer = all->seconds > 0
                                     ? streams_append(s, error,
                                                      "XREAD COUNT %d BLOCK %s STREAMS %s 0",
                                                      (int)all->most, block, key)
                                     : streams_append(s, error, "XREAD COUNT %d STREAMS %s 0",
                                                      (int)all->most, key);
    if (answer == STREAMS_ANSWERED)
        answer = streams_reply(&reply, s, all->seconds, error);
    if (answer != STREAMS_ANSWERED)
        return answer;
    const redisReply *entries = streams_element(streams_element(reply, 0), 1), *entry;
    for (size_t i = 0; !all->memory && i < all->most && (entry = streams_element(entries, i)); i++)
        all->memory = !read_result(&all->results[all->count++], entry);
    freeReplyObject(reply);
    return STREAMS_ANSWERED;
}

diffedit_status streams_results(struct streams_result *results, size_t *count, size_t most,
                                struct streams *s, const char *batch, double seconds,
                                diffedit_error *error)
{
    struct results all = {results, 0, most, batch, seconds, false};
    diffedit_status status = streams_do(s, results_once, &all, error);
    if (status == DIFFEDIT_OK && all.memory)
        status = de_fail_memory(error, STREAMS_LONGEST, "results of the queue");
    if (status != DIFFEDIT_OK) {
        streams_results_free(results, all.count);
        all.count = 0;
    }
    *count = all.count;
    return status;
}

void streams_results_free(struct streams_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(results[i].id);
        free(results[i].run);
        free(results[i].outcome);
        results[i] = (struct streams_result){0};
    }
}

struct forget {
    const char *batch;
    const struct streams_result *results;
    size_t count;
};

static enum streams_answer forget_once(struct streams *s, void *what, diffedit_error *error)
{
    const struct forget *forget = what;
    enum streams_answer answer = STREAMS_ANSWERED;
    char key[192];
    streams_results_key(key, sizeof key, s, forget->batch);
    for (size_t i = 0; i < forget->count && answer == STREAMS_ANSWERED; i++)
        answer = streams_append(s, error, "XDEL %s %s", key, forget->results[i].entry);
    for (size_t i = 0; i < forget->count && answer == STREAMS_ANSWERED; i++) {
        redisReply *reply;
        answer = streams_reply(&reply, s, 0, error);
        if (answer == STREAMS_ANSWERED)
            freeReplyObject(reply);
    }
    return answer;
}

diffedit_status streams_forget(struct streams *s, const char *batch,
                               const struct streams_result *results, size_t count,
                               diffedit_error *error)
{
    struct forget forget = {batch, results, count};
    return count > 0 ? streams_do(s, forget_once, &forget, error) : DIFFEDIT_OK;
}

static enum streams_answer end_once(struct streams *s, void *what, diffedit_error *error)
{
    char key[192];
    streams_results_key(key, sizeof key, s, what);
    return streams_tell(s, error, "DEL %s", key);
}

diffedit_status streams_end(struct streams *s, const char *batch, diffedit_error *error)
{
    char copy[QUEUE_NAME + 1];
    snprintf(copy, sizeof copy, "%s", batch);
    return streams_do(s, end_once, copy, error);
}

/* ---- looking through the queue ---- */

/* An entry's id as two numbers that compare. */
struct place {
    unsigned long long time, number;
};

static struct place place_of(const char *entry)
{
    struct place place = {0, 0};
    char *end;
    place.time = strtoull(entry, &end, 10);
    if (*end == '-')
        place.number = strtoull(end + 1, NULL, 10);
    return place;
}

static int compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

enum { PAGE = 256 };

struct scan {
    const char *batch;
    streams_visit *visit;
    void *user;
    struct place delivered; /* up to here lines were handed out */
    struct place *had;      /* [had_count], sorted: those that workers have */
    size_t had_count;
    char after[STREAMS_ENTRY + 1]; /* where the next page begins, as XRANGE writes it */
    diffedit_status status;        /* of visit, or MEMORY */
};

/* Up to where lines were handed out: before anything else is looked at, so that what is handed out
 * meanwhile counts as waiting. */
static enum streams_answer find_delivered(struct streams *s, struct scan *scan,
                                          diffedit_error *error)
{
    redisReply *reply;
    enum streams_answer answer = streams_make_group(s, error);
    if (answer == STREAMS_ANSWERED)
        answer = streams_ask(&reply, s, error, "XINFO GROUPS %s", s->lines);
    if (answer != STREAMS_ANSWERED)
        return answer;
    const redisReply *group;
    for (size_t i = 0; (group = streams_element(reply, i)); i++) {
        const redisReply *name = streams_value(group, "name");
        char entry[STREAMS_ENTRY];
        if (streams_is_text(name) && strcmp(name->str, STREAMS_GROUP) == 0 &&
            streams_copy_entry(entry, streams_value(group, "last-delivered-id")))
            scan->delivered = place_of(entry);
    }
    freeReplyObject(reply);
    return STREAMS_ANSWERED;
}

static enum streams_answer add_had(struct streams *s, struct scan *scan, const redisReply *page,
                                   diffedit_error *error)
{
    struct place *grown = realloc(scan->had, (scan->had_count + page->elements) * sizeof *grown);
    if (!grown) {
        scan->status = de_fail_memory(error, page->elements * sizeof *grown, "lines of the queue");
        return STREAMS_REFUSED;
    }
    scan->had = grown;
    for (size_t i = 0; i < page->elements; i++) {
        char entry[STREAMS_ENTRY];
        if (!streams_copy_entry(entry, streams_element(streams_element(page, i), 0)))
            return streams_odd(s, "XPENDING", error);
        scan->had[scan->had_count++] = place_of(entry);
        snprintf(scan->after, sizeof scan->after, "(%s", entry);
    }
    return STREAMS_ANSWERED;
}

static enum streams_answer find_had(struct streams *s, struct scan *scan, diffedit_error *error)
{
    size_t got = PAGE;
    strcpy(scan->after, "-");
    while (got == PAGE) {
        redisReply *reply;
        enum streams_answer answer = streams_ask(
            &reply, s, error, "XPENDING %s " STREAMS_GROUP " %s + %d", s->lines, scan->after, PAGE);
        if (answer != STREAMS_ANSWERED)
            return answer;
        got = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
        answer = got > 0 ? add_had(s, scan, reply, error) : STREAMS_ANSWERED;
        freeReplyObject(reply);
        if (answer != STREAMS_ANSWERED)
            return answer;
    }
    if (scan->had_count > 1)
        qsort(scan->had, scan->had_count, sizeof *scan->had, compare);
    return STREAMS_ANSWERED;
}

/* Shows one line, if it is of the batch. */
static void show(struct scan *scan, const redisReply *entry, diffedit_error *error)
{
    struct streams_line line;
    if (!streams_read_line(&line, entry)) {
        scan->status = de_fail_memory(error, STREAMS_LONGEST, "a line of the queue");
        return;
    }
    if (line.fields[STREAMS_BATCH] && strcmp(line.fields[STREAMS_BATCH], scan->batch) == 0) {
        struct place place = place_of(line.entry);
        bool waits = compare(&place, &scan->delivered) > 0 ||
                     (scan->had_count > 0 &&
                      bsearch(&place, scan->had, scan->had_count, sizeof place, compare));
        scan->status = scan->visit(scan->user, &line, waits, error);
    }
    if (line.entry[0])
        snprintf(scan->after, sizeof scan->after, "(%s", line.entry);
    streams_line_free(&line);
}

static enum streams_answer show_page(size_t *got, struct streams *s, struct scan *scan,
                                     diffedit_error *error)
{
    redisReply *reply;
    enum streams_answer answer = streams_ask(&reply, s, error, "XRANGE %s %s + COUNT %d", s->lines,
                                             scan->after, PAGE);
    if (answer != STREAMS_ANSWERED)
        return answer;
    *got = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < *got && scan->status == DIFFEDIT_OK; i++)
        show(scan, reply->element[i], error);
    freeReplyObject(reply);
    return scan->status == DIFFEDIT_OK ? STREAMS_ANSWERED : STREAMS_REFUSED;
}

static enum streams_answer begin_scan(struct streams *s, void *what, diffedit_error *error)
{
    struct scan *scan = what;
    scan->delivered = (struct place){0, 0};
    scan->had_count = 0;
    enum streams_answer answer = find_delivered(s, scan, error);
    return answer == STREAMS_ANSWERED ? find_had(s, scan, error) : answer;
}

struct page {
    struct scan *scan;
    size_t got;
};

static enum streams_answer page_once(struct streams *s, void *what, diffedit_error *error)
{
    struct page *page = what;
    return show_page(&page->got, s, page->scan, error);
}

diffedit_status streams_scan(struct streams *s, const char *batch, streams_visit *visit, void *user,
                             diffedit_error *error)
{
    struct scan scan = {.batch = batch, .visit = visit, .user = user};
    struct page page = {&scan, PAGE};
    diffedit_status status = streams_do(s, begin_scan, &scan, error);
    strcpy(scan.after, "-");
    while (status == DIFFEDIT_OK && page.got == PAGE)
        status = streams_do(s, page_once, &page, error);
    free(scan.had);
    return scan.status != DIFFEDIT_OK ? scan.status : status;
}

static enum streams_answer withdraw_once(struct streams *s, void *what, diffedit_error *error)
{
    const char *entry = what;
    enum streams_answer answer = streams_tell(s, error, "XACK %s " STREAMS_GROUP " %s", s->lines,
                                              entry);
    return answer == STREAMS_ANSWERED ? streams_tell(s, error, "XDEL %s %s", s->lines, entry)
                                      : answer;
}

diffedit_status streams_withdraw(struct streams *s, const char *entry, diffedit_error *error)
{
    char copy[STREAMS_ENTRY];
    snprintf(copy, sizeof copy, "%s", entry);
    return streams_do(s, withdraw_once, copy, error);
}

/* ---- the workers ---- */

struct workers {
    size_t count;
};

static enum streams_answer workers_once(struct streams *s, void *what, diffedit_error *error)
{
    struct workers *workers = what;
    redisReply *reply;
    enum streams_answer answer = streams_ask_consumers(&reply, s, error);
    if (answer != STREAMS_ANSWERED)
        return answer;
    const redisReply *consumer;
    workers->count = 0;
    for (size_t i = 0; (consumer = streams_element(reply, i)); i++) {
        const redisReply *name = streams_value(consumer, "name");
        long long idle = streams_number(streams_value(consumer, "idle"));
        workers->count += streams_is_text(name) && strcmp(name->str, STREAMS_RETURNED) != 0 &&
                          idle >= 0 && (double)idle < 1e3 * s->settings.silence;
    }
    freeReplyObject(reply);
    return STREAMS_ANSWERED;
}

diffedit_status streams_workers(size_t *count, struct streams *s, diffedit_error *error)
{
    struct workers workers = {0};
    diffedit_status status = streams_do(s, workers_once, &workers, error);
    *count = workers.count;
    return status;
}
