/* Smaller copies of kept pictures, for screens. */
#include "pictures.h"

#include "shrink.h"

#include <stdio.h>
#include <string.h>

static diffedit_status fail(diffedit_error *error, const char *id)
{
    char reason[256];
    snprintf(reason, sizeof reason, "%s", vips_error_buffer());
    vips_error_clear();
    reason[strcspn(reason, "\n")] = '\0';
    return de_fail(error, DIFFEDIT_ERROR_PICTURE, "%s: no copy can be made: %s", id, reason);
}

/* Lossless where that is small, or where clear parts must stay so. */
static bool suits_png(const VipsImage *image)
{
    enum { SMALL = 1 << 20 };
    return vips_image_hasalpha((VipsImage *)image) || (int64_t)image->Xsize * image->Ysize <= SMALL;
}

static diffedit_status make(const char *kind[2], const char **made, const struct server *server,
                            const char *id, int side, diffedit_error *error)
{
    void *bytes = NULL;
    size_t size = 0;
    char *path = files_path(server->files, id);
    VipsImage *image = path ? shrink_file(path, side) : NULL;
    free(path);
    if (!image)
        return fail(error, id);
    bool png = suits_png(image);
    int failed = png ? vips_pngsave_buffer(image, &bytes, &size, "compression", 3, "strip", TRUE,
                                           NULL)
                     : vips_jpegsave_buffer(image, &bytes, &size, "Q", 90, "strip", TRUE, NULL);
    g_object_unref(image);
    if (failed)
        return fail(error, id);
    *made = kind[!png];
    diffedit_status status = files_copy_write(server->files, id, *made, bytes, size, error);
    g_free(bytes);
    return status;
}

diffedit_status pictures_copy(int *descriptor, const char **type, const struct server *server,
                              const char *id, int side, diffedit_error *error)
{
    const char *kinds[2] = {side == PICTURES_SCREEN ? "screen.png" : "thumbnail.png",
                            side == PICTURES_SCREEN ? "screen.jpg" : "thumbnail.jpg"};
    const char *there = NULL;
    for (int i = 0; i < 2 && !there; i++)
        if ((*descriptor = files_copy_descriptor(server->files, id, kinds[i])) >= 0)
            there = kinds[i];
    if (!there) {
        diffedit_status status = make(kinds, &there, server, id, side, error);
        if (status != DIFFEDIT_OK)
            return status;
        if ((*descriptor = files_copy_descriptor(server->files, id, there)) < 0)
            return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: its copy is gone", id);
    }
    *type = pictures_type(strrchr(there, '.'));
    return DIFFEDIT_OK;
}
