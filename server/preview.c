#include "preview.h"

#include "base64.h"

#include <stdlib.h>

/* The picture as an address that holds a PNG; freed by the caller, NULL: memory. */
static char *encode(const diffedit_picture *picture)
{
    void *bytes;
    size_t size;
    const diffedit_save_options how = {.struct_size = sizeof how, .format = ".png"};
    if (diffedit_picture_encode(&bytes, &size, picture, &how, NULL) != DIFFEDIT_OK)
        return NULL;
    char *address = base64_encode("data:image/png;base64,", bytes, size);
    diffedit_free(bytes);
    return address;
}

json_t *preview_json(diffedit_editor *editor, const char *job, int step)
{
    diffedit_picture *picture;
    diffedit_stats stats = {.struct_size = sizeof stats};
    if (diffedit_editor_view(&picture, editor, DIFFEDIT_VIEW_PREVIEW, NULL) != DIFFEDIT_OK ||
        !picture)
        return NULL;
    diffedit_editor_get_stats(&stats, editor);
    char *image = encode(picture);
    json_t *preview = image
                          ? json_pack("{s:s, s:i, s:{s:i, s:i, s:i, s:i}, s:s}", "job", job, "step",
                                      step, "box", "x", stats.box_x, "y", stats.box_y, "width",
                                      stats.box_width, "height", stats.box_height, "image", image)
                          : NULL;
    free(image);
    diffedit_picture_free(picture);
    return preview;
}
