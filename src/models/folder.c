/* A model folder in the diffusers layout, as the hub's tools leave it: variants, shards, old names,
 * the cache. */
#include "models/model.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LENGTH = 4096 };

typedef struct de_path {
    char text[PATH_LENGTH];
} de_path;

/* folder/part; a path that is too long is cut and then not found, see check_length() */
static de_path join(const char *folder, const char *part)
{
    de_path path;
    int length = snprintf(path.text, sizeof path.text, "%s/%s", folder, part);
    if (length >= PATH_LENGTH)
        path.text[0] = '\0';
    return path;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static diffedit_status check_length(const char *folder, diffedit_error *error)
{
    enum { LONGEST_PART = 512 };
    if (strlen(folder) + LONGEST_PART < PATH_LENGTH)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_FILE, "the model's path is too long (%zu bytes)",
                   strlen(folder));
}

/* ---- weights ---- */

static bool folder_has(const void *folder, const char *name)
{
    return exists(join(folder, name).text);
}

/* Attention's layers as diffusers called them before 0.18. */
static bool modern_name(const void *user, const char *name, char published[DE_TENSOR_NAME])
{
    static const char *const old_names[][2] = {{".query.", ".to_q."},
                                               {".key.", ".to_k."},
                                               {".value.", ".to_v."},
                                               {".proj_attn.", ".to_out.0."}};
    (void)user;
    for (size_t i = 0; i < sizeof old_names / sizeof *old_names && strstr(name, ".attentions.");
         i++) {
        const char *found = strstr(name, old_names[i][0]);
        if (found)
            return snprintf(published, DE_TENSOR_NAME, "%.*s%s%s", (int)(found - name), name,
                            old_names[i][1], found + strlen(old_names[i][0])) < DE_TENSOR_NAME;
    }
    return snprintf(published, DE_TENSOR_NAME, "%s", name) < DE_TENSOR_NAME;
}

static diffedit_status open_file(diffedit_model *model, de_part part, const char *path,
                                 diffedit_error *error)
{
    return de_weights_open(&model->weights[part], path,
                           part == DE_PART_TEXT ? de_clip_text_name : modern_name, error);
}

static diffedit_status open_weights(diffedit_model *model, de_part part, const char *folder,
                                    diffedit_error *error)
{
    char name[DE_LAYOUT_NAME];
    if (de_layout_find_weights(name, part, NULL, folder_has, folder))
        return open_file(model, part, join(folder, name).text, error);
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: holds no weights; expected %s.safetensors",
                   folder, de_layout_parts[part].stems[0]);
}

static diffedit_status read_part_config(diffedit_model *model, de_part part,
                                        const de_documents *from, const char *name,
                                        diffedit_error *error)
{
    diffedit_status status;
    switch (part) {
    case DE_PART_TEXT: status = de_text_config_read(&model->text_config, from, name, error); break;
    case DE_PART_UNET: status = de_unet_config_read(&model->unet_config, from, name, error); break;
    default: status = de_vae_config_read(&model->vae_config, from, name, error); break;
    }
    model->described[part] = status == DIFFEDIT_OK;
    return status;
}

diffedit_status de_folder_read_part(diffedit_model *model, de_part part, const char *folder,
                                    diffedit_error *error)
{
    const de_documents from = {.path = folder};
    diffedit_status status = check_length(folder, error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(model, read_part_config(model, part, &from, DE_LAYOUT_CONFIG, error),
                               error);
    return status == DIFFEDIT_OK ? open_weights(model, part, folder, error) : status;
}

/* The folder that a file lies in. */
static de_path folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    de_path folder = {"."};
    if (slash)
        snprintf(folder.text, sizeof folder.text, "%.*s", (int)(slash - file), file);
    return folder;
}

bool de_folder_has_config(const char *file)
{
    return exists(join(folder_of(file).text, DE_LAYOUT_CONFIG).text);
}

diffedit_status de_folder_read_file(diffedit_model *model, de_part part, const char *file,
                                    diffedit_error *error)
{
    diffedit_status status = check_length(file, error);
    de_path folder = folder_of(file);
    if (status == DIFFEDIT_OK)
        status = read_part_config(model, part, &(de_documents){.path = folder.text},
                                  DE_LAYOUT_CONFIG, error);
    return status == DIFFEDIT_OK ? open_file(model, part, file, error) : status;
}

diffedit_status de_model_read_part_config(diffedit_model *model, de_part part,
                                          const de_documents *from, diffedit_error *error)
{
    return read_part_config(model, part, from, de_layout_parts[part].config, error);
}

/* ---- the whole folder ---- */

diffedit_status de_model_read_documents(diffedit_model *model, const de_documents *from,
                                        diffedit_error *error)
{
    diffedit_status status = de_model_keep(
        model, de_model_index_check(from, DE_LAYOUT_INDEX, error), error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (!model->absent[part])
            status = de_model_keep(model, de_model_read_part_config(model, part, from, error),
                                   error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(
            model,
            de_schedule_config_read(&model->schedule_config, from, DE_LAYOUT_SCHEDULE, error),
            error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(
            model, de_model_hints_read(&model->hints, from, DE_LAYOUT_HINTS, error), error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(model, de_tokenizer_open(&model->tokenizer, from, error), error);
    return status;
}

static diffedit_status read_folder(diffedit_model *model, const char *folder, diffedit_error *error)
{
    model->layout = "folder in the diffusers layout";
    model->path = strdup(folder);
    if (!model->path)
        return de_fail_memory(error, strlen(folder) + 1, "a path");
    model->documents.path = model->path;
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        model->absent[part] = !exists(join(folder, de_layout_parts[part].folder).text);
    diffedit_status status = de_model_read_documents(model, &model->documents, error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (!model->absent[part])
            status = de_model_keep(
                model,
                open_weights(model, part, join(folder, de_layout_parts[part].folder).text, error),
                error);
    return status;
}

/* ---- the hub's cache: models--OWNER--NAME/refs/main names a folder of snapshots/ ---- */

/* The only entry of a folder into `name`; false where there is none or more than one. */
static bool only_entry(const char *folder, char *name, size_t size)
{
    DIR *directory = opendir(folder);
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (entry->d_name[0] != '.' && snprintf(name, size, "%s", entry->d_name) < (int)size)
            count++;
    if (directory)
        closedir(directory);
    return count == 1;
}

static diffedit_status find_snapshot(de_path *snapshot, const char *folder, diffedit_error *error)
{
    char name[128] = "";
    FILE *reference = fopen(join(folder, "refs/main").text, "r");
    if (reference && !fgets(name, sizeof name, reference))
        name[0] = '\0';
    if (reference)
        fclose(reference);
    name[strcspn(name, "\n/")] = '\0';
    de_path snapshots = join(folder, "snapshots");
    if (!name[0] && !only_entry(snapshots.text, name, sizeof name))
        return de_fail(
            error, DIFFEDIT_ERROR_MODEL,
            "%s: a hub cache without refs/main and with no or several snapshots; name one of them",
            folder);
    *snapshot = join(snapshots.text, name);
    return DIFFEDIT_OK;
}

diffedit_status de_folder_read(diffedit_model *model, const char *folder, diffedit_error *error)
{
    diffedit_status status = check_length(folder, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (exists(join(folder, DE_LAYOUT_INDEX).text) || !exists(join(folder, "snapshots").text))
        return read_folder(model, folder, error);
    de_path snapshot;
    status = find_snapshot(&snapshot, folder, error);
    return status == DIFFEDIT_OK ? read_folder(model, snapshot.text, error) : status;
}
