#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

bool cli_is_standard_input(const char *path)
{
    struct stat named, standard;
    return cli_is_standard(path) ||
           (stat(path, &named) == 0 && fstat(STDIN_FILENO, &standard) == 0 &&
            !S_ISREG(named.st_mode) && named.st_dev == standard.st_dev &&
            named.st_ino == standard.st_ino);
}

diffedit_status cli_file_create(de_new_file *file, const char *path, diffedit_error *error)
{
    if (!cli_is_standard(path))
        return de_new_file_create(file, path, error);
    fflush(stdout); /* what was printed stands before it */
    *file = de_new_file_around(STDOUT_FILENO, "standard output");
    return DIFFEDIT_OK;
}
