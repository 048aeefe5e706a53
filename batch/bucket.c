#include "bucket.h"

#include "depot.h"

#include "common/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

/* A variable that is set to something, or NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static const char *either(const char *first, const char *second)
{
    const char *value = variable(first);
    return value ? value : variable(second);
}

/* Copies a text; NULL for NULL, *short of memory becomes true. */
static char *copy(const char *text, bool *short_of_memory)
{
    char *copied = text ? strdup(text) : NULL;
    *short_of_memory |= text && !copied;
    return copied;
}

static bool has_only(const char *text, const char *characters)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (; *text; text++)
        if (!strchr(letters, *text) && !strchr(characters, *text))
            return false;
    return true;
}

/* Whether a text goes into a header as it is. */
static bool is_one_word(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static diffedit_status split_place(struct bucket *bucket, const char *place, diffedit_error *error)
{
    size_t length = strcspn(place, "/");
    const char *prefix = place + length + (place[length] == '/');
    size_t rest = strlen(prefix);
    bucket->name = strndup(place, length);
    bucket->prefix = calloc(rest + 2, 1);
    if (!bucket->name || !bucket->prefix)
        return de_fail_memory(error, length + rest, "a bucket's name");
    if (length == 0 || length > 255 || !has_only(bucket->name, "-._") || bucket->name[0] == '.')
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "\"s3://%.200s\": expected s3://BUCKET or s3://BUCKET/PREFIX, the bucket of "
                       "letters, digits, dots and hyphens",
                       place);
    rest -= rest > 0 && prefix[rest - 1] == '/';
    if (rest == 0)
        return DIFFEDIT_OK;
    memcpy(bucket->prefix, prefix, rest);
    if (rest > BUCKET_PREFIX)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "\"s3://%.200s\": the prefix has more than %d bytes", place,
                       (int)BUCKET_PREFIX);
    if (depot_check_name(bucket->prefix, NULL) != DIFFEDIT_OK)
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "\"s3://%.200s\": the prefix has a component that is empty, \".\" or \"..\", "
            "or a character that no name in a depot has",
            place);
    bucket->prefix[rest] = '/';
    return DIFFEDIT_OK;
}

static diffedit_status read_keys(struct bucket *bucket, diffedit_error *error)
{
    bool short_of_memory = false;
    bucket->key = copy(variable("AWS_ACCESS_KEY_ID"), &short_of_memory);
    bucket->secret = copy(variable("AWS_SECRET_ACCESS_KEY"), &short_of_memory);
    bucket->token = copy(variable("AWS_SESSION_TOKEN"), &short_of_memory);
    bucket->authorities = copy(variable("AWS_CA_BUNDLE"), &short_of_memory);
    if (short_of_memory)
        return de_fail_memory(error, 0, "the store's keys");
    if (!bucket->key || !bucket->secret)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "s3://%.200s: the store's keys are not known; set AWS_ACCESS_KEY_ID and "
                       "AWS_SECRET_ACCESS_KEY in the environment",
                       bucket->name);
    if (!is_one_word(bucket->key) || !is_one_word(bucket->secret) ||
        (bucket->token && !is_one_word(bucket->token)))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "s3://%.200s: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or "
                       "AWS_SESSION_TOKEN has a character that no key has",
                       bucket->name);
    return DIFFEDIT_OK;
}

/* The part of a URL, or NULL. */
static char *part_of(CURLU *url, CURLUPart part)
{
    char *found = NULL;
    return curl_url_get(url, part, &found, 0) == CURLUE_OK ? found : NULL;
}

/* Whether a URL is one of HTTP without a user's name, a query or a fragment. */
static bool is_endpoint(const char *text)
{
    static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                         CURLUPART_FRAGMENT};
    bool good = is_one_word(text) &&
                (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0);
    CURLU *url = curl_url();
    good = good && url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted && good; i++) {
        char *found = part_of(url, unwanted[i]);
        good = !found;
        curl_free(found);
    }
    curl_url_cleanup(url);
    return good;
}

/* The endpoint and the region. Keys are part of the path everywhere, AWS too: it is what all stores
 * understand, and needs no certificate for each bucket. */
static diffedit_status read_place(struct bucket *bucket, diffedit_error *error)
{
    const char *endpoint = either("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
    const char *region = either("AWS_REGION", "AWS_DEFAULT_REGION");
    char text[128];
    if (!endpoint && !region)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "s3://%.200s: where the store is, is not known; set AWS_ENDPOINT_URL, or "
                       "AWS_REGION for one of AWS's",
                       bucket->name);
    if (!region)
        region = "us-east-1"; /* what stores outside of AWS call theirs */
    if (strlen(region) > 60 || !has_only(region, "-"))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "AWS_REGION: expected a region such as eu-central-1, found \"%.100s\"",
                       region);
    snprintf(text, sizeof text, "aws:amz:%s:s3", region);
    bucket->signing = strdup(text);
    snprintf(text, sizeof text, "https://s3.%s.amazonaws.com", region);
    if (endpoint && !is_endpoint(endpoint)) /* it may have a password in it */
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "AWS_ENDPOINT_URL: expected a URL such as https://HOST:PORT, without a "
                       "user's name, a query or a fragment");
    bucket->endpoint = strdup(endpoint ? endpoint : text);
    if (!bucket->endpoint || !bucket->signing)
        return de_fail_memory(error, sizeof text, "the store's address");
    for (size_t end = strlen(bucket->endpoint); bucket->endpoint[end - 1] == '/'; end--)
        bucket->endpoint[end - 1] = '\0';
    return DIFFEDIT_OK;
}

diffedit_status bucket_read(struct bucket *bucket, const char *place, diffedit_error *error)
{
    *bucket = (struct bucket){0};
    diffedit_status status = split_place(bucket, place, error);
    if (status == DIFFEDIT_OK)
        status = read_keys(bucket, error);
    if (status == DIFFEDIT_OK)
        status = read_place(bucket, error);
    return status;
}

void bucket_clear(struct bucket *bucket)
{
    free(bucket->name);
    free(bucket->prefix);
    free(bucket->endpoint);
    free(bucket->signing);
    free(bucket->key);
    free(bucket->secret);
    free(bucket->token);
    free(bucket->authorities);
}
