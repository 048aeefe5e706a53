#include "hub.h"

#include "fail.h"

#include "common/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

/* ---- the list ---- */

/* "a", "b", "c" -> "abc", allocated */
static char *join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = malloc(size);
    if (text)
        snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

/* ENDPOINT/api/models/OWNER/NAME/revision/REVISION?blobs=true */
static char *list_url(const cli_server *server, const char *revision)
{
    char *escaped = curl_easy_escape(NULL, revision, 0);
    char *head = join(server->endpoint, "/api/models/", server->model);
    char *tail = escaped ? join("/revision/", escaped, "?blobs=true") : NULL;
    char *url = head && tail ? join(head, tail, "") : NULL;
    curl_free(escaped);
    free(head);
    free(tail);
    return url;
}

static bool is_hexadecimal(const char *text, size_t length)
{
    return text && strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

diffedit_status cli_hub_read_list(cli_hub *hub, cli_server server, const char *text,
                                  const char *url, diffedit_error *error)
{
    *hub = (cli_hub){.server = server};
    json_error_t reason;
    json_t *answer = json_loads(text, 0, &reason);
    const char *commit = json_string_value(json_object_get(answer, "sha"));
    const json_t *files = json_object_get(answer, "siblings");
    diffedit_status status = DIFFEDIT_OK;
    hub->listed = json_object();
    if (!is_hexadecimal(commit, 40) || !json_is_array(files))
        status = cli_fail(error, DIFFEDIT_ERROR_FILE,
                          "%.400s: expected a list of files, got something else", url);
    else if (!hub->listed || !(hub->commit = strdup(commit)))
        status = cli_fail_memory(error);
    size_t i;
    json_t *file;
    json_array_foreach (files, i, file) {
        const char *name = json_string_value(json_object_get(file, "rfilename"));
        if (name && status == DIFFEDIT_OK)
            json_object_set(hub->listed, name, file);
    }
    json_decref(answer);
    return status;
}

diffedit_status cli_hub_open(cli_hub *hub, cli_server server, const char *revision,
                             diffedit_error *error)
{
    char *text, *url = list_url(&server, revision);
    *hub = (cli_hub){.server = server};
    if (!url)
        return cli_fail_memory(error);
    diffedit_status status = cli_download_text(&text, &server, url, error);
    if (status == DIFFEDIT_OK) {
        status = cli_hub_read_list(hub, server, text, url, error);
        free(text);
    }
    free(url);
    return status;
}

void cli_hub_close(cli_hub *hub)
{
    for (int i = 0; i < hub->count; i++)
        free(hub->files[i].name);
    free(hub->files);
    free(hub->commit);
    json_decref(hub->listed);
}

/* A path with everything escaped that an address cannot hold but its slashes; allocated. */
static char *escape_path(const char *name)
{
    char *escaped = strdup("");
    for (const char *end; escaped && name; name = *end ? end + 1 : NULL) {
        end = name + strcspn(name, "/");
        char *part = curl_easy_escape(NULL, name, (int)(end - name));
        char *longer = part ? join(escaped, part, *end ? "/" : "") : NULL;
        curl_free(part);
        free(escaped);
        escaped = longer;
    }
    return escaped;
}

char *cli_hub_url(const cli_hub *hub, const char *name)
{
    char *path = escape_path(name), *tail = path ? join(hub->commit, "/", path) : NULL,
         *head = join(hub->server.endpoint, "/", hub->server.model);
    char *url = head && tail ? join(head, "/resolve/", tail) : NULL;
    free(path);
    free(head);
    free(tail);
    return url;
}

/* ---- what is needed ---- */

/* Size and hash as the list has them. */
static diffedit_status read_expected(cli_expected *expected, const cli_hub *hub, const char *name,
                                     diffedit_error *error)
{
    const json_t *file = json_object_get(hub->listed, name), *large = json_object_get(file, "lfs");
    const json_t *size = json_object_get(large ? large : file, "size");
    const char *hash = json_string_value(large ? json_object_get(large, "sha256")
                                               : json_object_get(file, "blobId"));
    if (!file)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.150s: %.150s is missing", hub->server.model,
                        name);
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        !is_hexadecimal(hash, large ? 64 : 40))
        return cli_fail(error, DIFFEDIT_ERROR_FILE,
                        "%.150s: the hub gives no size or hash for %.150s", hub->server.model,
                        name);
    expected->size = json_integer_value(size);
    snprintf(expected->hash, sizeof expected->hash, "%s", hash);
    return DIFFEDIT_OK;
}

static diffedit_status add(cli_hub *hub, const char *name, diffedit_error *error)
{
    cli_expected expected;
    diffedit_status status = read_expected(&expected, hub, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    cli_hub_file *grown = realloc(hub->files, ((size_t)hub->count + 1) * sizeof *grown);
    if (!grown)
        return cli_fail_memory(error);
    hub->files = grown;
    grown[hub->count] = (cli_hub_file){.name = strdup(name), .expected = expected};
    return grown[hub->count++].name ? DIFFEDIT_OK : cli_fail_memory(error);
}

typedef struct part_of_list {
    const cli_hub *hub;
    const char *folder;
} part_of_list;

static bool is_listed(const void *user, const char *name)
{
    const part_of_list *in = user;
    char path[2 * DE_LAYOUT_NAME];
    snprintf(path, sizeof path, "%s/%s", in->folder, name);
    return json_object_get(in->hub->listed, path) != NULL;
}

static diffedit_status choose_weights(cli_hub *hub, de_part part, bool prefer_f16,
                                      diffedit_error *error)
{
    const part_of_list in = {hub, de_layout_parts[part].folder};
    char name[DE_LAYOUT_NAME], path[2 * DE_LAYOUT_NAME];
    bool found = de_layout_find_weights(name, part, prefer_f16 ? "fp16" : "", is_listed, &in) ||
                 de_layout_find_weights(name, part, NULL, is_listed, &in);
    if (!found)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.150s: %s/%s.safetensors is missing",
                        hub->server.model, in.folder, de_layout_parts[part].stems[0]);
    snprintf(path, sizeof path, "%s/%s", in.folder, name);
    return add(hub, path, error);
}

/* What no Stable Diffusion 1 or 2 has; many gigabytes should not be fetched to find that out. */
static diffedit_status check_kind(const cli_hub *hub, diffedit_error *error)
{
    static const char *const foreign[] = {"text_encoder_2/", "text_encoder_3/", "transformer/",
                                          "prior/"};
    const char *name;
    json_t *file;
    if (!json_object_get(hub->listed, DE_LAYOUT_INDEX))
        return cli_fail(
            error, DIFFEDIT_ERROR_FILE,
            "%.150s: has no model_index.json, so it is not a model in the diffusers layout",
            hub->server.model);
    json_object_foreach (hub->listed, name, file)
        for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
            if (strncmp(name, foreign[i], strlen(foreign[i])) == 0)
                return cli_fail(error, DIFFEDIT_ERROR_FILE,
                                "%.150s: is not Stable Diffusion 1 or 2, which "
                                "have no %.100s",
                                hub->server.model, name);
    return DIFFEDIT_OK;
}

diffedit_status cli_hub_choose(cli_hub *hub, bool prefer_f16, diffedit_error *error)
{
    diffedit_status status = check_kind(hub, error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        status = choose_weights(hub, part, prefer_f16, error);
    const de_layout_document *document = de_layout_documents;
    for (; document->name && status == DIFFEDIT_OK; document++)
        if (!document->may_be_missing || json_object_get(hub->listed, document->name))
            status = add(hub, document->name, error);
    return status;
}

/* ---- shards ---- */

bool cli_hub_is_chosen(const cli_hub *hub, const char *name)
{
    for (int i = 0; i < hub->count; i++)
        if (strcmp(hub->files[i].name, name) == 0)
            return true;
    return false;
}

static diffedit_status add_shard(cli_hub *hub, const char *index, const char *shard,
                                 diffedit_error *error)
{
    const char *slash = strrchr(index, '/');
    if (!shard || !shard[0] || strchr(shard, '/') || shard[0] == '.')
        return cli_fail(
            error, DIFFEDIT_ERROR_FILE,
            "%.150s: %.150s: expected names of files in its own folder, found \"%.100s\"",
            hub->server.model, index, shard ? shard : "something else");
    char name[512];
    if (snprintf(name, sizeof name, "%.*s/%s", (int)(slash - index), index, shard) >=
        (int)sizeof name)
        return cli_fail(error, DIFFEDIT_ERROR_FILE,
                        "%.150s: %.150s: the name of a file in it is too long", hub->server.model,
                        index);
    return cli_hub_is_chosen(hub, name) ? DIFFEDIT_OK : add(hub, name, error);
}

diffedit_status cli_hub_add_shards(cli_hub *hub, const char *index, const char *path,
                                   diffedit_error *error)
{
    json_error_t reason;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &reason), *shard;
    json_t *map = json_object_get(json, "weight_map");
    diffedit_status status = DIFFEDIT_OK;
    const char *tensor;
    if (json_object_size(map) == 0)
        status = cli_fail(error, DIFFEDIT_ERROR_FILE,
                          "%.150s: %.150s: expected a `weight_map`, found none", hub->server.model,
                          index);
    json_object_foreach (map, tensor, shard)
        if (status == DIFFEDIT_OK)
            status = add_shard(hub, index, json_string_value(shard), error);
    json_decref(json);
    return status;
}
