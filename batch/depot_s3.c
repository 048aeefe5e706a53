/* A depot in a bucket of an S3-compatible store: GET, HEAD, and PUT with If-None-Match. */
#include "store_call.h"
#include "store_says.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- answers ---- */

/* Whether the store may answer otherwise in a moment. Two writers of a name may both be told that
 * there is a conflict (409), and a store that waited for the body in vain says 400. */
static bool may_pass(const struct store_call *call, const struct store_says *said)
{
    return web_may_try_again(call->code, call->answer) ||
           (call->code == CURLE_OK &&
            (call->answer == 409 || strcmp(said->code, "RequestTimeout") == 0));
}

static struct store_says what_it_says(const struct store_call *call)
{
    if (call->code != CURLE_OK || call->says.size == 0)
        return (struct store_says){{0}, {0}};
    return store_says(call->says.bytes, call->says.size);
}

/* What the user may do about an answer; "" where nothing is known. */
static const char *advice(const struct store_call *call, const struct store_says *said)
{
    if (strcmp(said->code, "RequestTimeTooSkewed") == 0)
        return "; set the clock of this machine";
    if (strcmp(said->code, "NoSuchBucket") == 0)
        return "; make the bucket first";
    if (call->answer == 401 || call->answer == 403 || strstr(said->code, "Token"))
        return "; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and what "
               "the bucket's policy allows";
    if (call->answer == 501)
        return "; the store does not know If-None-Match";
    if (call->answer >= 300 && call->answer < 400)
        return "; name the store's own address in AWS_ENDPOINT_URL, and the bucket's region in "
               "AWS_REGION";
    return "";
}

/* A sentence on why a call failed at last. */
static diffedit_status fail(const struct store_call *call, const struct store_says *said)
{
    const struct store *store = call->store;
    diffedit_error *error = call->error;
    char key[260], message[112];
    de_sentence(message, sizeof message, "%s", said->message);
    snprintf(key, sizeof key, "s3://%.60s/%.60s%.130s", store->bucket.name, store->bucket.prefix,
             call->name);
    if (call->body.too_many)
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "%s: has more than %zu bytes, the most that are taken", key,
                       call->body.most);
    if (call->code == CURLE_OK && call->answer == 404 && strcmp(said->code, "NoSuchBucket") != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: is not there (HTTP 404)", key);
    *call->out = true;
    call->store->depot.refuses = call->code == CURLE_OK &&
                                 (call->answer == 401 || call->answer == 403);
    if (call->code == CURLE_OUT_OF_MEMORY)
        return de_fail_memory(error, call->body.capacity, key);
    if (call->code != CURLE_OK)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %s cannot be asked: %.180s", key,
                       store->bucket.endpoint, web_reason(call->code, call->reason));
    if (call->region[0] && (call->answer == 301 || call->answer == 307 || call->answer == 400))
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "%s: the bucket is in the region %s (HTTP %ld); set AWS_REGION to it", key,
                       call->region, call->answer);
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %.60s says %s%sHTTP %ld%s%s%s", key,
                   store->bucket.endpoint, said->code, said->code[0] ? ", " : "", call->answer,
                   message[0] ? ": " : "", message, advice(call, said));
}

/* Between half of `wait` and all of it, so that a thousand machines do not come back together; more
 * where the store wants it. */
static double vary(double wait, double wanted)
{
    static const double longest = 30;
    unsigned short random = 0;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = 0;
    wait *= 0.5 + 0.5 * random / 65535;
    return wanted <= wait ? wait : wanted < longest ? wanted : longest;
}

/* Asks until there is an answer that is not to be asked for again: OK, then call->answer is it. */
static diffedit_status ask_until_answered(struct store_call *call)
{
    const struct store *store = call->store;
    double wait = store->patience.first_wait;
    for (int tries = 1;; tries++, wait *= 2) {
        store_call_ask(call);
        struct store_says said = what_it_says(call);
        bool answered = call->code == CURLE_OK && (call->answer == 404 || call->answer == 412 ||
                                                   (call->answer >= 200 && call->answer < 300));
        if (answered && strcmp(said.code, "NoSuchBucket") != 0)
            return DIFFEDIT_OK;
        if (web_stops(&store->depot.stop))
            return de_fail(call->error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
        if (tries >= store->patience.tries || !may_pass(call, &said))
            return fail(call, &said);
        if (!web_wait(vary(wait, call->ask_again_after), &store->depot.stop))
            return de_fail(call->error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    }
}

/* ---- the calls ---- */

static diffedit_status perform(struct store_call *call)
{
    diffedit_status status = store_call_begin(call)
                                 ? ask_until_answered(call)
                                 : de_fail_memory(call->error, call->payload_size, "a request");
    store_call_end(call);
    return status;
}

static diffedit_status s3_read(void **bytes, size_t *size, struct depot *depot, const char *name,
                               size_t limit, bool *out, diffedit_error *error)
{
    struct store_call call = {.store = (struct store *)depot,
                              .method = "GET",
                              .name = name,
                              .payload = "",
                              .out = out,
                              .error = error,
                              .body = {.most = limit}};
    diffedit_status status = perform(&call);
    if (status == DIFFEDIT_OK && call.answer != 200)
        status = fail(&call, &(struct store_says){{0}, {0}});
    if (status == DIFFEDIT_OK && !call.body.bytes && !(call.body.bytes = calloc(1, 1)))
        status = de_fail_memory(error, 1, name);
    if (status != DIFFEDIT_OK) {
        free(call.body.bytes);
        return status;
    }
    *bytes = call.body.bytes;
    *size = call.body.size;
    return DIFFEDIT_OK;
}

static diffedit_status s3_add(bool *added, struct depot *depot, const char *name, const void *bytes,
                              size_t size, bool *out, diffedit_error *error)
{
    struct store_call call = {.store = (struct store *)depot,
                              .method = "PUT",
                              .name = name,
                              .payload = size > 0 ? bytes : "",
                              .payload_size = size,
                              .out = out,
                              .error = error};
    diffedit_status status = perform(&call);
    if (status == DIFFEDIT_OK && call.answer == 404)
        status = fail(&call, &(struct store_says){{0}, {0}});
    *added = status == DIFFEDIT_OK && call.answer != 412;
    free(call.body.bytes);
    return status;
}

static diffedit_status s3_has(bool *there, struct depot *depot, const char *name, bool *out,
                              diffedit_error *error)
{
    struct store_call call = {.store = (struct store *)depot,
                              .method = "HEAD",
                              .name = name,
                              .payload = "",
                              .out = out,
                              .error = error};
    diffedit_status status = perform(&call);
    *there = status == DIFFEDIT_OK && call.answer == 200;
    return status;
}

static diffedit_status s3_name_of(char **name, const struct depot *depot, const char *path,
                                  diffedit_error *error)
{
    (void)name, (void)depot, (void)path, (void)error;
    return DIFFEDIT_OK;
}

/* ---- the depot ---- */

static void s3_close(struct depot *depot)
{
    struct store *store = (struct store *)depot;
    while (store->idles > 0)
        curl_easy_cleanup(store->idle[--store->idles]);
    pthread_mutex_destroy(&store->mutex);
    bucket_clear(&store->bucket);
    free(store);
}

diffedit_status depot_open_store(struct depot **depot, const char *place,
                                 const struct depot_patience *patience, diffedit_error *error)
{
    static const struct depot_kind kind = {s3_close, s3_name_of, s3_read, s3_add, s3_has};
    struct store *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a depot");
    new->depot.kind = &kind;
    new->patience = *patience;
    pthread_mutex_init(&new->mutex, NULL);
    diffedit_status status = bucket_read(&new->bucket, place, error);
    if (status == DIFFEDIT_OK)
        *depot = &new->depot;
    else
        s3_close(&new->depot);
    return status;
}
