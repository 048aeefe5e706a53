#include "scratch.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

void scratch_make(void)
{
    strcpy(folder, "/tmp/diffedit-test-XXXXXX");
    if (!mkdtemp(folder))
        abort();
}

void scratch_enter(void)
{
    if (chdir(folder) != 0)
        abort();
}

static bool is_the_folder_or_above(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int scratch_count(void)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        count += !is_the_folder_or_above(entry->d_name);
    if (entries)
        closedir(entries);
    return count;
}

const char *scratch_path(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

const char *scratch_write(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(scratch_path(name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
    return scratch_path(name);
}

const char *scratch_write_text(const char *name, const char *text)
{
    return scratch_write(name, text, strlen(text));
}

void scratch_remove(void)
{
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (!is_the_folder_or_above(entry->d_name))
            unlink(scratch_path(entry->d_name));
    if (entries)
        closedir(entries);
    rmdir(folder);
}
