#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The members of both objects, texts of JSON, in one; neither is empty. */
static char *join_objects(const char *first, const char *second)
{
    size_t length = strlen(first) - 1, size = length + strlen(second) + 2;
    char *joined = malloc(size);
    if (joined)
        snprintf(joined, size, "%.*s, %s", (int)length, first, second + 1);
    return joined;
}

diffedit_status record_make(char **record, const diffedit_options *options,
                            const diffedit_model_info *model, json_t *more, diffedit_error *error)
{
    char *first;
    diffedit_status status = diffedit_options_record(&first, options, error);
    if (status != DIFFEDIT_OK)
        return status;
    json_t *rest = json_pack("{s:s, s:s, s:s, s:s}", "arithmetic",
                             diffedit_arithmetic_name(model->arithmetic), "kernels",
                             diffedit_kernels_name(), "device", diffedit_device_name(model->device),
                             "family", model->family);
    char *text = NULL;
    if (rest && json_object_update(rest, more) == 0)
        text = json_dumps(rest, JSON_ENSURE_ASCII);
    *record = text ? join_objects(first, text) : NULL;
    json_decref(rest);
    free(text);
    diffedit_free(first);
    return *record ? DIFFEDIT_OK : de_fail_memory(error, 1, "a record");
}
