/* The headers by which the server's guard judges, one a line, and the path of a request. */
#include "fuzz.h"
#include "server/guard.h"
#include "server/http_inside.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The next line, which begins where the one before ended; NULL: there is none. */
static const char *next_line(char **rest)
{
    char *line = *rest;
    if (!line)
        return NULL;
    char *end = strchr(line, '\n');
    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return line;
}

static void check_guard(char **rest)
{
    static const char *const names[] = {"edits.example"};
    struct guard guard = {
        .address = "::1", .port = 7860, .loopback = true, .names = names, .name_count = 1};
    guard_require(&guard, "a token that nobody has");
    guard_request request = {.host = next_line(rest),
                             .origin = next_line(rest),
                             .site = next_line(rest),
                             .mode = next_line(rest),
                             .authorization = next_line(rest),
                             .cookie = next_line(rest)};
    if (guard_check(&guard, &request) == GUARD_PASSES)
        abort();
    request.open = true;
    const char *host = request.host;
    if (guard_check(&guard, &request) == GUARD_PASSES && strncasecmp(host, "localhost", 9) != 0 &&
        strncmp(host, "127.0.0.1", 9) != 0 && strncmp(host, "[127.0.0.1]", 11) != 0 &&
        strncmp(host, "[::1]", 5) != 0 && strncasecmp(host, "edits.example", 13) != 0 &&
        strncasecmp(host, "[localhost]", 11) != 0 && strncasecmp(host, "[edits.example]", 15) != 0)
        abort();
}

static void check_path(const char *path)
{
    char part[HTTP_PARTS][HTTP_LONGEST_PART + 1];
    if (!path || !http_match(part, "/a/{id}/b/{name}", path))
        return;
    for (int i = 0; i < 2; i++)
        if (!part[i][0] || strchr(part[i], '/') || strcmp(part[i], "..") == 0 ||
            strlen(part[i]) > HTTP_LONGEST_PART)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, bytes, size);
    text[size] = '\0';
    char *rest = text;
    check_guard(&rest);
    check_path(next_line(&rest));
    free(text);
    return 0;
}
