#include "streams_inside.h"

#include "streams_tls.h"

#include "common/error.h"
#include "clock.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds: for a connection, for a reply, and after a signal for whatever is under way. */
static const double connect_seconds = 5, reply_seconds = 10, last_seconds = 2.5;

static bool stops(const struct streams *streams)
{
    return streams->settings.stops(streams->settings.user);
}

/* ---- the connection ---- */

diffedit_status streams_open(struct streams **streams, const struct streams_settings *settings,
                             diffedit_error *error)
{
    struct streams *s = calloc(1, sizeof *s);
    *streams = NULL;
    if (!s)
        return de_fail_memory(error, sizeof *s, "a connection");
    s->settings = *settings;
    snprintf(s->lines, sizeof s->lines, "diffedit:%s:lines", settings->url->name);
    strcpy(s->cursor, "0-0");
    if (settings->url->tls) {
        diffedit_status status = streams_tls_open(&s->tls, error);
        if (status != DIFFEDIT_OK) {
            free(s);
            return status;
        }
    }
    *streams = s;
    return DIFFEDIT_OK;
}

static void disconnect(struct streams *s)
{
    if (s->context)
        redisFree(s->context);
    s->context = NULL;
}

void streams_close(struct streams *streams)
{
    if (!streams)
        return;
    disconnect(streams);
    streams_tls_close(streams->tls);
    free(streams);
}

uint64_t streams_connections(const struct streams *streams)
{
    return streams->connections;
}

/* Closes a connection that broke; what hiredis says stands in it. */
static enum streams_answer broke(struct streams *s, diffedit_error *error)
{
    const char *why = s->context ? s->context->errstr : "out of memory";
    if (s->context && s->context->err == REDIS_ERR_IO && errno == EAGAIN)
        why = "no reply in time";
    de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %s", s->settings.url->label, why);
    disconnect(s);
    return STREAMS_LOST;
}

static enum streams_answer log_in(struct streams *s, diffedit_error *error)
{
    const struct queue_url *url = s->settings.url;
    const char *password = url->password ? url->password : "";
    if (url->user)
        return streams_tell(s, error, "AUTH %s %s", url->user, password);
    return *password ? streams_tell(s, error, "AUTH %s", password) : STREAMS_ANSWERED;
}

static struct timeval time_of(double seconds)
{
    return (struct timeval){.tv_sec = (time_t)seconds};
}

static enum streams_answer connect_to(struct streams *s, diffedit_error *error)
{
    if (s->context)
        return STREAMS_ANSWERED;
    const struct queue_url *url = s->settings.url;
    s->context = redisConnectWithTimeout(url->host, url->port, time_of(connect_seconds));
    if (!s->context || s->context->err)
        return broke(s, error);
    s->connections++;
    redisSetTimeout(s->context, time_of(reply_seconds));
    redisEnableKeepAlive(s->context);
    if (s->tls && !streams_tls_begin(s->context, s->tls, url->host))
        return broke(s, error);
    return log_in(s, error);
}

/* ---- trying again ---- */

static void say(struct streams *s, const char *format, const char *sentence)
{
    char text[640];
    if (!s->settings.say)
        return;
    de_sentence(text, sizeof text, format, sentence);
    s->settings.say(s->settings.user, text);
}

/* Notes that it is lost, and says so the first time, and each minute. */
static void note_lost(struct streams *s, const diffedit_error *error)
{
    const double again = 60;
    double now = clock_monotonic();
    if (s->lost_since == 0)
        s->lost_since = now;
    if (s->said == 0 || now - s->said > again) {
        s->said = now;
        say(s, "%s; trying again", error->message);
    }
}

static void note_back(struct streams *s)
{
    if (s->said != 0)
        say(s, "%s: connected again", s->settings.url->label);
    s->lost_since = s->said = 0;
}

/* Sleeps for the pause before attempt `number`, but not over a signal. Connections of many workers
 * that broke together do not come back together. */
static void pause_before(struct streams *s, int number)
{
    const double longest = 5;
    double seconds = fmin(longest, 0.1 * pow(2, number));
    seconds *= 0.5 + 0.5 * fmod(clock_monotonic() * 1e4, 1);
    clock_rest(seconds, s->settings.stops, s->settings.user);
}

static enum streams_answer attempt_once(struct streams *s, streams_attempt *attempt, void *what,
                                        diffedit_error *error)
{
    enum streams_answer answer = connect_to(s, error);
    if (answer == STREAMS_ANSWERED)
        answer = attempt(s, what, error);
    if (answer == STREAMS_ANSWERED)
        note_back(s);
    else
        disconnect(s); /* replies that nobody read must not be taken for later ones */
    return answer;
}

diffedit_status streams_do_once(struct streams *s, streams_attempt *attempt, void *what,
                                diffedit_error *error)
{
    return attempt_once(s, attempt, what, error) == STREAMS_ANSWERED ? DIFFEDIT_OK
                                                                     : DIFFEDIT_ERROR_FILE;
}

diffedit_status streams_do(struct streams *s, streams_attempt *attempt, void *what,
                           diffedit_error *error)
{
    diffedit_error mine;
    error = error ? error : &mine;
    for (int number = 0, last = 0;; number += number < 10) {
        enum streams_answer answer = attempt_once(s, attempt, what, error);
        if (answer == STREAMS_ANSWERED)
            return DIFFEDIT_OK;
        if (answer == STREAMS_REFUSED)
            return error->code;
        note_lost(s, error);
        if (clock_monotonic() - s->lost_since >= s->settings.patience)
            return error->code;
        /* the first attempt after a signal may have met a connection that was dead for long */
        if (stops(s) && last++)
            return de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
        pause_before(s, number);
    }
}

/* ---- asking ---- */

enum streams_answer streams_odd(const struct streams *s, const char *command, diffedit_error *error)
{
    de_fail(error, DIFFEDIT_ERROR_FILE, "%s: the reply to %s is none that Redis gives",
            s->settings.url->label, command);
    return STREAMS_REFUSED;
}

bool streams_is_error(const redisReply *reply, const char *kind)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, kind, strlen(kind)) == 0;
}

/* What the server cannot do now, and may be able to later: it starts, is a replica for a moment, is
 * full, cannot write its log; somebody removed the stream that was waited for or asked about. */
static bool passes(const redisReply *reply)
{
    static const char *const kinds[] = {
        "LOADING",    "MASTERDOWN", "READONLY",        "OOM",
        "MISCONF",    "BUSY ",      "TRYAGAIN",        "CLUSTERDOWN",
        "NOREPLICAS", "UNBLOCKED",  "ERR no such key", "ERR max number of clients"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (streams_is_error(reply, kinds[i]))
            return true;
    return false;
}

static size_t length_before(const char *text, const char *part)
{
    const char *found = strstr(text, part);
    return found ? (size_t)(found - text) : strlen(text);
}

static enum streams_answer refused(struct streams *s, const redisReply *reply,
                                   diffedit_error *error)
{
    const struct queue_url *url = s->settings.url;
    const char *user = url->user ? url->user : "default";
    if (passes(reply)) {
        de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %s", url->label, reply->str);
        return STREAMS_LOST;
    }
    if (streams_is_error(reply, "NOAUTH"))
        de_fail(error, DIFFEDIT_ERROR_FILE,
                "%s: Redis wants a password: expected one in DIFFEDIT_REDIS_PASSWORD or in the "
                "address",
                url->label);
    else if (streams_is_error(reply, "WRONGPASS"))
        de_fail(error, DIFFEDIT_ERROR_FILE, "%s: Redis refuses the password of the user %s",
                url->label, user);
    else if (streams_is_error(reply, "NOPERM"))
        de_fail(error, DIFFEDIT_ERROR_FILE, "%s: Redis does not let the user %s do this: %s",
                url->label, user, reply->str);
    else /* but not the arguments, a password among them, of a command that it does not know */
        de_fail(error, DIFFEDIT_ERROR_FILE, "%s: Redis says: %.*s", url->label,
                (int)length_before(reply->str, ", with args"), reply->str);
    return STREAMS_REFUSED;
}

static enum streams_answer append(struct streams *s, diffedit_error *error, const char *format,
                                  va_list words)
{
    if (redisvAppendCommand(s->context, format, words) != REDIS_OK)
        return broke(s, error);
    return STREAMS_ANSWERED;
}

enum streams_answer streams_append(struct streams *s, diffedit_error *error, const char *format,
                                   ...)
{
    va_list words;
    va_start(words, format);
    enum streams_answer answer = append(s, error, format, words);
    va_end(words);
    return answer;
}

/* Reads until a reply is whole. Waits by poll(), not in a read(), so that a signal ends it in time:
 * what is under way then has a moment more, because a line may come in that moment. */
static enum streams_answer receive(void **reply, struct streams *s, double seconds,
                                   diffedit_error *error)
{
    double end = clock_monotonic() + seconds + reply_seconds;
    bool stopping = false;
    for (;;) {
        if (redisGetReplyFromReader(s->context, reply) != REDIS_OK)
            return broke(s, error);
        if (*reply)
            return STREAMS_ANSWERED;
        struct pollfd wait = {.fd = s->context->fd, .events = POLLIN};
        double left = end - clock_monotonic();
        if (left <= 0) {
            de_fail(error, DIFFEDIT_ERROR_FILE, "%s: no reply in %.0f s", s->settings.url->label,
                    reply_seconds);
            disconnect(s);
            return STREAMS_LOST;
        }
        int ready = poll(&wait, 1, (int)(1e3 * fmin(left, 1)) + 1);
        if (ready > 0 && redisBufferRead(s->context) != REDIS_OK)
            return broke(s, error);
        if (!stopping && stops(s)) {
            stopping = true;
            end = fmin(end, clock_monotonic() + last_seconds);
        }
    }
}

enum streams_answer streams_reply(redisReply **reply, struct streams *s, double seconds,
                                  diffedit_error *error)
{
    void *got = NULL;
    int written = 0;
    *reply = NULL;
    while (!written)
        if (redisBufferWrite(s->context, &written) != REDIS_OK)
            return broke(s, error);
    enum streams_answer answer = receive(&got, s, seconds, error);
    if (answer != STREAMS_ANSWERED)
        return answer;
    *reply = got;
    if ((*reply)->type != REDIS_REPLY_ERROR || streams_is_error(*reply, "NOGROUP") ||
        streams_is_error(*reply, "BUSYGROUP"))
        return STREAMS_ANSWERED;
    answer = refused(s, *reply, error);
    freeReplyObject(*reply);
    *reply = NULL;
    return answer;
}

static enum streams_answer ask(redisReply **reply, struct streams *s, diffedit_error *error,
                               const char *format, va_list words)
{
    enum streams_answer answer = append(s, error, format, words);
    return answer == STREAMS_ANSWERED ? streams_reply(reply, s, 0, error) : answer;
}

enum streams_answer streams_ask(redisReply **reply, struct streams *s, diffedit_error *error,
                                const char *format, ...)
{
    va_list words;
    va_start(words, format);
    *reply = NULL;
    enum streams_answer answer = ask(reply, s, error, format, words);
    va_end(words);
    return answer;
}

enum streams_answer streams_tell(struct streams *s, diffedit_error *error, const char *format, ...)
{
    redisReply *reply = NULL;
    va_list words;
    va_start(words, format);
    enum streams_answer answer = ask(&reply, s, error, format, words);
    va_end(words);
    if (reply)
        freeReplyObject(reply);
    return answer;
}

enum streams_answer streams_make_group(struct streams *s, diffedit_error *error)
{
    /* from the beginning: lines may have been put before */
    return streams_tell(s, error, "XGROUP CREATE %s " STREAMS_GROUP " 0 MKSTREAM", s->lines);
}

enum streams_answer streams_ask_consumers(redisReply **reply, struct streams *s,
                                          diffedit_error *error)
{
    enum streams_answer answer = streams_make_group(s, error);
    if (answer == STREAMS_ANSWERED)
        answer = streams_ask(reply, s, error, "XINFO CONSUMERS %s " STREAMS_GROUP, s->lines);
    return answer;
}
