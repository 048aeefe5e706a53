/* Files from a server, however often the connection breaks, and checked before they count. */
#ifndef CLI_DOWNLOAD_H
#define CLI_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <diffedit/diffedit.h>

/* Where to fetch from, and as whom. */
typedef struct cli_server {
    const char *endpoint; /* "https://huggingface.co" */
    const char *token;    /* or NULL; sent to the endpoint's host alone */
    const char *model;    /* OWNER/NAME, for messages */
} cli_server;

/* What the server's listing says about a file. */
typedef struct cli_expected {
    int64_t size;
    char hash[65]; /* hexadecimal: 64 digits, SHA-256 of the bytes; or 40, git's SHA-1 of them as a
                      blob */
} cli_expected;

/* The text at `url`, up to a few megabytes; *text is freed by the caller. Errors: FILE, MEMORY,
 * CANCELLED. */
diffedit_status cli_download_text(char **text, const cli_server *server, const char *url,
                                  diffedit_error *error);
/* Whether `path` holds what is expected. */
bool cli_download_is_there(const char *path, const cli_expected *expected);
/* Fetches `url` into `path`.part, going on with what is there, and renames it once size and hash
 * are right. What was fetched stays after a broken connection or an interruption, and goes where
 * the hash is wrong. Errors: FILE, MEMORY, CANCELLED. */
diffedit_status cli_download_file(const cli_server *server, const char *url, const char *path,
                                  const char *name, const cli_expected *expected, bool quiet,
                                  diffedit_error *error);

#endif
