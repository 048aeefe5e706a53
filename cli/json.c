#include "json.h"

#include "fail.h"
#include "find_model.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <jansson.h>

static json_t *seconds_by_stage(const diffedit_editor *editor, double total)
{
    json_t *seconds = json_object();
    const char *name;
    for (int i = 0; (name = diffedit_stage_name((diffedit_stage_id)i)); i++)
        json_object_set_new(seconds, name,
                            json_real(diffedit_editor_stage_seconds(editor, (diffedit_stage_id)i)));
    json_object_set_new(seconds, "total", json_real(total));
    return seconds;
}

int64_t cli_peak_memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024;
}

diffedit_status cli_json_print(json_t *object, diffedit_error *error)
{
    if (!object)
        return cli_fail_memory(error);
    int failed = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    failed |= fputc('\n', stdout) == EOF || fflush(stdout) != 0;
    return failed ? cli_fail(error, DIFFEDIT_ERROR_FILE, "standard output: cannot be written")
                  : DIFFEDIT_OK;
}

void cli_json_collect(void *user, const char *problem)
{
    char text[512];
    snprintf(text, sizeof text, "%s", problem);
    cli_add_dashes_to_settings(text);
    json_array_append_new(user, json_string(text));
}

json_t *cli_json_path(const char *path)
{
    json_t *text = json_string(path);
    return text ? text : json_null();
}

diffedit_status cli_json_write(const cli_session *session, diffedit_error *error)
{
    diffedit_stats stats = {.struct_size = sizeof stats};
    diffedit_editor_get_stats(&stats, session->editor);
    diffedit_model_info info = cli_info_of(session->model);
    char seed[24], size[32];
    diffedit_options_get(seed, sizeof seed, &session->options, "seed");
    snprintf(size, sizeof size, "%dx%d", stats.width, stats.height);
    json_t *object = json_pack(
        "{s:s, s:I, s:o, s:f, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:O}", "seed", seed,
        "evaluations", (json_int_t)stats.evaluations, "seconds",
        seconds_by_stage(session->editor, stats.total_seconds), "mask_share", stats.mask_share,
        "peak_rss_bytes", (json_int_t)cli_peak_memory(), "size", size, "arithmetic",
        diffedit_arithmetic_name(info.arithmetic), "kernels", diffedit_kernels_name(), "device",
        diffedit_device_name(info.device), "family", info.family, "lora",
        cli_loras_to_json(&session->arguments->loras), "output",
        cli_json_path(session->arguments->output), "warnings", session->progress.warnings);
    return cli_json_print(object, error);
}
