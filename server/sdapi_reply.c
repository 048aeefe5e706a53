#include "sdapi_reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* "a horse\nNegative prompt: ...\nSteps: 20, ...": what the web UI and its readers know. */
static json_t *describe(const sdapi_wish *wish, uint64_t seed, const char *model)
{
    return json_sprintf("%s%s%s\nSteps: %d, Sampler: %s, CFG scale: %g, Seed: %" PRIu64
                        ", Size: %dx%d, Model: %s, Version: diffedit %s",
                        wish->to, *wish->negative ? "\nNegative prompt: " : "", wish->negative,
                        wish->steps, wish->sampler->name, wish->guidance, seed, wish->width,
                        wish->height, model, diffedit_version());
}

/* "20260131235959", the web UI's way to write a time */
static json_t *timestamp(void)
{
    char text[32];
    struct tm parts;
    time_t now = time(NULL);
    strftime(text, sizeof text, "%Y%m%d%H%M%S", localtime_r(&now, &parts));
    return json_string(text);
}

static json_t *make_info(const sdapi_wish *wish, int count, const char *model)
{
    json_t *prompts = json_array(), *negatives = json_array(), *seeds = json_array(),
           *texts = json_array();
    for (int i = 0; i < count; i++) {
        uint64_t seed = wish->seed + (uint64_t)i;
        json_array_append_new(prompts, json_string(wish->to));
        json_array_append_new(negatives, json_string(wish->negative));
        json_array_append_new(seeds, json_integer((json_int_t)seed));
        json_array_append_new(texts, describe(wish, seed, model));
    }
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:I, s:o, s:i, s:i, s:s, s:f, s:i, s:i, s:s, s:n, s:i, s:o, s:[],"
        " s:o, s:i, s:s}",
        "prompt", wish->to, "all_prompts", prompts, "negative_prompt", wish->negative,
        "all_negative_prompts", negatives, "seed", (json_int_t)wish->seed, "all_seeds", seeds,
        "width", wish->width, "height", wish->height, "sampler_name", wish->sampler->name,
        "cfg_scale", wish->guidance, "steps", wish->steps, "batch_size", 1, "sd_model_name", model,
        "sd_model_hash", "index_of_first_image", 0, "infotexts", texts, "styles", "job_timestamp",
        timestamp(), "clip_skip", 1, "version", diffedit_version());
}

/* The request, without its pictures unless it wants them back. */
static json_t *make_parameters(const sdapi_wish *wish, const json_t *body)
{
    json_t *parameters = json_copy((json_t *)body);
    if (!wish->include_images && json_object_get(parameters, "init_images"))
        json_object_set_new(parameters, "init_images", json_null());
    if (!wish->include_images && json_object_get(parameters, "mask"))
        json_object_set_new(parameters, "mask", json_null());
    return parameters;
}

json_t *sdapi_reply(const sdapi_wish *wish, const json_t *body, json_t *images, int count,
                    const char *model)
{
    json_t *info = make_info(wish, count, model);
    char *text = info ? json_dumps(info, JSON_COMPACT) : NULL;
    json_t *reply = json_pack("{s:o, s:o, s:s}", "images", images, "parameters",
                              make_parameters(wish, body), "info", text ? text : "");
    json_decref(info);
    free(text);
    return reply;
}
