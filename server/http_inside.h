/* What the files of the HTTP server share.
 *
 * One lock, http.lock, stands between whatever locks handlers and streams have and libmicrohttpd's
 * own: a handler may reply or wake with its lock held, and nothing of a handler's is called with
 * http.lock held. */
#ifndef SERVER_HTTP_INSIDE_H
#define SERVER_HTTP_INSIDE_H

#include "http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    HTTP_LONGEST_PART = 128,
    HTTP_HEADERS_SET = 2,
    HTTP_SLOW_THREADS = 2,
};

/* ---- http_connections.c: how many there are, and how long they may take ---- */

/* A connection; it is closed at its deadline. */
typedef struct http_connection {
    struct http_connection *next, *previous;
    int socket;
    struct sockaddr_storage address;
    double deadline; /* clock_monotonic(); INFINITY: waits for this server */
} http_connection;

/* Callbacks of libmicrohttpd, given the http. */
enum MHD_Result http_connections_accept(void *user, const struct sockaddr *address,
                                        socklen_t length);
void http_connections_notify(void *user, struct MHD_Connection *connection, void **context,
                             enum MHD_ConnectionNotificationCode code);
/* From now on the connection has `seconds` for what it does next. */
void http_connections_give(struct http *http, struct MHD_Connection *connection, double seconds);
/* Closes those whose time is over; with http.lock held. */
void http_connections_sweep(struct http *http);

/* ---- a request ---- */

typedef enum http_phase {
    HTTP_HEADERS, /* its first line was read */
    HTTP_RECEIVES,
    HTTP_RUNS, /* until it is replied to */
    HTTP_REPLIED
} http_phase;

struct http_request {
    struct http *http;
    struct MHD_Connection *connection;
    http_phase phase;
    char method[16];
    char *path; /* as sent, without what follows a question mark; owned */
    const http_route *route;
    char part[HTTP_PARTS][HTTP_LONGEST_PART + 1];
    char *body; /* [body_capacity], owned */
    size_t body_size, body_capacity, body_limit;
    int refused; /* the status that the reply will have once the body has gone by; 0: none */
    json_t *json;
    const char *header_names[HTTP_HEADERS_SET];
    char header_values[HTTP_HEADERS_SET][256];
    double began;
    uint64_t bytes; /* of the reply's body */
    /* with http.lock */
    struct MHD_Response *response;
    int status;
    bool replied;
    bool asleep;             /* the connection is suspended until there is a reply */
    http_request *next_slow; /* in the queue of slow requests */
    /* of a stream */
    http_stream stream;
    bool streams, woken, idle;
    bool dozes;   /* the connection is suspended until there is something to read */
    double spoke; /* when it last gave something */
    http_request *next_stream, *previous_stream;
};

/* ---- the server ---- */

struct http {
    http_settings settings;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is a slow request, or the server stops */
    pthread_t slow[HTTP_SLOW_THREADS], sweeper;
    int slow_count;
    bool sweeps;
    /* with the lock */
    _Atomic bool stops;
    int busy, asleep; /* slow handlers at work, requests that wait for a reply */
    http_request *first_slow, **last_slow;
    http_request *streams;
    int stream_count;
    http_connection *connections;
    int connection_count;
    size_t body_bytes; /* of all bodies */
};

/* http_slow.c: threads for slow handlers, and one that looks at the clock. Errors: MEMORY. */
diffedit_status http_slow_start(struct http *http, diffedit_error *error);
/* Tells them to end; requests that have not begun are replied to. */
void http_slow_stop(struct http *http);
void http_slow_join(struct http *http);
void http_slow_add(struct http *http, http_request *request);

/* http_request.c: the routes and the bytes of a body. */
/* Whether a path is of this pattern; fills what stands for its names. */
bool http_match(char part[HTTP_PARTS][HTTP_LONGEST_PART + 1], const char *pattern,
                const char *path);
/* The route of a request; NULL: there is none. */
const http_route *http_find_route(http_request *request);
/* Says so: nothing is there, or it takes other methods. */
void http_reply_no_route(http_request *request);
/* Makes room for the body that the headers promise; replies where it is too large. */
void http_begin_body(http_request *request);
void http_add_body(http_request *request, const char *bytes, size_t size);
/* Replies to a body that is not taken, with 413 or 503. */
void http_refuse_body(http_request *request, int status);
void http_free_body(http_request *request);
/* Replies where a parameter behind the question mark is no text. */
void http_check_query(http_request *request);

/* http_reply.c */
/* Gives a reply that was made to libmicrohttpd; by the HTTP thread. */
enum MHD_Result http_send(http_request *request);
void http_reply_ending(http_request *request); /* 503: the server stops */
/* The stream of a request has ended; called once. */
void http_stream_close(http_request *request);
/* Has a stream read again; with http.lock held. */
void http_stream_rouse(http_request *request);
/* A request that was refused by the guard. */
void http_reply_refused(http_request *request, guard_verdict verdict);

#endif
