#include "events.h"

#include "common/error.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEW = 64,    /* waiting events beyond which a job's state takes the place of its older one */
    MANY = 4096, /* beyond which a client is too slow: its stream ends, and it may come again */
    JOB = 65
};

/* What is sent, shared by all who wait for it. */
struct event {
    int references;
    events_kind kind;
    char job[JOB];
    size_t size;
    char *text;
};

typedef struct events_list {
    struct event **at;
    size_t count, room;
} events_list;

struct listener {
    struct listener *next;
    struct events *hub;
    http_request *request;
    char job[JOB];       /* "": all */
    events_list waiting; /* the first may be half sent */
    size_t sent;         /* bytes of the first */
    bool ends;           /* after what waits */
};

/* Somebody in this program who waits for the end of a job. */
struct waiter {
    struct waiter *next;
    char job[JOB];
    events_ended_fn ended;
    void *user;
};

struct events {
    pthread_mutex_t mutex;
    struct listener *listeners;
    struct waiter *waiters;
    events_list live; /* the last state of each job that has not ended */
};

diffedit_status events_new(struct events **made, diffedit_error *error)
{
    struct events *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "the events");
    pthread_mutex_init(&new->mutex, NULL);
    *made = new;
    return DIFFEDIT_OK;
}

/* ---- lists ---- */

static void release(struct event *event)
{
    if (--event->references > 0)
        return;
    free(event->text);
    free(event);
}

/* False: out of memory. */
static bool append(events_list *list, struct event *event)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct event **grown = realloc(list->at, room * sizeof *grown);
        if (!grown)
            return false;
        list->at = grown;
        list->room = room;
    }
    event->references++;
    list->at[list->count++] = event;
    return true;
}

static void replace(events_list *list, size_t at, struct event *event)
{
    event->references++;
    release(list->at[at]);
    list->at[at] = event;
}

static void take_out(events_list *list, size_t at)
{
    release(list->at[at]);
    list->count--;
    memmove(list->at + at, list->at + at + 1, (list->count - at) * sizeof *list->at);
}

static void empty(events_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        release(list->at[i]);
    free(list->at);
    *list = (events_list){.count = 0};
}

/* Where the state of a job is that has not ended, or behind the last. */
static size_t find_live(const struct events *events, const char *job)
{
    size_t at = 0;
    while (at < events->live.count && strcmp(events->live.at[at]->job, job) != 0)
        at++;
    return at;
}

/* Takes out those who wait for this job, or all (NULL). */
static struct waiter *take_waiters(struct events *events, const char *job)
{
    struct waiter *taken = NULL, **link = &events->waiters;
    while (*link) {
        struct waiter *one = *link;
        if (job && strcmp(one->job, job) != 0) {
            link = &one->next;
            continue;
        }
        *link = one->next;
        one->next = taken;
        taken = one;
    }
    return taken;
}

static void call(struct waiter *waiters, bool ended)
{
    while (waiters) {
        struct waiter *next = waiters->next;
        if (ended)
            waiters->ended(waiters->user);
        free(waiters);
        waiters = next;
    }
}

bool events_await(struct events *events, const char *job, events_ended_fn ended, void *user)
{
    struct waiter *new = calloc(1, sizeof *new);
    if (!new)
        return false;
    *new = (struct waiter){.ended = ended, .user = user};
    snprintf(new->job, sizeof new->job, "%s", job);
    pthread_mutex_lock(&events->mutex);
    bool lives = find_live(events, job) < events->live.count;
    if (lives) {
        new->next = events->waiters;
        events->waiters = new;
    }
    pthread_mutex_unlock(&events->mutex);
    if (!lives)
        free(new);
    return lives;
}

void events_free(struct events *events)
{
    if (!events)
        return;
    empty(&events->live);
    call(take_waiters(events, NULL), false);
    pthread_mutex_destroy(&events->mutex);
    free(events);
}

/* ---- publishing ---- */

char *events_text(const char *name, json_t *data)
{
    char *json = data ? json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    size_t size = json ? strlen(json) + strlen(name) + 24 : 0;
    char *text = json ? malloc(size) : NULL;
    if (text)
        snprintf(text, size, "event: %s\ndata: %s\n\n", name, json);
    free(json);
    json_decref(data);
    return text;
}

static struct event *make(const char *job, events_kind kind, json_t *data)
{
    struct event *new = calloc(1, sizeof *new);
    char *text = events_text(kind == EVENTS_PREVIEW ? "preview" : "job", data);
    if (!new || !text) {
        free(new);
        free(text);
        return NULL;
    }
    *new = (struct event){.references = 1, .kind = kind, .size = strlen(text), .text = text};
    snprintf(new->job, sizeof new->job, "%s", job);
    return new;
}

/* Whether a newer event says all that an older one of the same job does. */
static bool supersedes(const struct event *newer, const struct event *older, bool many)
{
    if (strcmp(newer->job, older->job) != 0)
        return false;
    if (older->kind == EVENTS_PREVIEW)
        return newer->kind == EVENTS_PREVIEW || newer->kind == EVENTS_END;
    return newer->kind != EVENTS_PREVIEW && (older->kind == EVENTS_PROGRESS || many);
}

static void put(struct listener *listener, struct event *event)
{
    events_list *waiting = &listener->waiting;
    bool many = waiting->count > FEW;
    for (size_t i = waiting->count; i > (listener->sent > 0); i--)
        if (supersedes(event, waiting->at[i - 1], many)) {
            take_out(waiting, i - 1);
            break;
        }
    if (waiting->count >= MANY || !append(waiting, event)) {
        empty(waiting);
        listener->sent = 0;
        listener->ends = true;
    }
    if (listener->job[0] && event->kind == EVENTS_END)
        listener->ends = true;
}

/* Keeps the last state of each job for those who come later. */
static void remember(struct events *events, struct event *event)
{
    size_t at = find_live(events, event->job);
    if (event->kind == EVENTS_PREVIEW)
        return;
    if (event->kind == EVENTS_END) {
        if (at < events->live.count)
            take_out(&events->live, at);
    } else if (at < events->live.count) {
        replace(&events->live, at, event);
    } else {
        append(&events->live, event);
    }
}

void events_publish(struct events *events, const char *job, events_kind kind, json_t *data)
{
    struct event *event = make(job, kind, data);
    if (!event)
        return;
    pthread_mutex_lock(&events->mutex);
    remember(events, event);
    for (struct listener *one = events->listeners; one; one = one->next) {
        if (one->ends || (one->job[0] && strcmp(one->job, job) != 0))
            continue;
        put(one, event);
        http_stream_wake(one->request);
    }
    release(event);
    struct waiter *waiters = kind == EVENTS_END ? take_waiters(events, job) : NULL;
    pthread_mutex_unlock(&events->mutex);
    call(waiters, true);
}

/* ---- listening ---- */

bool events_are_heard(struct events *events)
{
    pthread_mutex_lock(&events->mutex);
    bool heard = events->listeners != NULL;
    pthread_mutex_unlock(&events->mutex);
    return heard;
}

static ssize_t read_events(void *user, char *bytes, size_t size)
{
    struct listener *listener = user;
    size_t done = 0;
    pthread_mutex_lock(&listener->hub->mutex);
    while (done < size && listener->waiting.count > 0) {
        const struct event *first = listener->waiting.at[0];
        size_t left = first->size - listener->sent;
        size_t part = left < size - done ? left : size - done;
        memcpy(bytes + done, first->text + listener->sent, part);
        done += part;
        listener->sent += part;
        if (listener->sent == first->size) {
            take_out(&listener->waiting, 0);
            listener->sent = 0;
        }
    }
    bool end = done == 0 && listener->ends;
    pthread_mutex_unlock(&listener->hub->mutex);
    return end ? -1 : (ssize_t)done;
}

static void closed(void *user)
{
    struct listener *listener = user;
    struct events *hub = listener->hub;
    pthread_mutex_lock(&hub->mutex);
    for (struct listener **link = &hub->listeners; *link; link = &(*link)->next)
        if (*link == listener) {
            *link = listener->next;
            break;
        }
    empty(&listener->waiting);
    pthread_mutex_unlock(&hub->mutex);
    free(listener);
}

/* Adds a listener to the hub, with what it begins with; false: nothing of this job is to come. */
static bool begin(struct listener *listener)
{
    struct events *hub = listener->hub;
    bool found = !listener->job[0];
    pthread_mutex_lock(&hub->mutex);
    for (size_t i = 0; i < hub->live.count; i++)
        if (!listener->job[0] || strcmp(hub->live.at[i]->job, listener->job) == 0)
            found = append(&listener->waiting, hub->live.at[i]) || found;
    if (found) {
        listener->next = hub->listeners;
        hub->listeners = listener;
    }
    pthread_mutex_unlock(&hub->mutex);
    return found;
}

bool events_stream(struct events *events, http_request *request, const char *job)
{
    struct listener *new = calloc(1, sizeof *new);
    if (!new) {
        http_reply_fail(request, 503, "memory", "out of memory");
        return true;
    }
    *new = (struct listener){.hub = events, .request = request};
    snprintf(new->job, sizeof new->job, "%s", job ? job : "");
    if (!begin(new)) {
        free(new);
        return false;
    }
    const http_stream stream = {.type = "text/event-stream",
                                .read = read_events,
                                .closed = closed,
                                .user = new,
                                .idle = ": keep-alive\n\n"};
    http_reply_stream(request, &stream);
    return true;
}
