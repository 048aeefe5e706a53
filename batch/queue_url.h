/* Where a queue is: redis://[USER:PASSWORD@]HOST[:PORT]/NAME, or rediss:// for TLS. */
#ifndef BATCH_QUEUE_URL_H
#define BATCH_QUEUE_URL_H

#include <stdbool.h>

#include <diffedit/diffedit.h>

enum { QUEUE_NAME = 64 }; /* bytes of the longest name of a queue */

struct queue_url {
    bool tls;
    char *host; /* a name or an address, without the brackets of IPv6; all texts are owned */
    int port;
    char *user;     /* NULL: Redis's own default user */
    char *password; /* NULL: none */
    char *name;     /* letters, digits, '.', '_', '-' */
    char *label;    /* the whole without user and password: what messages show */
};

/* `password` (may be NULL or empty) is that of a URL without one. %XX stands for a byte in user and
 * password. Messages never show what may be a password. To be freed by the caller. Errors:
 * ARGUMENT, MEMORY. */
diffedit_status queue_url_parse(struct queue_url *url, const char *text, const char *password,
                                diffedit_error *error);
/* Frees what the struct holds. */
void queue_url_free(struct queue_url *url);

#endif
