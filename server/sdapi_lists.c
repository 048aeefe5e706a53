/* What clients of the web UI ask for before they ask for a picture: lists, most of them empty. */
#include "common/error.h"
#include "models.h"
#include "sdapi_inside.h"

#include <stdio.h>
#include <unistd.h>

/* ---- the model in use, and the few settings ---- */

void sdapi_get_options(http_request *request, struct server *server)
{
    pthread_mutex_lock(&server->sdapi->mutex);
    int model = server->sdapi->model;
    pthread_mutex_unlock(&server->sdapi->mutex);
    http_reply_json(request, 200,
                    json_pack("{s:s, s:n, s:s, s:s, s:i}", "sd_model_checkpoint",
                              models_name(server->models, model), "sd_checkpoint_hash", "sd_vae",
                              "Automatic", "samples_format", "png", "CLIP_stop_at_last_layers", 1));
}

void sdapi_set_options(http_request *request, struct server *server)
{
    const json_t *settings = http_json(request);
    const char *named = NULL;
    diffedit_error error;
    if (!settings)
        return;
    diffedit_status status = sdapi_read_settings(&named, settings, &error);
    int model = status == DIFFEDIT_OK && named ? models_find_title(server->models, named) : 0;
    if (model < 0)
        status = de_fail(&error, DIFFEDIT_ERROR_ARGUMENT,
                         "sd_model_checkpoint: no such model: \"%.200s\"", named);
    if (status != DIFFEDIT_OK) {
        http_reply_error(request, &error);
        return;
    }
    if (named) {
        pthread_mutex_lock(&server->sdapi->mutex);
        server->sdapi->model = model;
        pthread_mutex_unlock(&server->sdapi->mutex);
    }
    http_reply_json(request, 200, json_null());
}

void sdapi_get_models(http_request *request, struct server *server)
{
    json_t *list = json_array();
    for (int i = 0; i < (int)server->settings->model_count; i++) {
        const char *name = models_name(server->models, i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:n, s:s, s:n}", "title", name,
                                              "model_name", name, "hash", "sha256", "filename",
                                              name, "config"));
    }
    http_reply_json(request, 200, list);
}

/* The list of models is that of the start. */
void sdapi_refresh(http_request *request, struct server *server)
{
    (void)server;
    http_reply_json(request, 200, json_null());
}

/* ---- memory ---- */

/* Where the model in use is open, else where models are opened; AUTO: that is not decided yet. */
static diffedit_device device_in_use(struct server *server)
{
    diffedit_model_info info = {.struct_size = sizeof info,
                                .device = server->settings->model_settings->device};
    pthread_mutex_lock(&server->sdapi->mutex);
    int index = server->sdapi->model;
    pthread_mutex_unlock(&server->sdapi->mutex);
    const diffedit_model *model = models_look(server->models, index);
    if (model)
        diffedit_model_get_info(&info, model);
    models_leave(server->models, index);
    return info.device;
}

static json_t *memory_json(double spare, double total)
{
    return json_pack("{s:f, s:f, s:f}", "free", spare, "used", total - spare, "total", total);
}

/* What the web UI has as "cuda", whosever GPU it is. */
static json_t *gpu_memory_json(diffedit_device device)
{
    size_t count;
    if (device == DIFFEDIT_DEVICE_CPU)
        return json_pack("{s:s}", "error", "unavailable: models are computed on the processor");
    if (device == DIFFEDIT_DEVICE_AUTO)
        return json_pack("{s:s}", "error",
                         "unavailable: which device it is, is decided when the model is opened");
    const diffedit_device_info *const *devices = diffedit_devices(&count);
    for (size_t i = 0; i < count; i++)
        if (devices[i]->name && devices[i]->device == device)
            return json_pack("{s:o}", "system",
                             memory_json((double)diffedit_device_get_room(devices[i]),
                                         (double)devices[i]->memory));
    return json_pack("{s:o}", "error",
                     json_sprintf("unavailable: %s is not there", diffedit_device_name(device)));
}

void sdapi_get_memory(http_request *request, struct server *server)
{
    double page = (double)sysconf(_SC_PAGESIZE), total = page * (double)sysconf(_SC_PHYS_PAGES),
           spare = page * (double)sysconf(_SC_AVPHYS_PAGES);
    http_reply_json(request, 200,
                    json_pack("{s:o, s:o}", "ram", memory_json(spare, total), "cuda",
                              gpu_memory_json(device_in_use(server))));
}

/* ---- lists ---- */

void sdapi_get_samplers(http_request *request, struct server *server)
{
    (void)server;
    json_t *list = json_array();
    for (const sdapi_sampler *each = sdapi_samplers; each->name; each++) {
        json_t *aliases = each->alias ? json_pack("[s]", each->alias) : json_array();
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:{}}", "name", each->name, "aliases", aliases, "options"));
    }
    http_reply_json(request, 200, list);
}

void sdapi_get_schedulers(http_request *request, struct server *server)
{
    (void)server;
    json_t *list = json_array();
    for (const sdapi_scheduler *each = sdapi_schedulers; each->name; each++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:f, s:b}", "name", each->name,
                                              "label", each->label, "aliases", "default_rho", -1.0,
                                              "need_inner_model", 0));
    http_reply_json(request, 200, list);
}

void sdapi_get_scripts(http_request *request, struct server *server)
{
    (void)server;
    http_reply_json(request, 200, json_pack("{s:[], s:[]}", "txt2img", "img2img"));
}

void sdapi_get_embeddings(http_request *request, struct server *server)
{
    (void)server;
    http_reply_json(request, 200, json_pack("{s:{}, s:{}}", "loaded", "skipped"));
}

void sdapi_get_list(http_request *request, struct server *server)
{
    (void)server;
    http_reply_json(request, 200, json_array());
}

void sdapi_get_object(http_request *request, struct server *server)
{
    (void)server;
    http_reply_json(request, 200, json_object());
}
