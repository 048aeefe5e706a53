/* Downloads files from a server; resumes after a broken connection, and checks size and hash. */
#ifndef CLI_DOWNLOAD_H
#define CLI_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <diffedit/diffedit.h>

/* Where to download from, and with which token. */
typedef struct cli_server {
    const char *endpoint; /* "https://huggingface.co" */
    const char *token;    /* or NULL; sent to no host but the endpoint's */
    const char *model;    /* OWNER/NAME, for messages */
} cli_server;

/* What the server's listing says about a file. */
typedef struct cli_expected {
    int64_t size;
    char hash[65]; /* hexadecimal: SHA-256 (64 digits), or SHA-1 of the git blob (40 digits) */
} cli_expected;

/* The text at `url`, up to a few megabytes; *text is freed by the caller. Errors: FILE, MEMORY,
 * CANCELLED. */
diffedit_status cli_download_text(char **text, const cli_server *server, const char *url,
                                  diffedit_error *error);
/* Whether the file at `path` has the expected size and hash. */
bool cli_download_is_there(const char *path, const cli_expected *expected);
/* Downloads `url` into `path`.part, continuing a partial file, and renames it when size and hash
 * are right. The partial file is kept after a broken connection or an interruption, and removed if
 * the hash is wrong. Errors: FILE, MEMORY, CANCELLED. */
diffedit_status cli_download_file(const cli_server *server, const char *url, const char *path,
                                  const char *name, const cli_expected *expected, bool quiet,
                                  diffedit_error *error);

#endif
