#include "queue_url.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char digits[] = "0123456789";

/* Whether text[0..length) has at least one character, all of them letters, digits or of `more`. */
static bool consists_of(const char *text, size_t length, const char *more)
{
    for (size_t i = 0; i < length; i++)
        if (!text[i] ||
            !(strchr(letters, text[i]) || strchr(digits, text[i]) || strchr(more, text[i])))
            return false;
    return length > 0;
}

static int hex_digit(char c)
{
    static const char all[] = "0123456789abcdef";
    if (c >= 'A' && c <= 'F')
        c = (char)(c - 'A' + 'a');
    const char *found = c ? strchr(all, c) : NULL;
    return found ? (int)(found - all) : -1;
}

/* A copy of text[0..length) with its %XX as bytes. NULL: a wrong %XX, a control character, or
 * memory. */
static char *decoded(const char *text, size_t length)
{
    char *copy = malloc(length + 1), *to = copy;
    for (size_t i = 0; copy && i < length; i++) {
        int value = (unsigned char)text[i];
        if (text[i] == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            value = high < 0 || low < 0 ? 0 : 16 * high + low;
            i += 2;
        }
        if (value < ' ' || value == 0x7f) {
            free(copy);
            return NULL;
        }
        *to++ = (char)value;
    }
    if (copy)
        *to = '\0';
    return copy;
}

static diffedit_status wrong(const char *what, diffedit_error *error)
{
    return de_fail(
        error, DIFFEDIT_ERROR_ARGUMENT,
        "the queue's address: expected redis://[USER:PASSWORD@]HOST[:PORT]/NAME, found %s", what);
}

/* USER:PASSWORD, USER or :PASSWORD, text[0..length). */
static diffedit_status parse_user(struct queue_url *url, const char *text, size_t length,
                                  diffedit_error *error)
{
    const char *colon = memchr(text, ':', length);
    size_t user = colon ? (size_t)(colon - text) : length;
    if (user > 0 && !(url->user = decoded(text, user)))
        return wrong("a user with a wrong %XX or a control character in it", error);
    if (colon && user + 1 < length && !(url->password = decoded(colon + 1, length - user - 1)))
        return wrong("a password with a wrong %XX or a control character in it", error);
    return DIFFEDIT_OK;
}

static diffedit_status parse_port(int *port, const char *text, size_t length, diffedit_error *error)
{
    long value = 0;
    for (size_t i = 0; i < length && value <= 65535; i++)
        value = strchr(digits, text[i]) ? 10 * value + (text[i] - '0') : 65536;
    if (length == 0 || value < 1 || value > 65535)
        return wrong("a port that is no number from 1 to 65535", error);
    *port = (int)value;
    return DIFFEDIT_OK;
}

/* HOST or HOST:PORT, with an address of IPv6 in brackets; text[0..length). */
static diffedit_status parse_host(struct queue_url *url, const char *text, size_t length,
                                  diffedit_error *error)
{
    const char *host = text, *end = text + length, *rest;
    bool bracket = length > 0 && text[0] == '[';
    if (bracket) {
        host++;
        rest = memchr(text, ']', length);
        if (!rest)
            return wrong("a '[' without its ']'", error);
    } else {
        rest = memchr(text, ':', length);
        rest = rest ? rest : end;
    }
    size_t size = (size_t)(rest - host);
    if (!consists_of(host, size, bracket ? ":.%" : "._-") || size > 255)
        return wrong("no name or address of a host", error);
    url->host = strndup(host, size);
    rest += bracket;
    if (rest < end && *rest == ':')
        return parse_port(&url->port, rest + 1, (size_t)(end - rest - 1), error);
    return rest == end ? DIFFEDIT_OK : wrong("something behind the host's ']'", error);
}

static diffedit_status parse_name(struct queue_url *url, const char *text, diffedit_error *error)
{
    size_t length = strlen(text);
    if (!consists_of(text, length, "._-") || length > QUEUE_NAME)
        return wrong("no NAME of up to 64 letters, digits, '.', '_' and '-' at its end", error);
    url->name = strdup(text);
    return DIFFEDIT_OK;
}

static bool make_label(struct queue_url *url)
{
    bool six = url->host && strchr(url->host, ':');
    size_t size = strlen("rediss://[]:65535/") + strlen(url->host) + strlen(url->name) + 1;
    url->label = malloc(size);
    if (url->label)
        snprintf(url->label, size, "redis%s://%s%s%s:%d/%s", url->tls ? "s" : "", six ? "[" : "",
                 url->host, six ? "]" : "", url->port, url->name);
    return url->label;
}

static diffedit_status parse(struct queue_url *url, const char *text, diffedit_error *error)
{
    enum { USUAL_PORT = 6379 };
    url->port = USUAL_PORT;
    const char *start = strstr(text, "://");
    size_t scheme = start ? (size_t)(start - text) : 0;
    url->tls = scheme == 6 && memcmp(text, "rediss", 6) == 0;
    if (!url->tls && !(scheme == 5 && memcmp(text, "redis", 5) == 0))
        return wrong("something that does not begin with redis:// or rediss://", error);
    start += strlen("://");
    /* a password may hold '/' and '@' only as %2F and %40, as in every URL */
    const char *slash = strchr(start, '/');
    if (!slash)
        return wrong("no /NAME at its end", error);
    const char *at = memchr(start, '@', (size_t)(slash - start)), *host = at ? at + 1 : start;
    diffedit_status status = DIFFEDIT_OK;
    if (at)
        status = parse_user(url, start, (size_t)(at - start), error);
    if (status == DIFFEDIT_OK)
        status = parse_host(url, host, (size_t)(slash - host), error);
    if (status == DIFFEDIT_OK)
        status = parse_name(url, slash + 1, error);
    return status;
}

diffedit_status queue_url_parse(struct queue_url *url, const char *text, const char *password,
                                diffedit_error *error)
{
    *url = (struct queue_url){0};
    diffedit_status status = parse(url, text, error);
    if (status == DIFFEDIT_OK && !url->password && password && *password)
        url->password = strdup(password);
    bool whole = status == DIFFEDIT_OK && url->host && url->name && make_label(url) &&
                 (url->password || !password || !*password);
    if (status == DIFFEDIT_OK && !whole)
        status = de_fail_memory(error, strlen(text), "the queue's address");
    if (status != DIFFEDIT_OK)
        queue_url_free(url);
    return status;
}

void queue_url_free(struct queue_url *url)
{
    free(url->host);
    free(url->user);
    free(url->password);
    free(url->name);
    free(url->label);
    *url = (struct queue_url){0};
}
