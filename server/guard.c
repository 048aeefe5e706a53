#include "guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

/* ---- names ---- */

enum { LONGEST_HOST = 255, LONGEST_PORT = 65535 };

/* What stands in Host, and behind the scheme of Origin. */
typedef struct authority {
    char host[LONGEST_HOST + 1]; /* without the brackets of IPv6 */
    int port;                    /* 0: not said */
} authority;

static bool parse_port(int *port, const char *text)
{
    *port = 0;
    if (*text == '\0')
        return true;
    if (*text != ':' || strspn(text + 1, "0123456789") != strlen(text + 1) || strlen(text) > 6)
        return false;
    *port = atoi(text + 1);
    return *port > 0 && *port <= LONGEST_PORT;
}

static bool parse_authority(authority *parsed, const char *text)
{
    bool bracketed = *text == '[';
    text += bracketed;
    size_t length = strcspn(text, bracketed ? "]" : ":");
    if (length == 0 || length > LONGEST_HOST || (bracketed && text[length] != ']'))
        return false;
    memcpy(parsed->host, text, length);
    parsed->host[length] = '\0';
    return parse_port(&parsed->port, text + length + bracketed);
}

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_among(const struct guard *guard, const char *host)
{
    for (size_t i = 0; i < guard->name_count; i++)
        if (strcasecmp(host, guard->names[i]) == 0)
            return true;
    return false;
}

/* A name that another site's owner chooses is not among these; an address cannot be chosen. The
 * port may be another one: that of a tunnel. */
static bool is_ours(const struct guard *guard, const char *host)
{
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
        strcmp(host, "::1") == 0 || strcmp(host, guard->address) == 0)
        return true;
    return is_among(guard, host) || (!guard->loopback && is_address(host));
}

/* ---- other sites ---- */

/* Whether an Origin is the page that this server gives out under the Host of the request, or under
 * a name that was given (a proxy may set Host). */
static bool is_own_origin(const struct guard *guard, const char *origin, const authority *host)
{
    authority from;
    int usual = 0;
    if (strncmp(origin, "http://", strlen("http://")) == 0)
        usual = 80;
    else if (strncmp(origin, "https://", strlen("https://")) == 0)
        usual = 443;
    if (!usual || !parse_authority(&from, strchr(origin, '/') + 2))
        return false;
    if (is_among(guard, from.host))
        return true;
    int port = host->port ? host->port : usual;
    return strcasecmp(from.host, host->host) == 0 && (from.port ? from.port : usual) == port;
}

static bool is_own_site(const guard_request *request)
{
    if (!request->site || strcmp(request->site, "same-origin") == 0 ||
        strcmp(request->site, "none") == 0)
        return true;
    return request->navigation && request->mode && strcmp(request->mode, "navigate") == 0;
}

/* ---- tokens ---- */

bool guard_make_token(char token[GUARD_TOKEN])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[GUARD_TOKEN - 1];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        token[i] = letters[bytes[i] % 64];
    token[sizeof bytes] = '\0';
    return true;
}

static void digest(unsigned char result[GUARD_DIGEST], const char *text)
{
    SHA256((const unsigned char *)text, strlen(text), result);
}

void guard_require(struct guard *guard, const char *token)
{
    static const char what[] = "session";
    unsigned char code[GUARD_DIGEST];
    guard->needs_token = true;
    digest(guard->token, token);
    HMAC(EVP_sha256(), token, (int)strlen(token), (const unsigned char *)what, sizeof what - 1,
         code, NULL);
    for (size_t i = 0; i < sizeof code; i++)
        snprintf(guard->session + 2 * i, 3, "%02x", code[i]);
}

/* Of the digests: their length is one whatever the texts' are. */
bool guard_token_matches(const struct guard *guard, const char *token)
{
    unsigned char found[GUARD_DIGEST];
    digest(found, token);
    return CRYPTO_memcmp(found, guard->token, sizeof found) == 0;
}

/* The cookie's name has the port, because a browser gives a host's cookies to all of its ports. */
static void cookie_name(char name[32], const struct guard *guard)
{
    snprintf(name, 32, "diffedit-%d=", guard->port);
}

void guard_cookie(char cookie[GUARD_COOKIE], const struct guard *guard)
{
    char name[32];
    enum { MONTH = 30 * 24 * 60 * 60 };
    cookie_name(name, guard);
    snprintf(cookie, GUARD_COOKIE, "%s%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict", name,
             guard->session, MONTH);
}

static bool has_cookie(const struct guard *guard, const char *cookies)
{
    char name[32];
    cookie_name(name, guard);
    while (cookies) {
        cookies += strspn(cookies, " ;");
        if (strncmp(cookies, name, strlen(name)) == 0) {
            const char *value = cookies + strlen(name);
            size_t length = strlen(guard->session);
            if (strcspn(value, "; ") == length && CRYPTO_memcmp(value, guard->session, length) == 0)
                return true;
        }
        cookies = strchr(cookies, ';');
    }
    return false;
}

/* The password of "USER:PASSWORD" in base64. */
static bool has_password(const struct guard *guard, const char *coded)
{
    enum { LONGEST = 1024 };
    unsigned char text[LONGEST];
    size_t length = strlen(coded);
    if (length == 0 || length % 4 != 0 || length / 4 * 3 >= sizeof text)
        return false;
    int decoded = EVP_DecodeBlock(text, (const unsigned char *)coded, (int)length);
    if (decoded < 0)
        return false;
    text[decoded] = '\0'; /* the padding became zeros before it */
    const char *colon = strchr((const char *)text, ':');
    return colon && guard_token_matches(guard, colon + 1);
}

/* What stands behind "SCHEME "; NULL: it is another scheme. */
static const char *behind(const char *authorization, const char *scheme)
{
    size_t length = strlen(scheme);
    if (strncasecmp(authorization, scheme, length) != 0 || authorization[length] != ' ')
        return NULL;
    return authorization + length + strspn(authorization + length, " ");
}

static bool has_token(const struct guard *guard, const guard_request *request)
{
    const char *authorization = request->authorization;
    if (authorization) {
        const char *token = behind(authorization, "Bearer");
        const char *coded = behind(authorization, "Basic");
        if ((token && guard_token_matches(guard, token)) || (coded && has_password(guard, coded)))
            return true;
    }
    return has_cookie(guard, request->cookie);
}

guard_verdict guard_check(const struct guard *guard, const guard_request *request)
{
    authority host;
    if (!request->host || !parse_authority(&host, request->host) || !is_ours(guard, host.host))
        return GUARD_FOREIGN_HOST;
    if (request->origin && !is_own_origin(guard, request->origin, &host))
        return GUARD_FOREIGN_ORIGIN;
    if (!is_own_site(request))
        return GUARD_FOREIGN_ORIGIN;
    if (guard->needs_token && !request->open && !has_token(guard, request))
        return GUARD_NO_TOKEN;
    return GUARD_PASSES;
}
