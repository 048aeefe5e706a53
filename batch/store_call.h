/* One request to an S3-compatible store, signed, about one key. */
#ifndef BATCH_STORE_CALL_H
#define BATCH_STORE_CALL_H

#include "bucket.h"
#include "depot_inside.h"

#include <pthread.h>

enum { STORE_IDLE = 8 }; /* connections that are kept for later */

struct store {
    struct depot depot;
    struct depot_patience patience;
    struct bucket bucket;
    pthread_mutex_t mutex; /* of those below */
    CURL *idle[STORE_IDLE];
    int idles;
};

struct store_call {
    struct store *store;
    const char *method, *name;
    const void *payload; /* of a PUT; borrowed */
    size_t payload_size;
    bool *out; /* becomes true for a failure that is the store's own */
    diffedit_error *error;

    /* the request */
    char *url;
    struct curl_slist *headers;
    CURL *request;

    /* its answer */
    char reason[CURL_ERROR_SIZE];
    CURLcode code;
    long answer;            /* HTTP's */
    double ask_again_after; /* seconds, as the store said; 0: it did not */
    struct web_bytes body;  /* of an answer of 200 to GET; the caller's */
    struct web_bytes says;  /* of another; what is too long is left out */
    char region[64];        /* in which the bucket is, where the store says so; else "" */
};

/* Prepares what is asked from the fields above `url`. False: memory. To be ended, after a failure
 * too. */
bool store_call_begin(struct store_call *call);
/* Asks once, and sets the answer. May be repeated. */
void store_call_ask(struct store_call *call);
/* Frees all but the body. */
void store_call_end(struct store_call *call);

#endif
