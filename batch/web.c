#include "web.h"

#include "clock.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- requests ---- */

static pthread_once_t started = PTHREAD_ONCE_INIT;
static bool is_started;

static void start(void)
{
    is_started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

CURL *web_open(void)
{
    pthread_once(&started, start);
    return is_started ? curl_easy_init() : NULL;
}

bool web_stops(const struct web_stop *stop)
{
    return stop->ask && stop->ask(stop->user);
}

static bool ask(void *user)
{
    return web_stops(user);
}

static int step(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return web_stops(user);
}

void web_prepare(CURL *request, const char *url, long silence, char *reason,
                 const struct web_stop *stop)
{
    static const long connect_seconds = 30, slowest = 100; /* bytes a second */
    curl_easy_reset(request);
    reason[0] = '\0';
    curl_easy_setopt(request, CURLOPT_URL, url);
    curl_easy_setopt(request, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(request, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(request, CURLOPT_USERAGENT, "diffedit");
    curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(request, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    curl_easy_setopt(request, CURLOPT_LOW_SPEED_LIMIT, slowest);
    curl_easy_setopt(request, CURLOPT_LOW_SPEED_TIME, silence);
    curl_easy_setopt(request, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(request, CURLOPT_XFERINFOFUNCTION, step);
    curl_easy_setopt(request, CURLOPT_XFERINFODATA, stop);
}

const char *web_reason(CURLcode code, const char *reason)
{
    return reason[0] ? reason : curl_easy_strerror(code);
}

bool web_may_try_again(CURLcode code, long answer)
{
    switch (code) {
    case CURLE_OK:
    case CURLE_HTTP_RETURNED_ERROR:
        return (answer >= 500 && answer != 501 /* not implemented */) || answer == 429 ||
               answer == 408;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR:
    case CURLE_OUT_OF_MEMORY: return false;
    default: return true;
    }
}

bool web_wait(double seconds, const struct web_stop *stop)
{
    return clock_rest(seconds, ask, (void *)(uintptr_t)stop);
}

/* ---- bytes ---- */

/* Makes room for `wanted` bytes and a zero. */
static bool make_room(struct web_bytes *all, size_t wanted)
{
    enum { FIRST = 1 << 12 };
    size_t capacity = all->capacity ? all->capacity : FIRST;
    if (wanted < all->capacity)
        return true;
    while (capacity <= wanted)
        capacity *= 2;
    if (capacity > all->most)
        capacity = all->most + 1;
    char *grown = realloc(all->bytes, capacity);
    if (!grown)
        return false;
    all->bytes = grown;
    all->capacity = capacity;
    return true;
}

size_t web_append(char *bytes, size_t one, size_t count, void *user)
{
    struct web_bytes *all = user;
    size_t added = one * count;
    all->too_many |= added > all->most - all->size;
    if (all->too_many || !make_room(all, all->size + added))
        return added ? 0 : 1; /* fails */
    memcpy(all->bytes + all->size, bytes, added);
    all->size += added;
    all->bytes[all->size] = '\0';
    return added;
}
