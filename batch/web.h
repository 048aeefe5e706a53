/* HTTP as the program asks for it: libcurl, with what holds for every request. Any thread. */
#ifndef BATCH_WEB_H
#define BATCH_WEB_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

/* Who says that the user wants an end. */
struct web_stop {
    bool (*ask)(void *user); /* or NULL: nobody */
    void *user;
};

bool web_stops(const struct web_stop *stop);

/* A request to be prepared, or NULL. Starts libcurl for the process where that was not done yet.
 * Ended by curl_easy_cleanup(). */
CURL *web_open(void);
/* Resets a request and makes it one for `url` (copied) by HTTP or HTTPS, the server's certificate
 * checked: no redirections, no credentials, no signals; given up if there is no connection within
 * 30 s, or if for `silence` seconds fewer than 100 bytes a second come or go. `reason`
 * (CURL_ERROR_SIZE bytes) hears why it failed; `stop` is asked at least once a second. Both are
 * borrowed until the request is prepared again or ended. */
void web_prepare(CURL *request, const char *url, long silence, char *reason,
                 const struct web_stop *stop);
/* What a failed request says in a sentence. */
const char *web_reason(CURLcode code, const char *reason);
/* Whether another try can help: a broken connection, a server that is overloaded or broken. */
bool web_may_try_again(CURLcode code, long answer);
/* Waits, before another try. False: ended by `stop`. */
bool web_wait(double seconds, const struct web_stop *stop);

/* Bytes of unknown number, up to `most`; a zero follows them. Freed by the caller. */
struct web_bytes {
    char *bytes;
    size_t size, capacity, most;
    bool too_many;
};

/* A CURLOPT_WRITEFUNCTION; `user` is the struct web_bytes. Memory grows with what came. */
size_t web_append(char *bytes, size_t one, size_t count, void *user);

#endif
