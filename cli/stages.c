#include "stages.h"

#include "fail.h"
#include "npy.h"

#include "common/join_path.h"

#include <stdio.h>
#include <stdlib.h>

static diffedit_status write_array(diffedit_editor *editor, diffedit_array_id id,
                                   const char *folder, diffedit_error *error)
{
    diffedit_array array = {.struct_size = sizeof array};
    diffedit_status status = diffedit_editor_array(&array, editor, id, error);
    if (status != DIFFEDIT_OK || array.dimensions == 0)
        return status;
    char name[64];
    snprintf(name, sizeof name, "%s.npy", diffedit_array_name(id));
    char *path = de_join_path(folder, name);
    status = path ? cli_npy_write(path, &array, error) : cli_fail_memory(error);
    free(path);
    return status;
}

static diffedit_status write_picture(const diffedit_picture *picture, const char *folder,
                                     const char *name, diffedit_error *error)
{
    char *path = de_join_path(folder, name);
    diffedit_status status = path ? diffedit_picture_save(picture, path, NULL, error)
                                  : cli_fail_memory(error);
    free(path);
    return status;
}

static diffedit_status write_view(diffedit_editor *editor, diffedit_view_id id, const char *folder,
                                  const char *name, diffedit_error *error)
{
    diffedit_picture *picture;
    diffedit_status status = diffedit_editor_view(&picture, editor, id, error);
    if (status == DIFFEDIT_OK && picture) {
        status = write_picture(picture, folder, name, error);
        diffedit_picture_free(picture);
    }
    return status;
}

diffedit_status cli_stages_write(diffedit_editor *editor, const diffedit_picture *result,
                                 const char *folder, diffedit_error *error)
{
    static const struct {
        diffedit_view_id id;
        const char *name;
    } views[] = {{DIFFEDIT_VIEW_INPUT, "input.png"},
                 {DIFFEDIT_VIEW_MAP, "map.png"},
                 {DIFFEDIT_VIEW_MASK, "mask.png"},
                 {DIFFEDIT_VIEW_DECODED, "decoded.png"}};
    diffedit_status status = DIFFEDIT_OK;
    for (int id = 0; diffedit_array_name((diffedit_array_id)id) && status == DIFFEDIT_OK; id++)
        status = write_array(editor, (diffedit_array_id)id, folder, error);
    for (size_t i = 0; i < sizeof views / sizeof *views && status == DIFFEDIT_OK; i++)
        status = write_view(editor, views[i].id, folder, views[i].name, error);
    if (status == DIFFEDIT_OK && result)
        status = write_picture(result, folder, "output.png", error);
    return status;
}
