#include "http_inside.h"

#include "clock.h"
#include "common/error.h"
#include "job_option.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- every reply ---- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

/* What a browser may do with the page: nothing from elsewhere, nothing inline, in no frame. */
static const char page_policy[] =
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
static const char other_policy[] = "default-src 'none'; frame-ancestors 'none'";

/* The reply is made; the connection wakes up if it sleeps. Takes `response`. */
static void reply(http_request *request, int status, struct MHD_Response *response)
{
    struct http *http = request->http;
    bool is_page = request->route && request->route->flags & HTTP_PAGE;
    if (response) {
        add_header(response, "X-Content-Type-Options", "nosniff");
        add_header(response, "Referrer-Policy", "no-referrer");
        add_header(response, "Cross-Origin-Resource-Policy", "same-origin");
        add_header(response, "Cross-Origin-Opener-Policy", "same-origin");
        add_header(response, "Content-Security-Policy", is_page ? page_policy : other_policy);
        if (!MHD_get_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL))
            add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        for (int i = 0; i < HTTP_HEADERS_SET && request->header_names[i]; i++)
            add_header(response, request->header_names[i], request->header_values[i]);
    }
    pthread_mutex_lock(&http->lock);
    if (request->replied) { /* a second reply */
        pthread_mutex_unlock(&http->lock);
        MHD_destroy_response(response);
        return;
    }
    request->replied = true;
    request->response = response;
    request->status = response ? status : MHD_HTTP_SERVICE_UNAVAILABLE;
    if (request->asleep) {
        request->asleep = false;
        http->asleep--;
        MHD_resume_connection(request->connection);
    }
    pthread_mutex_unlock(&http->lock);
}

enum MHD_Result http_send(http_request *request)
{
    /* seconds and bytes a second: of a client that reads slowly */
    static const double at_least = 60, rate = 16 << 10;
    struct MHD_Response *response = request->response;
    request->response = NULL;
    request->phase = HTTP_REPLIED;
    if (!response)
        return MHD_NO; /* there was no memory for it: the connection is closed */
    http_connections_give(request->http, request->connection,
                          request->streams ? (double)INFINITY
                                           : at_least + (double)request->bytes / rate);
    enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)request->status,
                                                response);
    MHD_destroy_response(response);
    return result;
}

void http_set_header(http_request *request, const char *name, const char *value)
{
    for (int i = 0; i < HTTP_HEADERS_SET; i++)
        if (!request->header_names[i]) {
            request->header_names[i] = name;
            snprintf(request->header_values[i], sizeof request->header_values[i], "%s", value);
            return;
        }
}

/* ---- bytes ---- */

static struct MHD_Response *of_bytes(http_request *request, const char *type, void *bytes,
                                     size_t size, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(size, bytes, mode);
    request->bytes = size;
    if (response)
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    else if (mode == MHD_RESPMEM_MUST_FREE)
        free(bytes);
    return response;
}

void http_reply_bytes(http_request *request, int status, const char *type, void *taken, size_t size)
{
    reply(request, status, of_bytes(request, type, taken, size, MHD_RESPMEM_MUST_FREE));
}

void http_reply_nothing(http_request *request)
{
    static char nothing[1];
    reply(request, MHD_HTTP_NO_CONTENT,
          MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT));
}

void http_reply_fixed(http_request *request, const char *type, const void *bytes, size_t size,
                      const char *tag, const char *encoding)
{
    const char *known = http_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool same = known && strstr(known, tag);
    struct MHD_Response *response = of_bytes(request, type, (void *)(uintptr_t)bytes,
                                             same ? 0 : size, MHD_RESPMEM_PERSISTENT);
    if (response) {
        add_header(response, MHD_HTTP_HEADER_ETAG, tag);
        add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
        add_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
        if (encoding)
            add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, encoding);
    }
    reply(request, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}

void http_reply_json(http_request *request, int status, json_t *taken)
{
    char *text = taken ? json_dumps(taken, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15))
                       : NULL;
    json_decref(taken);
    if (text)
        http_reply_bytes(request, status, "application/json", text, strlen(text));
    else
        http_reply_fail(request, MHD_HTTP_SERVICE_UNAVAILABLE, "memory", "out of memory");
}

/* ---- files ---- */

/* The name as ASCII for old programs and in full for others (RFC 6266). */
static void disposition(char *value, size_t size, const char *name)
{
    size_t used = (size_t)snprintf(value, size, "attachment; filename=\"");
    for (const char *at = name; *at && used + 2 < size / 4; at++)
        value[used++] = isalnum((unsigned char)*at) || strchr("._- ", *at) ? *at : '_';
    used += (size_t)snprintf(value + used, size - used, "\"; filename*=UTF-8''");
    for (const char *at = name; *at && used + 4 < size; at++)
        if (isalnum((unsigned char)*at) || strchr("._-", *at))
            value[used++] = *at;
        else
            used += (size_t)snprintf(value + used, size - used, "%%%02X", (unsigned char)*at);
    value[used] = '\0';
}

void http_reply_file(http_request *request, const char *type, int descriptor,
                     const char *download_name, bool immutable)
{
    struct stat info;
    bool known = fstat(descriptor, &info) == 0;
    struct MHD_Response *response = known ? MHD_create_response_from_fd64((uint64_t)info.st_size,
                                                                          descriptor)
                                          : NULL;
    if (!response) {
        close(descriptor);
        http_reply_fail(request, MHD_HTTP_SERVICE_UNAVAILABLE, "file", "the file cannot be read");
        return;
    }
    char value[1024];
    request->bytes = (uint64_t)info.st_size;
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
               immutable ? "private, max-age=31536000, immutable" : "no-store");
    if (download_name) {
        disposition(value, sizeof value, download_name);
        add_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, value);
    }
    reply(request, MHD_HTTP_OK, response);
}

/* ---- errors ---- */

/* The first name in backquotes that is an option: what the sentence speaks of. */
static const char *option_in(const char *sentence)
{
    for (const char *open = strchr(sentence, '`'); open; open = strchr(open + 1, '`')) {
        char name[64];
        size_t length = strcspn(open + 1, "`");
        if (!open[1 + length] || length >= sizeof name)
            return NULL;
        for (size_t i = 0; i < length; i++)
            name[i] = (char)(open[1 + i] == '_' ? '-' : open[1 + i]);
        name[length] = '\0';
        const diffedit_option *option = job_option_find(name);
        if (option)
            return option->name;
        open += 1 + length;
    }
    return NULL;
}

static void fail(http_request *request, int status, const char *kind, const char *sentence)
{
    const char *option = option_in(sentence);
    bool twice = request->route && request->route->flags & HTTP_DETAIL;
    json_t *object = json_pack("{s:s, s:s, s:s*, s:s*}", "error", kind, "message", sentence,
                               "option", option, "detail", twice ? sentence : NULL);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text)
        http_reply_bytes(request, status, "application/json", text, strlen(text));
    else
        reply(request, status, NULL);
}

void http_reply_fail(http_request *request, int status, const char *kind, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    de_sentence_list(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    fail(request, status, kind, sentence);
}

void http_reply_error(http_request *request, const diffedit_error *error)
{
    switch (error->code) {
    case DIFFEDIT_ERROR_ARGUMENT:
        fail(request, MHD_HTTP_BAD_REQUEST, "argument", error->message);
        return;
    case DIFFEDIT_ERROR_PICTURE:
        fail(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "picture", error->message);
        return;
    case DIFFEDIT_ERROR_MODEL:
        fail(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "model", error->message);
        return;
    case DIFFEDIT_ERROR_DEVICE:
        fail(request, MHD_HTTP_SERVICE_UNAVAILABLE, "device", error->message);
        return;
    case DIFFEDIT_ERROR_MEMORY:
    case DIFFEDIT_ERROR_CANCELLED:
        fail(request, MHD_HTTP_SERVICE_UNAVAILABLE, "memory", error->message);
        return;
    default: fail(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "file", error->message);
    }
}

void http_reply_ending(http_request *request)
{
    http_reply_fail(request, MHD_HTTP_SERVICE_UNAVAILABLE, "limit", "the server is ending");
}

void http_reply_refused(http_request *request, guard_verdict verdict)
{
    switch (verdict) {
    case GUARD_FOREIGN_HOST:
        http_reply_fail(request, MHD_HTTP_FORBIDDEN, "forbidden",
                        "this server is not called what the request calls it; if it should be, "
                        "start it with --host-name");
        return;
    case GUARD_FOREIGN_ORIGIN:
        http_reply_fail(request, MHD_HTTP_FORBIDDEN, "forbidden",
                        "a page of another site asks, and none may");
        return;
    default:
        http_set_header(request, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
        http_reply_fail(request, MHD_HTTP_UNAUTHORIZED, "forbidden",
                        "the token is missing or wrong; open the link that the server showed when "
                        "it started");
    }
}

/* ---- streams ---- */

static ssize_t read_stream(void *user, uint64_t position, char *bytes, size_t size)
{
    http_request *request = user;
    struct http *http = request->http;
    (void)position;
    for (;;) {
        pthread_mutex_lock(&http->lock);
        bool ends = http->stops, idle = request->idle;
        request->woken = request->idle = false;
        pthread_mutex_unlock(&http->lock);
        ssize_t count = ends ? -1 : request->stream.read(request->stream.user, bytes, size);
        if (count < 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (count == 0 && idle && strlen(request->stream.idle) <= size) {
            count = (ssize_t)strlen(request->stream.idle);
            memcpy(bytes, request->stream.idle, (size_t)count);
        }
        pthread_mutex_lock(&http->lock);
        bool sleeps = count == 0 && !request->woken && !http->stops;
        if (sleeps) {
            request->dozes = true;
            MHD_suspend_connection(request->connection);
        } else if (count > 0) {
            request->bytes += (uint64_t)count;
            request->spoke = clock_monotonic();
        }
        pthread_mutex_unlock(&http->lock);
        if (sleeps || count > 0)
            return count;
    }
}

static bool add_stream(struct http *http, http_request *request)
{
    enum { MOST = 256 };
    pthread_mutex_lock(&http->lock);
    bool fits = http->stream_count < MOST;
    if (fits) {
        http->stream_count++;
        request->streams = true;
        request->spoke = clock_monotonic();
        request->next_stream = http->streams;
        if (request->next_stream)
            request->next_stream->previous_stream = request;
        http->streams = request;
    }
    pthread_mutex_unlock(&http->lock);
    return fits;
}

void http_reply_stream(http_request *request, const http_stream *stream)
{
    enum { BLOCK = 1 << 14 };
    request->stream = *stream;
    if (!add_stream(request->http, request)) {
        stream->closed(stream->user);
        http_reply_fail(request, MHD_HTTP_SERVICE_UNAVAILABLE, "limit",
                        "too many programs and pages watch already");
        return;
    }
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
                                                                      read_stream, request, NULL);
    if (response)
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, stream->type);
    reply(request, MHD_HTTP_OK, response);
}

void http_stream_close(http_request *request)
{
    struct http *http = request->http;
    pthread_mutex_lock(&http->lock);
    if (request->previous_stream)
        request->previous_stream->next_stream = request->next_stream;
    else
        http->streams = request->next_stream;
    if (request->next_stream)
        request->next_stream->previous_stream = request->previous_stream;
    http->stream_count--;
    pthread_mutex_unlock(&http->lock);
    request->stream.closed(request->stream.user);
}

void http_stream_rouse(http_request *request)
{
    request->woken = true;
    if (request->dozes) {
        request->dozes = false;
        MHD_resume_connection(request->connection);
    }
}

void http_stream_wake(http_request *request)
{
    struct http *http = request->http;
    pthread_mutex_lock(&http->lock);
    http_stream_rouse(request);
    pthread_mutex_unlock(&http->lock);
}
