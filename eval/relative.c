#define _XOPEN_SOURCE 700 /* realpath */
#include "relative.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of two absolute paths is the same, up to a slash. */
static size_t common_folders(const char *folder, const char *path)
{
    size_t same = 0;
    for (size_t i = 0; folder[i] == path[i] && folder[i]; i++)
        if (folder[i] == '/')
            same = i + 1;
    return same;
}

static void append(char **to, char letter)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~/";
    if (letter && strchr(plain, letter))
        *(*to)++ = letter;
    else
        *to += sprintf(*to, "%%%02X", (unsigned char)letter);
}

/* `folder` ends in a slash. */
static char *link_between(const char *folder, const char *path)
{
    size_t same = common_folders(folder, path), up = 0;
    for (const char *at = folder + same; *at; at++)
        up += *at == '/';
    char *made = malloc(2 + 3 * up + 3 * strlen(path + same) + 1), *to = made;
    if (!made)
        return NULL;
    if (up == 0)
        to += sprintf(to, "./"); /* a name may have a colon */
    for (size_t i = 0; i < up; i++)
        to += sprintf(to, "../");
    for (const char *at = path + same; *at; at++)
        append(&to, *at);
    *to = '\0';
    return made;
}

char *relative_link(const char *folder, const char *path)
{
    char *from = realpath(folder, NULL), *to = realpath(path, NULL), *made = NULL;
    size_t length = from ? strlen(from) : 0;
    char *with_slash = from ? malloc(length + 2) : NULL;
    if (with_slash && to) {
        snprintf(with_slash, length + 2, "%s%s", from, length > 1 ? "/" : "");
        made = link_between(with_slash, to);
    }
    free(with_slash);
    free(from);
    free(to);
    return made;
}
