/* HTTP: requests in, replies out. One thread talks to all connections and runs the handlers that
 * are quick; two more run those that are slow (HTTP_SLOW). Every request is replied to once: by its
 * handler, or later by another thread, while the connection sleeps. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <diffedit/diffedit.h>
#include <jansson.h>

#include "guard.h"

/* One request; valid until it is replied to. */
typedef struct http_request http_request;
struct server; /* server.h */

/* ---- what was asked ---- */

/* What stands for the i-th {name} of the route's pattern: [A-Za-z0-9._-]{1,128}, not . or .. */
const char *http_part(const http_request *request, int i);
/* A parameter behind the question mark, UTF-8; NULL: not given. */
const char *http_query(const http_request *request, const char *name);
const char *http_header(const http_request *request, const char *name);
const void *http_body(const http_request *request, size_t *size);
/* The body as a JSON object, borrowed; NULL: there is none, and the request was replied to. */
json_t *http_json(http_request *request);

/* ---- replies: each ends the request, and may be called from any thread ---- */

/* NULL instead of an object is replied to with 503. */
void http_reply_json(http_request *request, int status, json_t *taken);
/* {"error": kind, "message": sentence}, and "option" where the sentence names one in backquotes. */
void http_reply_fail(http_request *request, int status, const char *kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same of an error: ARGUMENT 400, PICTURE and MODEL 422, FILE 500, MEMORY and CANCELLED 503. */
void http_reply_error(http_request *request, const diffedit_error *error);
void http_reply_bytes(http_request *request, int status, const char *type, void *taken,
                      size_t size);
/* Bytes that stay where they are, and the quoted name of this version of them (ETag): a client that
 * has it is told so. `encoding`: "gzip", or NULL where they are not compressed. */
void http_reply_fixed(http_request *request, const char *type, const void *bytes, size_t size,
                      const char *tag, const char *encoding);
/* A reply without a body: 204. */
void http_reply_nothing(http_request *request);
/* The bytes of a file, whose descriptor is taken. `download_name`: the browser saves it under this
 * name; NULL: it shows it. `immutable`: this address will never have other bytes. */
void http_reply_file(http_request *request, const char *type, int descriptor,
                     const char *download_name, bool immutable);
/* A header of the reply to come, which stands until then; at most two. */
void http_set_header(http_request *request, const char *name, const char *value);

/* A reply of unknown length, read bit by bit: server-sent events. All of its functions are called
 * by the HTTP thread, which waits for them: they take a lock for moments at most. */
typedef struct http_stream {
    const char *type; /* text/event-stream */
    /* Writes up to `size` bytes, however few. 0: nothing now, the connection sleeps until
     * http_stream_wake(); -1: the end. */
    ssize_t (*read)(void *user, char *bytes, size_t size);
    /* Once, when the stream has ended or the client is gone; the request is not valid after it. */
    void (*closed)(void *user);
    void *user;
    const char
        *idle; /* what is sent when nothing was for 15 s: ": keep-alive\n\n"; NULL: nothing */
} http_stream;

/* The request stays valid until `closed`. Where there are too many streams it is replied to with
 * 503, and `closed` is called before this returns. */
void http_reply_stream(http_request *request, const http_stream *stream);
/* There is something to read. May be called from any thread, also with a lock that `read` takes. */
void http_stream_wake(http_request *request);

/* ---- routes ---- */

typedef void (*http_handler)(http_request *request, struct server *server);

enum {
    HTTP_SLOW = 1,    /* takes more than moments: decodes a picture, opens a model */
    HTTP_LARGE = 2,   /* the body may be a picture file (HTTP_LARGEST_BODY); else 1 MiB */
    HTTP_OPEN = 4,    /* needs no token */
    HTTP_PAGE = 8,    /* a browser may come here by a link of another site; implies HTTP_OPEN */
    HTTP_DETAIL = 16, /* errors have their sentence as `detail`, too */
};

typedef struct http_route {
    const char *method;  /* a GET is a HEAD too */
    const char *pattern; /* "/api/pictures/{id}/file": names of whole parts */
    http_handler handler;
    unsigned flags;
} http_route;

enum {
    HTTP_PARTS = 4, /* {names} in a pattern, at most */
    HTTP_BODY = 1 << 20,
    HTTP_LARGEST_BODY = 256 << 20,
};

/* ---- the server ---- */

struct http;

typedef struct http_settings {
    int socket;                /* that listens; taken */
    const struct guard *guard; /* borrowed, as the rest */
    const http_route *routes;  /* [route_count] */
    size_t route_count;
    struct server *server; /* for the handlers */
    bool quiet;            /* no line for each request */
} http_settings;

/* Errors: FILE, MEMORY. */
diffedit_status http_start(struct http **started, const http_settings *settings,
                           diffedit_error *error);
/* Takes no more requests, ends streams and connections, and frees all. False: a handler is still at
 * work or a request was not replied to after a second; then nothing is freed, and the process is to
 * end by _exit(). */
bool http_stop(struct http *http);

#endif
