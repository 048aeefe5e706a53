/* Runs a target over every file of the folders that are named on the command line. */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* False for what is no file: a folder that Python left beside the files of its scripts. */
static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file || fstat(fileno(file), &info) != 0)
        abort();
    if (!S_ISREG(info.st_mode)) {
        fclose(file);
        return false;
    }
    size_t size = (size_t)info.st_size;
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes || fread(bytes, 1, size, file) != size)
        abort();
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that did harm */
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return true;
}

int main(int count, char **paths)
{
    int files = 0;
    for (int i = 1; i < count; i++) {
        DIR *folder = opendir(paths[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            char path[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", paths[i], entry->d_name);
            files += replay_file(path);
        }
        if (folder)
            closedir(folder);
    }
    return files == 0; /* an empty corpus would test nothing */
}
