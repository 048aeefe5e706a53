#include "http_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- routes ---- */

/* What is sent is compared as it is sent: a path that needs %XX is none of ours. */
static size_t part_length(const char *path)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strspn(path, letters);
    bool dots = length <= 2 && strspn(path, ".") >= length;
    return length <= HTTP_LONGEST_PART && !dots ? length : 0;
}

bool http_match(char part[HTTP_PARTS][HTTP_LONGEST_PART + 1], const char *pattern, const char *path)
{
    for (int count = 0; *pattern; pattern++) {
        if (*pattern != '{') {
            if (*pattern != *path++)
                return false;
            continue;
        }
        size_t length = part_length(path);
        if (length == 0)
            return false;
        memcpy(part[count], path, length);
        part[count++][length] = '\0';
        path += length;
        pattern = strchr(pattern, '}');
    }
    return *path == '\0';
}

static bool is_method(const http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Adds a method to the value of Allow; a GET is a HEAD too. */
static void allow(char *allowed, const char *method)
{
    if (*allowed)
        strcat(allowed, ", ");
    strcat(allowed, method);
    if (strcmp(method, "GET") == 0)
        strcat(allowed, ", HEAD");
}

const http_route *http_find_route(http_request *request)
{
    const http_settings *settings = &request->http->settings;
    for (size_t i = 0; i < settings->route_count; i++)
        if (is_method(&settings->routes[i], request->method) &&
            http_match(request->part, settings->routes[i].pattern, request->path))
            return &settings->routes[i];
    return NULL;
}

void http_reply_no_route(http_request *request)
{
    const http_settings *settings = &request->http->settings;
    char allowed[64] = "";
    for (size_t i = 0; i < settings->route_count; i++) {
        const http_route *route = &settings->routes[i];
        if (http_match(request->part, route->pattern, request->path) &&
            strlen(allowed) + strlen(route->method) + sizeof ", , HEAD" <= sizeof allowed)
            allow(allowed, route->method);
    }
    if (!*allowed) {
        http_reply_fail(request, MHD_HTTP_NOT_FOUND, "not-found", "there is nothing at %.200s",
                        request->path);
        return;
    }
    http_set_header(request, MHD_HTTP_HEADER_ALLOW, allowed);
    http_reply_fail(request, MHD_HTTP_METHOD_NOT_ALLOWED, "argument",
                    "%.200s takes %s, found %.16s", request->path, allowed, request->method);
}

/* ---- what was asked ---- */

const char *http_part(const http_request *request, int i)
{
    return request->part[i];
}

const char *http_query(const http_request *request, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, &size) != MHD_YES)
        return NULL;
    return value ? value : "";
}

const char *http_header(const http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result check_parameter(void *user, enum MHD_ValueKind kind, const char *name,
                                       size_t name_size, const char *value, size_t value_size)
{
    bool *is_text = user;
    (void)kind;
    json_t *texts[] = {json_stringn(name, name_size), json_stringn(value ? value : "", value_size)};
    for (int i = 0; i < 2; i++) { /* NULL is no UTF-8 */
        *is_text = *is_text && texts[i] &&
                   strlen(json_string_value(texts[i])) == json_string_length(texts[i]);
        json_decref(texts[i]);
    }
    return *is_text ? MHD_YES : MHD_NO;
}

void http_check_query(http_request *request)
{
    bool is_text = true;
    MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, check_parameter,
                                &is_text);
    if (!is_text)
        http_reply_fail(request, MHD_HTTP_BAD_REQUEST, "argument",
                        "a parameter behind the question mark is not text in UTF-8");
}

/* ---- bodies ---- */

/* All bodies together: a few large pictures. */
static const size_t most_bytes = (size_t)768 << 20;

/* Has the body's bytes counted; false: there are too many at the moment. */
static bool reserve(http_request *request, size_t capacity)
{
    struct http *http = request->http;
    pthread_mutex_lock(&http->lock);
    bool fits = http->body_bytes - request->body_capacity + capacity <= most_bytes;
    if (fits) {
        http->body_bytes += capacity - request->body_capacity;
        request->body_capacity = capacity;
    }
    pthread_mutex_unlock(&http->lock);
    return fits;
}

void http_refuse_body(http_request *request, int status)
{
    if (status == MHD_HTTP_CONTENT_TOO_LARGE)
        http_reply_fail(request, status, "limit", "the body has more than %zu bytes",
                        request->body_limit);
    else
        http_reply_fail(request, status, "memory",
                        "there is no memory for this now, because others send large files too");
}

/* Makes room; returns 0, or the status to refuse with. */
static int grow(http_request *request, size_t capacity)
{
    if (capacity > request->body_limit)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    if (!reserve(request, capacity))
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    char *larger = realloc(request->body, capacity + 1);
    if (!larger)
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    request->body = larger;
    return 0;
}

void http_begin_body(http_request *request)
{
    static const double at_least = 20, rate = 64 << 10; /* seconds, bytes a second */
    request->body_limit = request->route->flags & HTTP_LARGE ? (size_t)HTTP_LARGEST_BODY
                                                             : (size_t)HTTP_BODY;
    const char *header = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned long long length = header ? strtoull(header, NULL, 10) : 0;
    double promised = (double)(header ? length : request->body_limit);
    http_connections_give(request->http, request->connection, at_least + promised / rate);
    if (length == 0)
        return;
    int status = length > request->body_limit ? MHD_HTTP_CONTENT_TOO_LARGE
                                              : grow(request, (size_t)length);
    if (status)
        http_refuse_body(request, status);
}

/* A body whose length was not said is read to its end even where it is refused: libmicrohttpd takes
 * no reply in its middle. The deadline ends it at last. */
void http_add_body(http_request *request, const char *bytes, size_t size)
{
    enum { FIRST = 1 << 14 };
    if (request->refused)
        return;
    size_t needed = request->body_size + size, capacity = request->body_capacity;
    if (needed > capacity) {
        capacity = capacity ? 2 * capacity : FIRST;
        capacity = capacity < request->body_limit ? capacity : request->body_limit;
        request->refused = grow(request, needed > capacity ? needed : capacity);
    }
    if (request->refused) {
        http_free_body(request);
        return;
    }
    memcpy(request->body + request->body_size, bytes, size);
    request->body_size += size;
}

void http_free_body(http_request *request)
{
    free(request->body);
    request->body = NULL;
    request->body_size = 0;
    pthread_mutex_lock(&request->http->lock);
    request->http->body_bytes -= request->body_capacity;
    pthread_mutex_unlock(&request->http->lock);
    request->body_capacity = 0;
}

const void *http_body(const http_request *request, size_t *size)
{
    *size = request->body_size;
    return request->body;
}

json_t *http_json(http_request *request)
{
    json_error_t wrong;
    if (!request->json)
        request->json = json_loadb(request->body ? request->body : "", request->body_size,
                                   JSON_REJECT_DUPLICATES, &wrong);
    if (json_is_object(request->json))
        return request->json;
    /* whoever replies has no request any more */
    if (request->json)
        http_reply_fail(request, MHD_HTTP_BAD_REQUEST, "argument",
                        "the body is JSON, but no object");
    else
        http_reply_fail(request, MHD_HTTP_BAD_REQUEST, "argument",
                        "the body is no JSON: line %d: %.200s", wrong.line, wrong.text);
    return NULL;
}
