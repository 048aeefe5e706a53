#include "http_inside.h"

#include "clock.h"
#include "common/error.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* ---- the life of a request; all of it in the HTTP thread ---- */

/* The request line was read. libmicrohttpd's own reading of the address is not used: it has
 * replaced %XX and may end early. */
static void *begin(void *user, const char *address, struct MHD_Connection *connection)
{
    static const double for_headers = 10;
    http_request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->http = user;
    request->connection = connection;
    request->began = clock_monotonic();
    request->path = strndup(address, strcspn(address, "?"));
    http_connections_give(user, connection, for_headers);
    return request;
}

static enum MHD_Result count_hosts(void *user, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    int *count = user;
    (void)kind;
    (void)value;
    *count += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    return MHD_YES;
}

static guard_verdict check(const http_request *request)
{
    const unsigned flags = request->route ? request->route->flags : 0;
    const guard_request asked = {
        .host = http_header(request, MHD_HTTP_HEADER_HOST),
        .origin = http_header(request, MHD_HTTP_HEADER_ORIGIN),
        .site = http_header(request, "Sec-Fetch-Site"),
        .mode = http_header(request, "Sec-Fetch-Mode"),
        .authorization = http_header(request, MHD_HTTP_HEADER_AUTHORIZATION),
        .cookie = http_header(request, MHD_HTTP_HEADER_COOKIE),
        .open = flags & (HTTP_OPEN | HTTP_PAGE),
        .navigation = flags & HTTP_PAGE,
    };
    int hosts = 0;
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_hosts, &hosts);
    return hosts > 1 ? GUARD_FOREIGN_HOST : guard_check(request->http->settings.guard, &asked);
}

/* The headers are there. Whoever may not ask learns nothing of what there is. */
static void look_at_headers(http_request *request, const char *method)
{
    snprintf(request->method, sizeof request->method, "%s", method);
    const http_route *route = http_find_route(request);
    request->route = route;
    guard_verdict verdict = check(request);
    if (request->http->stops)
        http_reply_ending(request);
    else if (verdict != GUARD_PASSES)
        http_reply_refused(request, verdict);
    else if (!route)
        http_reply_no_route(request);
    else
        http_check_query(request);
    if (!request->replied)
        http_begin_body(request);
}

/* Whether a handler may begin; what begins is waited for at the end. */
static bool enter(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    bool may = !http->stops;
    http->busy += may;
    pthread_mutex_unlock(&http->lock);
    return may;
}

static void leave(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    http->busy--;
    pthread_mutex_unlock(&http->lock);
}

/* The request is there. */
static void run(http_request *request)
{
    struct http *http = request->http;
    http_connections_give(http, request->connection, (double)INFINITY);
    if (request->refused)
        http_refuse_body(request, request->refused);
    else if (request->route->flags & HTTP_SLOW)
        http_slow_add(http, request);
    else
        request->route->handler(request, http->settings.server);
}

/* Runs it; sends the reply, or sleeps until there is one. */
static enum MHD_Result run_and_reply(http_request *request)
{
    struct http *http = request->http;
    request->phase = HTTP_RUNS;
    if (!enter(http)) {
        http_reply_ending(request);
        return http_send(request);
    }
    run(request);
    pthread_mutex_lock(&http->lock);
    bool replied = request->replied;
    if (!replied) {
        request->asleep = true;
        http->asleep++;
        MHD_suspend_connection(request->connection);
    }
    pthread_mutex_unlock(&http->lock);
    leave(http);
    return replied ? http_send(request) : MHD_YES;
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *address,
                              const char *method, const char *version, const char *bytes,
                              size_t *size, void **context)
{
    http_request *request = *context;
    (void)user;
    (void)connection;
    (void)address;
    (void)version;
    if (!request || !request->path)
        return MHD_NO;
    switch (request->phase) {
    case HTTP_HEADERS:
        request->phase = HTTP_RECEIVES;
        look_at_headers(request, method);
        return request->replied ? http_send(request) : MHD_YES;
    case HTTP_RECEIVES:
        if (*size) {
            http_add_body(request, bytes, *size);
            *size = 0;
            return MHD_YES;
        }
        return run_and_reply(request);
    case HTTP_RUNS: return http_send(request);
    default: return MHD_YES;
    }
}

/* One line: method, path without what follows a question mark, status, bytes of the body, time. */
static void print_line(const http_request *request)
{
    char line[512];
    if (request->http->settings.quiet)
        return;
    de_sentence(line, sizeof line, "%s %.300s %d %ju bytes %.0f ms",
                *request->method ? request->method : "-", request->path ? request->path : "-",
                request->status, (uintmax_t)request->bytes,
                (clock_monotonic() - request->began) * 1000);
    fprintf(stderr, "%s\n", line);
}

static void end(void *user, struct MHD_Connection *connection, void **context,
                enum MHD_RequestTerminationCode code)
{
    static const double for_next = 60; /* seconds until the headers of another request */
    http_request *request = *context;
    (void)code;
    if (!request)
        return;
    *context = NULL;
    print_line(request);
    if (request->streams)
        http_stream_close(request);
    if (request->response)
        MHD_destroy_response(request->response);
    http_free_body(request);
    json_decref(request->json);
    free(request->path);
    free(request);
    http_connections_give(user, connection, for_next);
}

/* ---- the server ---- */

static diffedit_status start_daemon(struct http *http, diffedit_error *error)
{
    enum { IDLE = 60, CONNECTIONS = 640, MEMORY = 32 << 10 };
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (getsockname(http->settings.socket, (struct sockaddr *)&address, &length) == 0 &&
        address.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    http->daemon = MHD_start_daemon(
        flags, 0, http_connections_accept, http, handle, http, MHD_OPTION_LISTEN_SOCKET,
        http->settings.socket, MHD_OPTION_NOTIFY_CONNECTION, http_connections_notify, http,
        MHD_OPTION_URI_LOG_CALLBACK, begin, http, MHD_OPTION_NOTIFY_COMPLETED, end, http,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    return http->daemon ? DIFFEDIT_OK
                        : de_fail(error, DIFFEDIT_ERROR_FILE, "the HTTP server cannot start: %s",
                                  strerror(errno));
}

diffedit_status http_start(struct http **started, const http_settings *settings,
                           diffedit_error *error)
{
    struct http *http = calloc(1, sizeof *http);
    *started = NULL;
    if (!http) {
        close(settings->socket);
        return de_fail_memory(error, sizeof *http, "the HTTP server");
    }
    http->settings = *settings;
    pthread_mutex_init(&http->lock, NULL);
    pthread_cond_init(&http->work, NULL);
    diffedit_status status = http_slow_start(http, error);
    if (status == DIFFEDIT_OK)
        status = start_daemon(http, error);
    if (status != DIFFEDIT_OK) {
        http_slow_stop(http);
        http_slow_join(http);
        close(settings->socket);
        free(http);
        return status;
    }
    *started = http;
    return DIFFEDIT_OK;
}

static bool is_at_rest(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    bool rests = http->busy == 0 && http->asleep == 0;
    pthread_mutex_unlock(&http->lock);
    return rests;
}

bool http_stop(struct http *http)
{
    const struct timespec pause = {0, 20 * 1000 * 1000};
    double end_of_patience = clock_monotonic() + 1;
    MHD_socket listening = MHD_quiesce_daemon(http->daemon);
    http_slow_stop(http);
    while (!is_at_rest(http)) {
        if (clock_monotonic() > end_of_patience)
            return false;
        nanosleep(&pause, NULL);
    }
    http_slow_join(http);
    MHD_stop_daemon(http->daemon); /* closes the connections; nothing is suspended any more */
    if (listening != MHD_INVALID_SOCKET)
        close(listening);
    pthread_cond_destroy(&http->work);
    pthread_mutex_destroy(&http->lock);
    free(http);
    return true;
}
