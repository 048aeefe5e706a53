#include "written.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

diffedit_status written_begin(written *to, const char *path, diffedit_error *error)
{
    diffedit_status status = de_new_file_create(&to->file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    int copy = dup(to->file.descriptor); /* the stream closes its own */
    to->stream = copy < 0 ? NULL : fdopen(copy, "w");
    if (to->stream)
        return DIFFEDIT_OK;
    status = de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: %s", path,
                     strerror(errno));
    if (copy >= 0)
        close(copy);
    return de_new_file_finish(&to->file, status, error);
}

diffedit_status written_end(written *to, diffedit_status status, diffedit_error *error)
{
    errno = 0;
    bool failed = ferror(to->stream) != 0;
    failed |= fclose(to->stream) != 0;
    if (failed && status == DIFFEDIT_OK)
        status = de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: %s", to->file.path,
                         errno ? strerror(errno) : "the disk is full or gone");
    return de_new_file_finish(&to->file, status, error);
}
