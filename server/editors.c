#include "editors.h"

#include "files.h"
#include "models.h"
#include "pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PIXELS = 1 << 26 }; /* of the pictures of all editors together, but for one */

typedef struct kept_editor {
    diffedit_editor *editor;
    int model;
    char picture[FILES_ID]; /* "": it only generates */
    int width, height;
    char mask[FILES_ID], correction[FILES_ID]; /* that it has; "": none */
} kept_editor;

struct editors {
    struct server *server;
    int count, most;
    kept_editor *kept; /* [most], the last used first */
};

diffedit_status editors_new(struct editors **made, struct server *server, diffedit_error *error)
{
    int most = server->settings->editors > 0 ? server->settings->editors : 1;
    struct editors *new = calloc(1, sizeof *new);
    if (new)
        new->kept = calloc((size_t)most, sizeof *new->kept);
    if (!new || !new->kept) {
        free(new);
        return de_fail_memory(error, sizeof *new, "the editors");
    }
    new->server = server;
    new->most = most;
    *made = new;
    return DIFFEDIT_OK;
}

static void drop_last(struct editors *editors)
{
    diffedit_editor_free(editors->kept[--editors->count].editor);
}

void editors_free(struct editors *editors)
{
    if (!editors)
        return;
    while (editors->count > 0)
        drop_last(editors);
    free(editors->kept);
    free(editors);
}

/* Brings the one at `index` to the front. */
static void move_to_front(struct editors *editors, int index)
{
    kept_editor moved = editors->kept[index];
    memmove(editors->kept + 1, editors->kept, (size_t)index * sizeof moved);
    editors->kept[0] = moved;
}

static bool find(struct editors *editors, const editors_task *task)
{
    const char *picture = task->picture ? task->picture : "";
    for (int i = 0; i < editors->count; i++)
        if (editors->kept[i].model == task->model &&
            strcmp(editors->kept[i].picture, picture) == 0) {
            move_to_front(editors, i);
            return true;
        }
    return false;
}

/* Drops all editors of a model that is open for another arithmetic than the task's, or whose GPU
 * was lost. */
static void drop_others(struct editors *editors, const editors_task *task)
{
    int left = 0;
    if (models_are_open_for(editors->server->models, task->model, task->arithmetic))
        return;
    for (int i = 0; i < editors->count; i++)
        if (editors->kept[i].model == task->model)
            diffedit_editor_free(editors->kept[i].editor);
        else
            editors->kept[left++] = editors->kept[i];
    editors->count = left;
}

/* Makes room for one more with so many pixels. */
static void make_room(struct editors *editors, int64_t pixels)
{
    for (int i = 0; i < editors->count; i++)
        pixels += (int64_t)editors->kept[i].width * editors->kept[i].height;
    while (editors->count > 0 && (editors->count == editors->most || pixels > MOST_PIXELS)) {
        const kept_editor *last = &editors->kept[editors->count - 1];
        pixels -= (int64_t)last->width * last->height;
        drop_last(editors);
    }
}

/* Makes an editor and puts it at the front. */
static diffedit_status add(struct editors *editors, const editors_task *task, diffedit_error *error)
{
    const diffedit_model *model;
    diffedit_picture *picture = NULL;
    kept_editor new = {.model = task->model};
    diffedit_status status = models_open(&model, editors->server->models, task->model,
                                         task->arithmetic, error);
    if (status == DIFFEDIT_OK && task->picture)
        status = pictures_open(&picture, editors->server, task->picture, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (picture) {
        snprintf(new.picture, sizeof new.picture, "%s", task->picture);
        new.width = diffedit_picture_width(picture);
        new.height = diffedit_picture_height(picture);
    }
    make_room(editors, (int64_t) new.width *new.height);
    status = diffedit_editor_new(&new.editor, model, picture, error);
    diffedit_picture_free(picture);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_editor_set_threads(new.editor, editors->server->settings->threads);
    editors->kept[editors->count++] = new;
    move_to_front(editors, editors->count - 1);
    return DIFFEDIT_OK;
}

typedef diffedit_status (*set_layer_fn)(diffedit_editor *editor, const diffedit_picture *layer,
                                        diffedit_error *error);

/* Gives an editor a mask or a correction, unless it has it. */
static diffedit_status set_layer(kept_editor *kept, char has[FILES_ID], const char *wanted,
                                 set_layer_fn set, const struct server *server,
                                 diffedit_error *error)
{
    diffedit_picture *layer = NULL;
    diffedit_status status = DIFFEDIT_OK;
    if (strcmp(has, wanted ? wanted : "") == 0)
        return DIFFEDIT_OK;
    if (wanted)
        status = pictures_open_mask(&layer, server, wanted, kept->width, kept->height, error);
    if (status == DIFFEDIT_OK)
        status = set(kept->editor, layer, error);
    if (status == DIFFEDIT_OK)
        snprintf(has, FILES_ID, "%s", wanted ? wanted : "");
    diffedit_picture_free(layer);
    return status;
}

diffedit_status editors_get(diffedit_editor **editor, struct editors *editors,
                            const editors_task *task, diffedit_error *error)
{
    drop_others(editors, task);
    diffedit_status status = find(editors, task) ? DIFFEDIT_OK : add(editors, task, error);
    if (status != DIFFEDIT_OK)
        return status;
    kept_editor *kept = &editors->kept[0];
    *editor = kept->editor;
    if (!task->picture)
        return DIFFEDIT_OK;
    status = set_layer(kept, kept->mask, task->mask, diffedit_editor_set_mask, editors->server,
                       error);
    if (status == DIFFEDIT_OK)
        status = set_layer(kept, kept->correction, task->correction, diffedit_editor_set_correction,
                           editors->server, error);
    return status;
}
