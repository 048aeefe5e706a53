/* libcurl signs (version 4 of AWS's signatures). What it signs differs between its versions, so
 * that requests are kept to what all from 7.88 on sign as stores expect it:
 * - the path is written as the canonical one (everything but unreserved characters in %XX, upper
 *   case), because libcurl signs it as it stands in the URL; there is no query;
 * - the payload's SHA-256 is a header of ours, which libcurl takes for its own: 7.88 would sign the
 *   hash of an empty body, later ones none at all;
 * - every header has a value, because 7.88 signs an empty one ("Expect:"), too, and does not send
 *   it. */
#include "store_call.h"

#include "sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes part of a path as it is signed. */
static char *write_path(char *to, const char *text)
{
    static const char digits[] = "0123456789ABCDEF", plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                               "abcdefghijklmnopqrstuvwxyz"
                                                               "0123456789-._~/";
    for (; *text; text++) {
        if (strchr(plain, *text)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = digits[(unsigned char)*text >> 4];
        *to++ = digits[(unsigned char)*text & 15];
    }
    *to = '\0';
    return to;
}

static bool write_url(struct store_call *call)
{
    const struct bucket *bucket = &call->store->bucket;
    size_t key = strlen(bucket->prefix) + strlen(call->name); /* up to 3 bytes for each of it */
    size_t size = strlen(bucket->endpoint) + 1 + strlen(bucket->name) + 1 + 3 * key + 1;
    call->url = malloc(size);
    if (!call->url)
        return false;
    int before = snprintf(call->url, size, "%s/%s/", bucket->endpoint, bucket->name);
    write_path(write_path(call->url + before, bucket->prefix), call->name);
    return true;
}

/* Adds "NAME: VALUE". */
static bool add_header(struct store_call *call, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 3;
    char *line = malloc(size);
    if (!line)
        return false;
    snprintf(line, size, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    free(line);
    if (longer)
        call->headers = longer;
    return longer != NULL;
}

static bool write_headers(struct store_call *call)
{
    char hash[SHA256_TEXT];
    bool puts = strcmp(call->method, "PUT") == 0;
    sha256_text(hash, call->payload, call->payload_size);
    return add_header(call, "x-amz-content-sha256", hash) &&
           (!call->store->bucket.token ||
            add_header(call, "x-amz-security-token", call->store->bucket.token)) &&
           (!puts || (add_header(call, "content-type", "application/octet-stream") &&
                      add_header(call, "if-none-match", "*")));
}

static size_t take_body(char *bytes, size_t one, size_t count, void *user)
{
    struct store_call *call = user;
    curl_off_t length = -1;
    long answer = 0;
    curl_easy_getinfo(call->request, CURLINFO_RESPONSE_CODE, &answer);
    if (answer != 200)
        web_append(bytes, one, count, &call->says);
    if (answer != 200 || strcmp(call->method, "GET") != 0)
        return one * count;
    curl_easy_getinfo(call->request, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    call->body.too_many |= length > 0 && (size_t)length > call->body.most;
    return web_append(bytes, one, count, &call->body);
}

static CURL *take_request(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    CURL *request = store->idles > 0 ? store->idle[--store->idles] : NULL;
    pthread_mutex_unlock(&store->mutex);
    return request ? request : web_open();
}

/* Keeps a request, with its connection, for the next call. */
static void return_request(struct store *store, CURL *request)
{
    curl_easy_reset(request); /* what it borrowed goes */
    pthread_mutex_lock(&store->mutex);
    bool kept = store->idles < STORE_IDLE;
    if (kept)
        store->idle[store->idles++] = request;
    pthread_mutex_unlock(&store->mutex);
    if (!kept)
        curl_easy_cleanup(request);
}

static void set_method(const struct store_call *call)
{
    if (strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(call->request, CURLOPT_NOBODY, 1L);
    if (strcmp(call->method, "PUT") != 0)
        return;
    curl_easy_setopt(call->request, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->payload_size);
    curl_easy_setopt(call->request, CURLOPT_POSTFIELDS, call->payload);
    curl_easy_setopt(call->request, CURLOPT_CUSTOMREQUEST, "PUT");
}

static void note_answer(struct store_call *call)
{
    struct curl_header *found;
    curl_off_t seconds = 0;
    curl_easy_getinfo(call->request, CURLINFO_RESPONSE_CODE, &call->answer);
    curl_easy_getinfo(call->request, CURLINFO_RETRY_AFTER, &seconds);
    call->ask_again_after = (double)seconds;
    call->region[0] = '\0';
    if (curl_easy_header(call->request, "x-amz-bucket-region", 0, CURLH_HEADER, -1, &found) ==
        CURLHE_OK)
        snprintf(call->region, sizeof call->region, "%s", found->value);
}

/* Credentials go to the endpoint alone: redirections are not followed. */
void store_call_ask(struct store_call *call)
{
    static const long longest = 3600; /* seconds: a store that sends drop by drop ends, too */
    const struct store *store = call->store;
    CURL *request = call->request;
    call->body.size = call->says.size = 0;
    call->body.too_many = call->says.too_many = false;
    web_prepare(request, call->url, store->patience.silence, call->reason, &store->depot.stop);
    curl_easy_setopt(request, CURLOPT_AWS_SIGV4, store->bucket.signing);
    curl_easy_setopt(request, CURLOPT_USERNAME, store->bucket.key);
    curl_easy_setopt(request, CURLOPT_PASSWORD, store->bucket.secret);
    if (store->bucket.authorities)
        curl_easy_setopt(request, CURLOPT_CAINFO, store->bucket.authorities);
    curl_easy_setopt(request, CURLOPT_TIMEOUT, longest);
    curl_easy_setopt(request, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(request, CURLOPT_WRITEDATA, call);
    set_method(call);
    call->code = curl_easy_perform(request);
    note_answer(call);
}

bool store_call_begin(struct store_call *call)
{
    enum { MOST_SAID = 1 << 16 };
    call->says.most = MOST_SAID;
    call->request = take_request(call->store);
    return call->request && write_url(call) && write_headers(call);
}

void store_call_end(struct store_call *call)
{
    if (call->request)
        return_request(call->store, call->request);
    curl_slist_free_all(call->headers);
    free(call->url);
    free(call->says.bytes);
    call->says = (struct web_bytes){0};
}
