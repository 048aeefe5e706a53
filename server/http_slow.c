#include "http_inside.h"

#include "clock.h"
#include "common/error.h"

#include <string.h>
#include <time.h>

/* ---- slow handlers ---- */

void http_slow_add(struct http *http, http_request *request)
{
    pthread_mutex_lock(&http->lock);
    bool stops = http->stops;
    if (!stops) {
        request->next_slow = NULL;
        *http->last_slow = request;
        http->last_slow = &request->next_slow;
        pthread_cond_signal(&http->work);
    }
    pthread_mutex_unlock(&http->lock);
    if (stops)
        http_reply_ending(request);
}

/* With the lock held; NULL: there is none. */
static http_request *take(struct http *http)
{
    http_request *taken = http->first_slow;
    if (!taken)
        return NULL;
    http->first_slow = taken->next_slow;
    if (!http->first_slow)
        http->last_slow = &http->first_slow;
    return taken;
}

static void *run_slow(void *user)
{
    struct http *http = user;
    pthread_mutex_lock(&http->lock);
    while (!http->stops) {
        http_request *request = take(http);
        if (!request) {
            pthread_cond_wait(&http->work, &http->lock);
            continue;
        }
        http->busy++;
        pthread_mutex_unlock(&http->lock);
        request->route->handler(request, http->settings.server);
        pthread_mutex_lock(&http->lock);
        http->busy--;
    }
    pthread_mutex_unlock(&http->lock);
    return NULL;
}

/* ---- the clock ---- */

/* Streams that said nothing for a while say so: a client or a proxy that hears nothing gives up,
 * and a connection that is dead shows only when something is sent. */
static void wake_idle(struct http *http)
{
    static const double after = 15; /* seconds */
    double now = clock_monotonic();
    for (http_request *at = http->streams; at; at = at->next_stream)
        if (at->stream.idle && now - at->spoke >= after) {
            at->idle = true;
            at->spoke = now;
            http_stream_rouse(at);
        }
}

static void *run_sweeper(void *user)
{
    struct http *http = user;
    const struct timespec pause = {0, 500 * 1000 * 1000};
    pthread_mutex_lock(&http->lock);
    while (!http->stops) {
        http_connections_sweep(http);
        wake_idle(http);
        pthread_mutex_unlock(&http->lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&http->lock);
    }
    pthread_mutex_unlock(&http->lock);
    return NULL;
}

/* ---- all of them ---- */

diffedit_status http_slow_start(struct http *http, diffedit_error *error)
{
    http->last_slow = &http->first_slow;
    int failed = pthread_create(&http->sweeper, NULL, run_sweeper, http);
    http->sweeps = failed == 0;
    for (int i = 0; i < HTTP_SLOW_THREADS && !failed; i++) {
        failed = pthread_create(&http->slow[i], NULL, run_slow, http);
        http->slow_count += failed == 0;
    }
    return failed ? de_fail(error, DIFFEDIT_ERROR_MEMORY, "no thread can be started: %s",
                            strerror(failed))
                  : DIFFEDIT_OK;
}

void http_slow_stop(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    http->stops = true;
    pthread_cond_broadcast(&http->work);
    for (http_request *at = http->streams; at; at = at->next_stream)
        http_stream_rouse(at); /* they end */
    http_request *left;
    while ((left = take(http))) {
        pthread_mutex_unlock(&http->lock);
        http_reply_ending(left);
        pthread_mutex_lock(&http->lock);
    }
    pthread_mutex_unlock(&http->lock);
}

void http_slow_join(struct http *http)
{
    if (http->sweeps)
        pthread_join(http->sweeper, NULL);
    for (int i = 0; i < http->slow_count; i++)
        pthread_join(http->slow[i], NULL);
}
