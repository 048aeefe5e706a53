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

const char *const DE_PART_FOLDERS[DE_PART_COUNT] = {"text_encoder", "unet", "vae"};
/* what the files of a part are called, without their ending; the second is of the text encoder's
 * .bin */
static const char *const PART_STEMS[DE_PART_COUNT][2] = {{"model", "pytorch_model"},
                                                         {"diffusion_pytorch_model", NULL},
                                                         {"diffusion_pytorch_model", NULL}};
/* in the order in which they are looked for: safetensors before pickles, plain before a variant */
static const char *const FORMATS[] = {".safetensors", ".bin"};
static const char *const VARIANTS[] = {"", ".fp16", ".bf16", ".ema", ".non_ema"};

/* One file of weights, or the index of several. */
static bool find_variant(de_path *path, const char *folder, const char *stem, const char *variant,
                         const char *format)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s%s", stem, variant, format);
    *path = join(folder, name);
    if (exists(path->text))
        return true;
    snprintf(name, sizeof name, "%s%s.index%s.json", stem, format, variant);
    *path = join(folder, name);
    return exists(path->text);
}

static bool find_weights(de_path *path, de_part part, const char *folder)
{
    for (size_t format = 0; format < sizeof FORMATS / sizeof *FORMATS; format++)
        for (size_t variant = 0; variant < sizeof VARIANTS / sizeof *VARIANTS; variant++)
            for (int stem = 0; stem < 2 && PART_STEMS[part][stem]; stem++)
                if (find_variant(path, folder, PART_STEMS[part][stem], VARIANTS[variant],
                                 FORMATS[format]))
                    return true;
    return false;
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
    de_path path;
    if (find_weights(&path, part, folder))
        return open_file(model, part, path.text, error);
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: holds no weights; expected %s.safetensors",
                   folder, PART_STEMS[part][0]);
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
        status = de_model_keep(model, read_part_config(model, part, &from, "config.json", error),
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
    return exists(join(folder_of(file).text, "config.json").text);
}

diffedit_status de_folder_read_file(diffedit_model *model, de_part part, const char *file,
                                    diffedit_error *error)
{
    diffedit_status status = check_length(file, error);
    de_path folder = folder_of(file);
    if (status == DIFFEDIT_OK)
        status = read_part_config(model, part, &(de_documents){.path = folder.text}, "config.json",
                                  error);
    return status == DIFFEDIT_OK ? open_file(model, part, file, error) : status;
}

diffedit_status de_model_read_part_config(diffedit_model *model, de_part part,
                                          const de_documents *from, diffedit_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "%s/config.json", DE_PART_FOLDERS[part]);
    return read_part_config(model, part, from, name, error);
}

/* ---- the whole folder ---- */

diffedit_status de_model_read_documents(diffedit_model *model, const de_documents *from,
                                        diffedit_error *error)
{
    diffedit_status status = de_model_keep(model, de_model_index_check(from, DE_MODEL_INDEX, error),
                                           error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (!model->absent[part])
            status = de_model_keep(model, de_model_read_part_config(model, part, from, error),
                                   error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(
            model, de_schedule_config_read(&model->schedule_config, from, DE_MODEL_SCHEDULE, error),
            error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(
            model, de_model_hints_read(&model->hints, from, DE_MODEL_HINTS, error), error);
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
        model->absent[part] = !exists(join(folder, DE_PART_FOLDERS[part]).text);
    diffedit_status status = de_model_read_documents(model, &model->documents, error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (!model->absent[part])
            status = de_model_keep(
                model, open_weights(model, part, join(folder, DE_PART_FOLDERS[part]).text, error),
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
    if (exists(join(folder, "model_index.json").text) || !exists(join(folder, "snapshots").text))
        return read_folder(model, folder, error);
    de_path snapshot;
    status = find_snapshot(&snapshot, folder, error);
    return status == DIFFEDIT_OK ? read_folder(model, snapshot.text, error) : status;
}
