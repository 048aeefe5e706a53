#include "join_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *de_join_path(const char *folder, const char *name)
{
    size_t length = strlen(folder), size = length + strlen(name) + 2;
    while (length > 0 && folder[length - 1] == '/')
        length--;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%.*s/%s", (int)length, folder, name);
    return path;
}
