#define _XOPEN_SOURCE 700 /* realpath */
#include "pie_mask_file.h"

#include "pie_mask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* *bytes [*size] is freed with diffedit_free(). */
static diffedit_status encode(void **bytes, size_t *size, const char *runs, diffedit_error *error)
{
    diffedit_picture *picture = NULL;
    uint8_t *mask = malloc(PIE_SIDE * PIE_SIDE);
    diffedit_status status = mask ? pie_mask_read(mask, runs, error)
                                  : de_fail_memory(error, PIE_SIDE * PIE_SIDE, "a mask");
    for (int i = 0; i < PIE_SIDE * PIE_SIDE && status == DIFFEDIT_OK; i++)
        mask[i] = mask[i] ? 255 : 0;
    if (status == DIFFEDIT_OK)
        status = diffedit_picture_new(&picture, PIE_SIDE, PIE_SIDE, 1, 8, mask, PIE_SIDE, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_picture_encode(bytes, size, picture, NULL, error);
    diffedit_picture_free(picture);
    free(mask);
    return status;
}

static diffedit_status put(char **path, struct outdir *outdir, const char *name, const void *bytes,
                           size_t size, diffedit_error *error)
{
    if (!outdir_has(outdir, name)) {
        diffedit_status status = outdir_write(outdir, name, bytes, size, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    char *relative = outdir_path(outdir, name);
    *path = relative ? realpath(relative, NULL) : NULL;
    free(relative);
    return *path ? DIFFEDIT_OK
                 : de_fail(error, DIFFEDIT_ERROR_FILE, "%.80s: cannot be found: %s", name,
                           strerror(errno));
}

diffedit_status pie_mask_file(char **path, char hash[TASK_HASH], struct outdir *outdir,
                              const char *runs, diffedit_error *error)
{
    char name[TASK_HASH + 16];
    void *bytes = NULL;
    size_t size = 0;
    diffedit_status status = encode(&bytes, &size, runs, error);
    if (status != DIFFEDIT_OK)
        return status;
    task_hash(hash, bytes, size);
    snprintf(name, sizeof name, "true-mask-%s.png", hash);
    if (outdir)
        status = put(path, outdir, name, bytes, size, error);
    else if (!(*path = strdup(name)))
        status = de_fail_memory(error, sizeof name, "a path");
    diffedit_free(bytes);
    return status;
}
