/* A model folder in the diffusers layout, as the hub's tools leave it: variants, shards, old names,
 * the cache. */
#include "models/folder.h"

#include "models/original_names.h"

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

static diffedit_status open_file(de_model_parts *parts, de_part part, const char *path,
                                 diffedit_error *error)
{
    return de_file_set_open(&parts->weights[part], path,
                            part == DE_PART_TEXT ? de_clip_text_name : modern_name, error);
}

static diffedit_status open_weights(de_model_parts *parts, de_part part, const char *folder,
                                    diffedit_error *error)
{
    char name[DE_LAYOUT_NAME];
    if (de_layout_find_weights(name, part, NULL, folder_has, folder))
        return open_file(parts, part, join(folder, name).text, error);
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: contains no weights; expected %s.safetensors",
                   folder, de_layout_parts[part].stems[0]);
}

diffedit_status de_folder_read_part(de_model_parts *parts, de_part part, const char *folder,
                                    de_problems *problems, diffedit_error *error)
{
    const de_documents from = {.path = folder};
    diffedit_status status = check_length(folder, error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(
            problems, de_parts_read_config(parts, part, &from, DE_LAYOUT_CONFIG, error), error);
    return status == DIFFEDIT_OK ? open_weights(parts, part, folder, error) : status;
}

/* ---- one file of it ---- */

/* The folder that a file lies in. */
static de_path folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    de_path folder = {"."};
    if (slash)
        snprintf(folder.text, sizeof folder.text, "%.*s", (int)(slash - file), file);
    return folder;
}

bool de_folder_has_file(de_part part, const de_weight_file *file)
{
    static const char *const telling[DE_PART_COUNT] = {
        [DE_PART_TEXT] = "text_model.embeddings.token_embedding.weight",
        [DE_PART_UNET] = "down_blocks.0.resnets.0.conv1.weight",
        [DE_PART_VAE] = "encoder.down_blocks.0.resnets.0.conv1.weight"};
    if (!de_table_find(de_weight_file_table(file), telling[part]))
        return false;
    /* a text encoder alone has these names too */
    return part != DE_PART_TEXT ||
           exists(join(folder_of(de_weight_file_path(file)).text, DE_LAYOUT_CONFIG).text);
}

diffedit_status de_folder_read_file(de_model_parts *parts, de_part part, const char *file,
                                    diffedit_error *error)
{
    diffedit_status status = check_length(file, error);
    de_path folder = folder_of(file);
    if (status == DIFFEDIT_OK)
        status = de_parts_read_config(parts, part, &(de_documents){.path = folder.text},
                                      DE_LAYOUT_CONFIG, error);
    return status == DIFFEDIT_OK ? open_file(parts, part, file, error) : status;
}

/* ---- the whole folder ---- */

static diffedit_status read_folder(de_model_parts *parts, const char *folder, de_problems *problems,
                                   diffedit_error *error)
{
    parts->layout = "folder in the diffusers layout";
    parts->folder = strdup(folder);
    if (!parts->folder)
        return de_fail_memory(error, strlen(folder) + 1, "a path");
    parts->documents.path = parts->folder;
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        parts->absent[part] = !folder_has(folder, de_layout_parts[part].folder);
    diffedit_status status = de_parts_read_documents(parts, problems, error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (!parts->absent[part])
            status = de_report_or_fail(
                problems,
                open_weights(parts, part, join(folder, de_layout_parts[part].folder).text, error),
                error);
    return status;
}

static diffedit_status find_snapshot(de_path *snapshot, const char *folder, diffedit_error *error)
{
    char name[DE_LAYOUT_NAME];
    if (!de_layout_find_snapshot(name, folder))
        return de_fail(
            error, DIFFEDIT_ERROR_MODEL,
            "%s: a hub cache without refs/main needs exactly one snapshot; name one instead",
            folder);
    *snapshot = join(folder, name);
    return DIFFEDIT_OK;
}

/* ---- a folder that is none ---- */

#define TEXT_ALONE "a text encoder alone; give it as `settings.text_encoder`, beside a model"

/* What a folder holds that has a config of its own: told by its class. */
static const char *what_network(const char *folder)
{
    static const struct {
        const char *class, *what;
    } classes[] = {
        {"AutoencoderKL", "an autoencoder alone; give it as `settings.vae`, beside a model"},
        {"CLIPTextModel", TEXT_ALONE},
        {"clip_text_model", TEXT_ALONE},
        {"UNet2DConditionModel", "a UNet alone; name the folder of its model instead"},
        {"ControlNetModel", "a ControlNet, which is an addition to a model and not one itself"}};
    json_t *config;
    diffedit_error error;
    const char *what = NULL;
    if (de_document_read_json(&config, &(de_documents){.path = folder}, DE_LAYOUT_CONFIG, &error) !=
        DIFFEDIT_OK)
        return NULL;
    const char *class = json_string_value(json_object_get(config, "_class_name"));
    if (!class)
        class = json_string_value(json_array_get(json_object_get(config, "architectures"), 0));
    if (!class)
        class = json_string_value(json_object_get(config, "model_type"));
    for (size_t i = 0; class && i < sizeof classes / sizeof *classes; i++)
        if (strcmp(class, classes[i].class) == 0)
            what = classes[i].what;
    json_decref(config);
    return what;
}

/* The first by name of the files in a folder that may be models, into `name`; how many there are.
 */
static int find_models(const char *folder, char *name, size_t size)
{
    static const char *const endings[] = {".safetensors", ".ckpt", ".pt", ".pth"};
    DIR *directory = opendir(folder);
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        const char *dot = strrchr(entry->d_name, '.');
        for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
            if (strcmp(dot, endings[i]) != 0)
                continue;
            if (count++ == 0 || strcmp(entry->d_name, name) < 0)
                snprintf(name, size, "%s", entry->d_name);
        }
    }
    if (directory)
        closedir(directory);
    return count;
}

/* A sentence on a folder without anything of the layout. */
static diffedit_status refuse(const char *folder, diffedit_error *error)
{
    static const char expected[] = "expected a model folder, with " DE_LAYOUT_INDEX;
    char name[256];
    const char *what = what_network(folder);
    if (what)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s, found %s", folder, expected, what);
    if (folder_has(folder, "data.pkl"))
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: %s, found a checkpoint that was unpacked; name the file it was in",
                       folder, expected);
    int count = find_models(folder, name, sizeof name);
    if (count == 0)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s, found nothing of one", folder,
                       expected);
    return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s, found %s `%s`; name %s", folder, expected,
                   count == 1 ? "the file" : "several files, among them", name,
                   count == 1 ? "that file" : "one of them");
}

/* Whether it has anything that the layout knows. */
static bool is_model(const char *folder)
{
    bool is = folder_has(folder, DE_LAYOUT_INDEX);
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        is = is || folder_has(folder, de_layout_parts[part].folder);
    return is;
}

diffedit_status de_folder_read(de_model_parts *parts, const char *folder, de_problems *problems,
                               diffedit_error *error)
{
    diffedit_status status = check_length(folder, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (is_model(folder))
        return read_folder(parts, folder, problems, error);
    if (!folder_has(folder, "snapshots"))
        return refuse(folder, error);
    de_path snapshot;
    status = find_snapshot(&snapshot, folder, error);
    return status == DIFFEDIT_OK ? read_folder(parts, snapshot.text, problems, error) : status;
}
