/* Who may ask: whether a request comes from this server's own page or a program of the person's,
 * not from another site's page in the same browser, and whether it brings the token. Nothing here
 * knows HTTP's library. */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum {
    GUARD_TOKEN = 33,   /* a token that was made: 32 letters, 192 random bits */
    GUARD_DIGEST = 32,  /* bytes */
    GUARD_COOKIE = 160, /* "diffedit-7860=...", with its attributes */
    GUARD_SHORTEST = 16 /* letters of a token that was given */
};

struct guard {
    const char *address;      /* listened on: "127.0.0.1", "::1"; borrowed */
    int port;                 /* likewise */
    bool loopback;            /* the address is this machine's own */
    const char *const *names; /* [name_count], allowed as Host with any port: of a proxy */
    size_t name_count;
    bool needs_token;
    unsigned char token[GUARD_DIGEST];  /* SHA-256 of the token */
    char session[2 * GUARD_DIGEST + 1]; /* the cookie's value, which follows from the token */
};

/* The headers that count; NULL: not there. */
typedef struct guard_request {
    const char *host, *origin, *site, *mode, *authorization, *cookie;
    bool open;       /* needs no token */
    bool navigation; /* a page that other sites may link to */
} guard_request;

typedef enum guard_verdict {
    GUARD_PASSES,
    GUARD_FOREIGN_HOST,   /* DNS rebinding: another name that leads here */
    GUARD_FOREIGN_ORIGIN, /* another site's page asks */
    GUARD_NO_TOKEN
} guard_verdict;

/* Makes a token; false: the system gives no random bytes. */
bool guard_make_token(char token[GUARD_TOKEN]);
/* From now on requests need this token. */
void guard_require(struct guard *guard, const char *token);
guard_verdict guard_check(const struct guard *guard, const guard_request *request);
/* In constant time. */
bool guard_token_matches(const struct guard *guard, const char *token);
/* The value of Set-Cookie for who brought the token. */
void guard_cookie(char cookie[GUARD_COOKIE], const struct guard *guard);

#endif
