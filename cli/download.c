#include "download.h"

#include "fail.h"
#include "interrupt.h"
#include "transfer.h"
#include "web.h"

#include "common/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/evp.h>

enum {
    MOST_TEXT = 16 << 20,
    TRIES = 6, /* without a new byte */
    STALLED_SECONDS = 60
};

static const double FIRST_WAIT = 0.25; /* seconds between tries, doubled each time */

/* ---- hashes ---- */

/* A hash as it grows: git's begins with the blob's size. */
static EVP_MD_CTX *start_hash(const cli_expected *expected)
{
    bool is_sha256 = strlen(expected->hash) == 64;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (!hash || !EVP_DigestInit_ex(hash, is_sha256 ? EVP_sha256() : EVP_sha1(), NULL)) {
        EVP_MD_CTX_free(hash);
        return NULL;
    }
    if (!is_sha256) {
        char head[40];
        int length = snprintf(head, sizeof head, "blob %jd", (intmax_t)expected->size);
        EVP_DigestUpdate(hash, head, (size_t)length + 1);
    }
    return hash;
}

static void finish_hash(EVP_MD_CTX *hash, char hex[65])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(hash, bytes, &length);
    for (unsigned i = 0; i < length && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    EVP_MD_CTX_free(hash);
}

/* Adds what stands in a file to a hash; false if it cannot be read. */
static bool hash_file(EVP_MD_CTX *hash, int file)
{
    static unsigned char block[1 << 16];
    ssize_t count;
    while ((count = read(file, block, sizeof block)) > 0)
        EVP_DigestUpdate(hash, block, (size_t)count);
    return count == 0;
}

bool cli_download_is_there(const char *path, const cli_expected *expected)
{
    struct stat info;
    char hex[65] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool whole = fstat(file, &info) == 0 && info.st_size == expected->size;
    EVP_MD_CTX *hash = whole ? start_hash(expected) : NULL;
    whole = hash && hash_file(hash, file);
    if (hash)
        finish_hash(hash, hex);
    close(file);
    return whole && strcmp(hex, expected->hash) == 0;
}

/* ---- one request ---- */

static bool stop_when_interrupted(void *user)
{
    (void)user;
    return cli_interrupted();
}

static const struct web_stop STOP = {stop_when_interrupted, NULL};

static CURL *new_request(const cli_server *server, const char *url, char *reason)
{
    CURL *request = web_open();
    if (!request)
        return NULL;
    bool secure = strncmp(url, "https:", 6) == 0;
    web_prepare(request, url, STALLED_SECONDS, reason, &STOP);
    curl_easy_setopt(request, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(request, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(request, CURLOPT_MAXREDIRS, 8L);
    curl_easy_setopt(request, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    if (server->token) { /* libcurl keeps it from other hosts that a redirection leads to */
        curl_easy_setopt(request, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(request, CURLOPT_XOAUTH2_BEARER, server->token);
    }
    return request;
}

/* A sentence on why a server's answer is none. */
static diffedit_status refuse(const cli_server *server, const char *url, long answer,
                              const char *reason, diffedit_error *error)
{
    if ((answer == 401 || answer == 403) && server->token)
        return cli_fail(error, DIFFEDIT_ERROR_FILE,
                        "%.120s: access denied with this token (HTTP %ld); accept the model's "
                        "licence on its page first",
                        server->model, answer);
    if (answer == 401 || answer == 403)
        return cli_fail(error, DIFFEDIT_ERROR_FILE,
                        "%.120s: access denied (HTTP %ld); set HF_TOKEN to an access token, or "
                        "check that there is such a model",
                        server->model, answer);
    if (answer == 404)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: not found (HTTP 404)", url);
    return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.250s: cannot be fetched: %.200s", url, reason);
}

static diffedit_status interrupted(diffedit_error *error)
{
    return cli_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
}

/* ---- texts ---- */

diffedit_status cli_download_text(char **text, const cli_server *server, const char *url,
                                  diffedit_error *error)
{
    char reason[CURL_ERROR_SIZE];
    struct web_bytes found = {.most = MOST_TEXT};
    CURL *request = new_request(server, url, reason);
    if (!request)
        return cli_fail_memory(error);
    curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, web_append);
    curl_easy_setopt(request, CURLOPT_WRITEDATA, &found);
    CURLcode code = curl_easy_perform(request);
    long answer = 0;
    curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(request);
    if (code == CURLE_OK && found.bytes) {
        *text = found.bytes;
        return DIFFEDIT_OK;
    }
    free(found.bytes);
    if (cli_interrupted())
        return interrupted(error);
    return refuse(server, url, answer, code ? web_reason(code, reason) : "the reply is empty",
                  error);
}

/* ---- files ---- */

/* One file on its way. */
typedef struct fetching {
    const cli_server *server;
    const char *url, *path, *name;
    const cli_expected *expected;
    char *part; /* path.part */
    int file;
    int64_t at;       /* bytes that are there */
    int64_t begin;    /* those that were there before the request */
    EVP_MD_CTX *hash; /* of them */
    CURL *request;
    bool inherited; /* some of them are from an earlier run */
    bool lies;      /* the server sends another number of bytes than it listed */
    bool failed;    /* to be written */
    cli_transfer transfer;
} fetching;

/* Whether the answer's own length agrees with the listing; true where it has none. */
static bool length_agrees(const fetching *job)
{
    curl_off_t length = -1;
    curl_easy_getinfo(job->request, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length < 0 || job->begin + length == job->expected->size;
}

static size_t store(char *bytes, size_t one, size_t count, void *user)
{
    fetching *job = user;
    size_t size = one * count;
    if (!length_agrees(job) || (int64_t)size > job->expected->size - job->at) {
        job->lies = true;
        return 0;
    }
    if (!de_write_all(job->file, bytes, size)) {
        job->failed = true;
        return 0;
    }
    EVP_DigestUpdate(job->hash, bytes, size);
    job->at += (int64_t)size;
    return cli_transfer_step(&job->transfer, job->at, job->expected->size) ? 0 : size;
}

/* Empties the part and begins anew. */
static bool restart(fetching *job)
{
    job->at = 0;
    EVP_MD_CTX_free(job->hash);
    job->hash = start_hash(job->expected);
    return job->hash && ftruncate(job->file, 0) == 0 && lseek(job->file, 0, SEEK_SET) == 0;
}

static diffedit_status fail_to_write(const fetching *job, diffedit_error *error)
{
    return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.400s: cannot be written: %s", job->part,
                    strerror(errno));
}

/* Opens the part that an earlier run left, or a new one. */
static diffedit_status open_part(fetching *job, diffedit_error *error)
{
    struct stat info;
    job->file = open(job->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (job->file < 0 || fstat(job->file, &info) != 0)
        return fail_to_write(job, error);
    job->at = info.st_size;
    job->hash = start_hash(job->expected);
    if (!job->hash)
        return cli_fail_memory(error);
    bool ready = job->at <= job->expected->size ? hash_file(job->hash, job->file) : restart(job);
    job->inherited = job->at > 0;
    return ready ? DIFFEDIT_OK : fail_to_write(job, error);
}

/* Drops what came, which is not what the hub's list promised. */
static diffedit_status refuse_length(fetching *job, diffedit_error *error)
{
    unlink(job->part);
    return cli_fail(error, DIFFEDIT_ERROR_FILE,
                    "%.150s: expected %jd bytes, got a different number; the download was "
                    "discarded",
                    job->name, (intmax_t)job->expected->size);
}

static diffedit_status refuse_hash(fetching *job, const char *found, diffedit_error *error)
{
    unlink(job->part);
    return cli_fail(error, DIFFEDIT_ERROR_FILE,
                    "%.150s: expected %s %s, got %s; the download was discarded", job->name,
                    strlen(job->expected->hash) == 64 ? "SHA-256" : "SHA-1", job->expected->hash,
                    found);
}

/* One request for what is missing. *again: the connection broke, or the server cannot go on in the
 * middle. */
static diffedit_status request_rest(fetching *job, bool *again, diffedit_error *error)
{
    char reason[CURL_ERROR_SIZE];
    job->request = new_request(job->server, job->url, reason);
    if (!job->request)
        return cli_fail_memory(error);
    curl_easy_setopt(job->request, CURLOPT_WRITEFUNCTION, store);
    curl_easy_setopt(job->request, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(job->request, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)job->at);
    job->begin = job->at;
    CURLcode code = curl_easy_perform(job->request);
    long answer = 0;
    curl_easy_getinfo(job->request, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(job->request);
    *again = false;
    if (cli_interrupted())
        return interrupted(error);
    if (job->lies)
        return refuse_length(job, error);
    if (job->failed)
        return fail_to_write(job, error);
    bool cannot_resume = code == CURLE_RANGE_ERROR ||
                         (code == CURLE_HTTP_RETURNED_ERROR && answer == 416);
    if (cannot_resume && !restart(job))
        return fail_to_write(job, error);
    if (code == CURLE_OK && job->at == job->expected->size)
        return DIFFEDIT_OK;
    *again = code == CURLE_OK || cannot_resume || web_may_try_again(code, answer);
    return refuse(job->server, job->url, answer,
                  code == CURLE_OK ? "the connection was closed early" : web_reason(code, reason),
                  error);
}

static diffedit_status request_all(fetching *job, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (int tries = 0; job->at < job->expected->size;) {
        int64_t before = job->at;
        bool again = false;
        status = request_rest(job, &again, error);
        if (status != DIFFEDIT_OK && !again)
            return status;
        tries = job->at > before ? 0 : tries + 1;
        if (tries == TRIES)
            return status;
        double wait = tries > 0 ? ldexp(FIRST_WAIT, tries - 1) : 0;
        if (!web_wait(wait, &STOP))
            return interrupted(error);
    }
    return DIFFEDIT_OK;
}

static diffedit_status finish(fetching *job, diffedit_error *error)
{
    char hex[65];
    finish_hash(job->hash, hex);
    job->hash = NULL;
    if (strcmp(hex, job->expected->hash) == 0)
        return rename(job->part, job->path) == 0 ? DIFFEDIT_OK : fail_to_write(job, error);
    if (!job->inherited)
        return refuse_hash(job, hex, error);
    /* what an earlier run left may have been another version's */
    job->inherited = false;
    if (!restart(job))
        return fail_to_write(job, error);
    diffedit_status status = request_all(job, error);
    return status == DIFFEDIT_OK ? finish(job, error) : status;
}

diffedit_status cli_download_file(const cli_server *server, const char *url, const char *path,
                                  const char *name, const cli_expected *expected, bool quiet,
                                  diffedit_error *error)
{
    fetching job = {
        .server = server, .url = url, .path = path, .name = name, .expected = expected, .file = -1};
    size_t size = strlen(path) + sizeof ".part";
    job.part = malloc(size);
    if (!job.part)
        return cli_fail_memory(error);
    snprintf(job.part, size, "%s.part", path);
    cli_transfer_start(&job.transfer, name, quiet);
    diffedit_status status = open_part(&job, error);
    if (status == DIFFEDIT_OK)
        status = request_all(&job, error);
    if (status == DIFFEDIT_OK)
        status = finish(&job, error);
    cli_transfer_end(&job.transfer);
    if (job.file >= 0)
        close(job.file);
    EVP_MD_CTX_free(job.hash);
    free(job.part);
    return status;
}
