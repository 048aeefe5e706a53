/* Fetches a model from the hub, into the folder where -m OWNER/NAME finds it. model_index.json is
 * put there last: without it a folder is not taken for a model. */
#include "commands.h"
#include "fail.h"
#include "find_model.h"
#include "hub.h"
#include "transfer.h"

#include "common/join_path.h"
#include "common/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- who asks whom ---- */

static char *join_if(const char *folder, const char *name)
{
    return folder && folder[0] ? de_join_path(folder, name) : NULL;
}

/* The first line of a file, allocated; NULL where there is none. */
static char *read_line(const char *path)
{
    char line[512] = "";
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        return NULL;
    bool read = fgets(line, sizeof line, file);
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    return read && line[0] ? strdup(line) : NULL;
}

/* As the hub's own tools look for it: HF_TOKEN, then the file that they keep it in. */
static char *find_token(void)
{
    const char *token = getenv("HF_TOKEN"), *file = getenv("HF_TOKEN_PATH");
    if (token && token[0])
        return strdup(token);
    char *path = file && file[0] ? strdup(file) : join_if(getenv("HF_HOME"), "token");
    if (!path)
        path = join_if(getenv("XDG_CACHE_HOME"), "huggingface/token");
    if (!path)
        path = join_if(getenv("HOME"), ".cache/huggingface/token");
    char *found = read_line(path);
    free(path);
    return found;
}

/* Allocated, without a slash at its end. */
static char *find_endpoint(const cli_arguments *arguments)
{
    const char *given = arguments->endpoint ? arguments->endpoint : getenv("HF_ENDPOINT");
    char *endpoint = strdup(given && given[0] ? given : "https://huggingface.co");
    for (size_t length = endpoint ? strlen(endpoint) : 0; length > 0 && endpoint[length - 1] == '/';
         length--)
        endpoint[length - 1] = '\0';
    return endpoint;
}

/* ---- files ---- */

/* Makes the folders that a path lies in. */
static diffedit_status make_folders(char *path, diffedit_error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        if (!made)
            cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be created: %s", path,
                     strerror(errno));
        *slash = '/';
        if (!made)
            return DIFFEDIT_ERROR_FILE;
    }
    return DIFFEDIT_OK;
}

static diffedit_status fetch(const cli_hub *hub, const cli_hub_file *file, const char *path,
                             bool quiet, diffedit_error *error)
{
    char *url = cli_hub_url(hub, file->name);
    if (!url)
        return cli_fail_memory(error);
    diffedit_status status = cli_download_file(&hub->server, url, path, file->name, &file->expected,
                                               quiet, error);
    free(url);
    return status;
}

/* Whether all that is still to come fits on the disk. */
static diffedit_status check_space(const cli_hub *hub, int first, const char *folder,
                                   diffedit_error *error)
{
    struct statvfs disk;
    int64_t needed = 0;
    for (int i = first; i < hub->count; i++) {
        struct stat part = {.st_size = 0};
        char *path = de_join_path(folder, hub->files[i].name), *partial = NULL;
        if (path && (partial = malloc(strlen(path) + sizeof ".part"))) {
            sprintf(partial, "%s.part", path);
            if (stat(path, &part) != 0)
                stat(partial, &part);
        }
        needed += hub->files[i].expected.size > part.st_size
                      ? hub->files[i].expected.size - part.st_size
                      : 0;
        free(partial);
        free(path);
    }
    if (statvfs(folder, &disk) != 0 ||
        (double)disk.f_bavail * (double)disk.f_frsize >= (double)needed)
        return DIFFEDIT_OK;
    char text[16], left[16];
    cli_format_bytes(text, needed);
    cli_format_bytes(left, (int64_t)((double)disk.f_bavail * (double)disk.f_frsize));
    return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: not enough space: %s needed, %s free",
                    folder, text, left);
}

/* One file, unless it is there already. Before the first that is not, the folder stops being a
 * whole model. */
static diffedit_status pull_file(const cli_hub *hub, int index, const char *folder, bool *changed,
                                 bool quiet, diffedit_error *error)
{
    const cli_hub_file *file = &hub->files[index];
    char *path = de_join_path(folder, file->name);
    if (!path)
        return cli_fail_memory(error);
    diffedit_status status = make_folders(path, error);
    if (status == DIFFEDIT_OK && !cli_download_is_there(path, &file->expected)) {
        char *whole = *changed ? NULL : de_join_path(folder, DE_LAYOUT_INDEX);
        if (whole)
            unlink(whole);
        free(whole);
        if (!*changed)
            status = check_space(hub, index, folder, error);
        *changed = true;
        if (status == DIFFEDIT_OK)
            status = fetch(hub, file, path, quiet, error);
    }
    free(path);
    return status;
}

/* An index's shards come after it, and model_index.json after everything. */
static diffedit_status add_shards(cli_hub *hub, int index, const char *folder,
                                  diffedit_error *error)
{
    char *name = hub->files[index].name, *path = de_join_path(folder, name);
    int before = hub->count;
    if (!path)
        return cli_fail_memory(error);
    diffedit_status status = cli_hub_add_shards(hub, name, path, error);
    if (hub->count > before) {
        cli_hub_file last = hub->files[before - 1];
        memmove(&hub->files[before - 1], &hub->files[before],
                (size_t)(hub->count - before) * sizeof last);
        hub->files[hub->count - 1] = last;
    }
    free(path);
    return status;
}

/* ---- weights of another form, from an earlier time ---- */

typedef struct pulled_part {
    const cli_hub *hub;
    const char *root, *folder; /* of the model and, in it, of the part */
} pulled_part;

/* "PART/NAME" and "ROOT/PART/NAME", allocated; false without memory. */
static bool join_names(char **name, char **path, const pulled_part *in, const char *file)
{
    *name = de_join_path(in->folder, file);
    *path = *name ? de_join_path(in->root, *name) : NULL;
    return *path != NULL;
}

static bool is_left_over(const void *user, const char *file)
{
    const pulled_part *in = user;
    char *name, *path;
    bool is = join_names(&name, &path, in, file) && access(path, F_OK) == 0 &&
              !cli_hub_is_chosen(in->hub, name);
    free(name);
    free(path);
    return is;
}

/* Whatever the reader might take instead of what was chosen. */
static void remove_forms(const cli_hub *hub, const char *folder, de_part part)
{
    const pulled_part in = {hub, folder, de_layout_parts[part].folder};
    char file[DE_LAYOUT_NAME], *name, *path;
    bool removed = true;
    while (removed && de_layout_find_weights(file, part, NULL, is_left_over, &in)) {
        removed = join_names(&name, &path, &in, file) && unlink(path) == 0;
        free(name);
        free(path);
    }
}

static void remove_other_weights(const cli_hub *hub, const char *folder)
{
    const char *name;
    json_t *file;
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        remove_forms(hub, folder, part);
    json_object_foreach (hub->listed, name, file) /* their pieces too */
    {
        bool other = de_layout_is_weights(name) && !cli_hub_is_chosen(hub, name);
        char *path = other ? de_join_path(folder, name) : NULL;
        if (path)
            unlink(path);
        free(path);
    }
}

static diffedit_status pull(cli_hub *hub, const cli_arguments *arguments, const char *folder,
                            diffedit_error *error)
{
    bool changed = false;
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < hub->count && status == DIFFEDIT_OK; i++) {
        if (i + 1 == hub->count)
            remove_other_weights(hub, folder);
        status = pull_file(hub, i, folder, &changed, arguments->quiet, error);
        if (status == DIFFEDIT_OK && de_layout_is_index(hub->files[i].name))
            status = add_shards(hub, i, folder, error);
    }
    if (status == DIFFEDIT_OK && !arguments->quiet)
        fprintf(stderr, "%s: %s in %s\n", arguments->model,
                changed ? "saved" : "already up to date", folder);
    return status;
}

/* ---- the command ---- */

static diffedit_status open_and_pull(const cli_arguments *arguments, cli_server server,
                                     const char *folder, diffedit_error *error)
{
    cli_hub hub;
    diffedit_precision precision;
    diffedit_status status = cli_precision(&precision, arguments, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = cli_hub_open(&hub, server, arguments->revision ? arguments->revision : "main", error);
    if (status == DIFFEDIT_OK)
        status = cli_hub_choose(&hub, precision == DIFFEDIT_PRECISION_F16, error);
    if (status == DIFFEDIT_OK)
        status = pull(&hub, arguments, folder, error);
    cli_hub_close(&hub);
    return status;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    char *folder;
    if (!arguments->model)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a model is required");
    diffedit_status status = cli_fetched_folder(&folder, arguments->model, error);
    if (status != DIFFEDIT_OK)
        return status;
    char *endpoint = find_endpoint(arguments), *token = find_token();
    if (!endpoint)
        status = cli_fail_memory(error);
    else if (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0)
        status = cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                          "--endpoint: expected an http or https address, found \"%.200s\"",
                          endpoint);
    else
        status = open_and_pull(arguments, (cli_server){endpoint, token, arguments->model}, folder,
                               error);
    free(endpoint);
    free(token);
    free(folder);
    return status;
}

const cli_command cli_model_pull = {
    .name = "model pull",
    .bit = CLI_MODEL_PULL,
    .takes_model = true,
    .usage = "OWNER/NAME",
    .summary = "download a model from huggingface.co for -m OWNER/NAME, or resume it",
    .examples = "  diffedit model pull OWNER/NAME\n"
                "  diffedit model pull OWNER/NAME --precision f16\n",
    .run = run,
};
