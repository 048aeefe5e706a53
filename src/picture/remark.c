#include "picture/remark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void de_remark_add(char **remarks, const char *text)
{
    static const char between[] = "; ";
    size_t before = *remarks ? strlen(*remarks) : 0, size = before + strlen(text) + sizeof between;
    char *longer = realloc(*remarks, size);
    if (!longer)
        return;
    snprintf(longer + before, size - before, "%s%s", before ? between : "", text);
    *remarks = longer;
}
