/* What a worker asks of a queue. */
#include "streams_inside.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- taking a line ---- */

struct take {
    struct streams_line *line;
    bool memory; /* is short */
};

/* How often a line that was claimed had been handed out, this time included. */
static enum streams_answer count_tries(struct streams *s, struct streams_line *line,
                                       diffedit_error *error)
{
    redisReply *reply;
    enum streams_answer answer = streams_ask(&reply, s, error,
                                             "XPENDING %s " STREAMS_GROUP " %s %s 1", s->lines,
                                             line->entry, line->entry);
    if (answer != STREAMS_ANSWERED)
        return answer;
    const redisReply *count = streams_element(streams_element(reply, 0), 3);
    line->tries = count && count->type == REDIS_REPLY_INTEGER ? count->integer : 1;
    freeReplyObject(reply);
    return STREAMS_ANSWERED;
}

/* Claims the next line whose worker is silent, among those from the cursor on; there is none where
 * line->entry stays empty. */
static enum streams_answer claim_next(struct streams *s, struct take *take, diffedit_error *error)
{
    redisReply *reply;
    enum streams_answer answer = streams_ask(
        &reply, s, error, "XAUTOCLAIM %s " STREAMS_GROUP " %s %lld %s COUNT 1", s->lines,
        s->settings.consumer, (long long)(1e3 * s->settings.silence), s->cursor);
    if (answer != STREAMS_ANSWERED)
        return answer;
    if (streams_is_error(reply, "NOGROUP")) { /* nothing can be claimed, and it will be made */
        strcpy(s->cursor, "0-0");
    } else if (!streams_copy_entry(s->cursor, streams_element(reply, 0))) {
        strcpy(s->cursor, "0-0");
        answer = streams_odd(s, "XAUTOCLAIM", error);
    } else {
        const redisReply *entry = streams_element(streams_element(reply, 1), 0);
        take->memory = entry && !streams_read_line(take->line, entry);
    }
    freeReplyObject(reply);
    return answer;
}

/* Goes once through the lines that workers have, or through a good number of them. */
static enum streams_answer claim(struct streams *s, struct take *take, diffedit_error *error)
{
    enum { MOST_CALLS = 16 }; /* Redis looks at ten lines for each */
    for (int i = 0; i < MOST_CALLS; i++) {
        enum streams_answer answer = claim_next(s, take, error);
        if (answer != STREAMS_ANSWERED || take->memory)
            return answer;
        if (take->line->entry[0])
            return count_tries(s, take->line, error);
        if (strcmp(s->cursor, "0-0") == 0)
            break;
    }
    return STREAMS_ANSWERED;
}

/* Reads one line: a new one, for which Redis waits, or the oldest that this worker has. */
static enum streams_answer read_group(struct streams *s, struct take *take, bool new_ones,
                                      diffedit_error *error)
{
    const double seconds = new_ones ? 2 : 0;
    redisReply *reply;
    enum streams_answer answer =
        new_ones
            ? streams_append(s, error,
                             "XREADGROUP GROUP " STREAMS_GROUP " %s COUNT 1 BLOCK %d STREAMS %s >",
                             s->settings.consumer, (int)(1e3 * seconds), s->lines)
            : streams_append(s, error, "XREADGROUP GROUP " STREAMS_GROUP " %s COUNT 1 STREAMS %s 0",
                             s->settings.consumer, s->lines);
    if (answer == STREAMS_ANSWERED)
        answer = streams_reply(&reply, s, seconds, error);
    if (answer != STREAMS_ANSWERED)
        return answer;
    if (streams_is_error(reply, "NOGROUP")) {
        answer = streams_make_group(s, error);
    } else {
        const redisReply *entries = streams_element(streams_element(reply, 0), 1);
        const redisReply *entry = streams_element(entries, 0);
        take->memory = entry && !streams_read_line(take->line, entry);
    }
    freeReplyObject(reply);
    return answer;
}

/* A line that this worker has and does not know of, because a reply was lost. The question also
 * makes the worker known to the group: who waits for new lines alone is not seen there. */
static enum streams_answer read_own(struct streams *s, struct take *take, diffedit_error *error)
{
    enum streams_answer answer = read_group(s, take, false, error);
    struct streams_line *line = take->line;
    if (answer != STREAMS_ANSWERED || take->memory || !line->entry[0])
        return answer;
    answer = count_tries(s, line, error);
    if (answer != STREAMS_ANSWERED || line->tries < 2)
        return answer;
    /* this counted as another try, although the one before never began */
    line->tries--;
    return streams_tell(s, error, "XCLAIM %s " STREAMS_GROUP " %s 0 %s RETRYCOUNT %lld JUSTID",
                        s->lines, s->settings.consumer, line->entry, (long long)line->tries);
}

/* Waits for a line that nobody had. */
static enum streams_answer read_new(struct streams *s, struct take *take, diffedit_error *error)
{
    enum streams_answer answer = read_group(s, take, true, error);
    take->line->tries = 1;
    return answer;
}

static enum streams_answer take_once(struct streams *s, void *what, diffedit_error *error)
{
    struct take *take = what;
    *take->line = (struct streams_line){0};
    enum streams_answer answer = read_own(s, take, error);
    if (answer == STREAMS_ANSWERED && !take->memory && !take->line->entry[0])
        answer = claim(s, take, error);
    if (answer == STREAMS_ANSWERED && !take->memory && !take->line->entry[0])
        answer = read_new(s, take, error);
    if (answer != STREAMS_ANSWERED)
        streams_line_free(take->line);
    return answer;
}

diffedit_status streams_take(struct streams_line *line, bool *found, struct streams *s,
                             diffedit_error *error)
{
    struct take take = {.line = line};
    *found = false;
    diffedit_status status = streams_do(s, take_once, &take, error);
    if (status == DIFFEDIT_OK && take.memory)
        status = de_fail_memory(error, STREAMS_LONGEST, "a line of the queue");
    *found = status == DIFFEDIT_OK && line->entry[0];
    return status;
}

/* ---- having it ---- */

struct keep {
    const char *entry;
    const struct streams_line *line; /* to be given back; NULL: kept */
    bool ours;
};

/* Whether this worker has the line. */
static enum streams_answer look(struct streams *s, struct keep *keep, diffedit_error *error)
{
    redisReply *reply;
    enum streams_answer answer = streams_ask(&reply, s, error,
                                             "XPENDING %s " STREAMS_GROUP " %s %s 1 %s", s->lines,
                                             keep->entry, keep->entry, s->settings.consumer);
    if (answer != STREAMS_ANSWERED)
        return answer;
    keep->ours = streams_element(reply, 0);
    freeReplyObject(reply);
    return STREAMS_ANSWERED;
}

static enum streams_answer keep_once(struct streams *s, void *what, diffedit_error *error)
{
    struct keep *keep = what;
    enum streams_answer answer = look(s, keep, error);
    if (answer != STREAMS_ANSWERED || !keep->ours)
        return answer;
    return streams_tell(s, error, "XCLAIM %s " STREAMS_GROUP " %s 0 %s JUSTID", s->lines,
                        s->settings.consumer, keep->entry);
}

diffedit_status streams_keep(bool *ours, struct streams *s, const char *entry,
                             diffedit_error *error)
{
    struct keep keep = {.entry = entry};
    diffedit_status status = streams_do_once(s, keep_once, &keep, error);
    *ours = keep.ours;
    return status;
}

static enum streams_answer return_once(struct streams *s, void *what, diffedit_error *error)
{
    const long long idle = 7LL * 24 * 3600 * 1000; /* longer than anybody's `silence` */
    struct keep *keep = what;
    enum streams_answer answer = look(s, keep, error);
    if (answer != STREAMS_ANSWERED || !keep->ours)
        return answer;
    long long tries = keep->line->tries > 0 ? keep->line->tries - 1 : 0;
    return streams_tell(s, error,
                        "XCLAIM %s " STREAMS_GROUP " " STREAMS_RETURNED
                        " 0 %s IDLE %lld RETRYCOUNT %lld JUSTID",
                        s->lines, keep->entry, idle, tries);
}

diffedit_status streams_return(struct streams *s, const struct streams_line *line,
                               diffedit_error *error)
{
    struct keep keep = {.entry = line->entry, .line = line};
    return streams_do(s, return_once, &keep, error);
}

/* ---- its end ---- */

struct report {
    const struct streams_line *line;
    const char *outcome;
};

static enum streams_answer append_report(struct streams *s, const struct report *report,
                                         diffedit_error *error)
{
    const char *week = "604800"; /* seconds, after which nobody will come for it any more */
    const struct streams_line *line = report->line;
    char results[192];
    streams_results_key(results, sizeof results, s, line->fields[STREAMS_BATCH]);
    enum streams_answer answer = streams_append(s, error, "MULTI");
    if (answer == STREAMS_ANSWERED)
        answer = streams_append(s, error, "XADD %s * id %s run %s outcome %s", results,
                                line->fields[STREAMS_ID], line->fields[STREAMS_RUN],
                                report->outcome);
    if (answer == STREAMS_ANSWERED)
        answer = streams_append(s, error, "EXPIRE %s %s", results, week);
    if (answer == STREAMS_ANSWERED)
        answer = streams_append(s, error, "XACK %s " STREAMS_GROUP " %s", s->lines, line->entry);
    if (answer == STREAMS_ANSWERED)
        answer = streams_append(s, error, "XDEL %s %s", s->lines, line->entry);
    return answer == STREAMS_ANSWERED ? streams_append(s, error, "EXEC") : answer;
}

/* What EXEC says of the commands: the result must be there. */
static enum streams_answer check_exec(struct streams *s, const redisReply *reply,
                                      diffedit_error *error)
{
    if (streams_is_text(streams_element(reply, 0)))
        return STREAMS_ANSWERED;
    const redisReply *first = streams_element(reply, 0);
    if (first && first->type == REDIS_REPLY_ERROR) {
        de_fail(error, DIFFEDIT_ERROR_FILE, "%s: Redis says: %s", s->settings.url->label,
                first->str);
        return STREAMS_REFUSED;
    }
    return streams_odd(s, "EXEC", error);
}

static enum streams_answer report_once(struct streams *s, void *what, diffedit_error *error)
{
    enum { COMMANDS = 6 };
    enum streams_answer answer = append_report(s, what, error);
    for (int i = 0; i < COMMANDS && answer == STREAMS_ANSWERED; i++) {
        redisReply *reply = NULL;
        answer = streams_reply(&reply, s, 0, error);
        if (answer == STREAMS_ANSWERED && i == COMMANDS - 1)
            answer = check_exec(s, reply, error);
        if (reply)
            freeReplyObject(reply);
    }
    return answer;
}

diffedit_status streams_report(struct streams *s, const struct streams_line *line,
                               const char *outcome, diffedit_error *error)
{
    struct report report = {line, outcome};
    return streams_do(s, report_once, &report, error);
}

/* ---- the group ---- */

static enum streams_answer leave_once(struct streams *s, void *what, diffedit_error *error)
{
    redisReply *reply;
    (void)what;
    enum streams_answer answer = streams_ask(
        &reply, s, error, "XPENDING %s " STREAMS_GROUP " - + 1 %s", s->lines, s->settings.consumer);
    if (answer != STREAMS_ANSWERED)
        return answer;
    /* a line may be there that this worker never heard of, because a reply was lost */
    bool free_to_go = reply->type == REDIS_REPLY_ARRAY && reply->elements == 0;
    freeReplyObject(reply);
    if (!free_to_go)
        return STREAMS_ANSWERED;
    return streams_tell(s, error, "XGROUP DELCONSUMER %s " STREAMS_GROUP " %s", s->lines,
                        s->settings.consumer);
}

void streams_leave(struct streams *streams)
{
    streams_do_once(streams, leave_once, NULL, NULL);
}

static enum streams_answer tidy_once(struct streams *s, void *what, diffedit_error *error)
{
    const long long gone = 3600 * 1000; /* milliseconds; one that lives asks each few seconds */
    redisReply *reply;
    (void)what;
    enum streams_answer answer = streams_ask_consumers(&reply, s, error);
    if (answer != STREAMS_ANSWERED)
        return answer;
    const redisReply *consumer;
    for (size_t i = 0; answer == STREAMS_ANSWERED && (consumer = streams_element(reply, i)); i++) {
        const redisReply *name = streams_value(consumer, "name");
        if (streams_is_text(name) && strcmp(name->str, STREAMS_RETURNED) != 0 &&
            streams_number(streams_value(consumer, "pending")) == 0 &&
            streams_number(streams_value(consumer, "idle")) > gone)
            answer = streams_tell(s, error, "XGROUP DELCONSUMER %s " STREAMS_GROUP " %s", s->lines,
                                  name->str);
    }
    freeReplyObject(reply);
    return answer;
}

diffedit_status streams_tidy(struct streams *streams, diffedit_error *error)
{
    return streams_do(streams, tidy_once, NULL, error);
}
