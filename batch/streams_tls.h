/* TLS for a connection to Redis, where hiredis has it (1.0 on). The server's certificate must be
 * signed by an authority that OpenSSL trusts (SSL_CERT_FILE names others) and be for the host's
 * name, which hiredis by itself does not look at. */
#ifndef BATCH_STREAMS_TLS_H
#define BATCH_STREAMS_TLS_H

#include <stdbool.h>

#include <diffedit/diffedit.h>

struct redisContext;

/* *tls is what all connections share; closed by the caller. Errors: ARGUMENT (this program was
 * built without), FILE (the certificates of authorities cannot be read), MEMORY. */
diffedit_status streams_tls_open(void **tls, diffedit_error *error);
void streams_tls_close(void *tls);
/* Shakes hands on a connection to `host`. False: `context` says why. */
bool streams_tls_begin(struct redisContext *context, void *tls, const char *host);

#endif
