#include "streams_tls.h"

#include "common/error.h"

#ifdef DIFFEDIT_REDIS_TLS

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

diffedit_status streams_tls_open(void **tls, diffedit_error *error)
{
    SSL_CTX *all = SSL_CTX_new(TLS_client_method());
    *tls = NULL;
    if (!all)
        return de_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory for TLS");
    if (SSL_CTX_set_default_verify_paths(all) != 1) {
        SSL_CTX_free(all);
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "the certificates of authorities that TLS trusts cannot be read");
    }
    SSL_CTX_set_min_proto_version(all, TLS1_2_VERSION);
    SSL_CTX_set_verify(all, SSL_VERIFY_PEER, NULL);
    *tls = all;
    return DIFFEDIT_OK;
}

void streams_tls_close(void *tls)
{
    SSL_CTX_free(tls);
}

/* The certificate must be for this name, or this address. */
static bool set_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool streams_tls_begin(redisContext *context, void *tls, const char *host)
{
    SSL *ssl = SSL_new(tls);
    if (!ssl || !set_host(ssl, host)) {
        SSL_free(ssl);
        context->err = REDIS_ERR_OTHER;
        snprintf(context->errstr, sizeof context->errstr, "TLS cannot begin");
        return false;
    }
    ERR_clear_error();
    if (redisInitiateSSL(context, ssl) == REDIS_OK) /* which owns it from now on */
        return true;
    long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK) {
        context->err = REDIS_ERR_OTHER;
        snprintf(context->errstr, sizeof context->errstr, "its certificate is not trusted: %s",
                 X509_verify_cert_error_string(verified));
    }
    SSL_free(ssl);
    return false;
}

#else

diffedit_status streams_tls_open(void **tls, diffedit_error *error)
{
    *tls = NULL;
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "rediss:// needs hiredis 1.0 or later with TLS, and this diffedit was built "
                   "without: use redis:// through stunnel, as docs/SCALING.md shows");
}

void streams_tls_close(void *tls)
{
    (void)tls;
}

bool streams_tls_begin(struct redisContext *context, void *tls, const char *host)
{
    (void)context;
    (void)tls;
    (void)host;
    return false;
}

#endif
