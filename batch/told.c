#include "told.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 30 }; /* of any number in it */

char *told_write(const told *what)
{
    const outcome *made = &what->made;
    json_t *all = json_pack(
        "{s:s, s:s, s:i, s:s*, s:f, s:I, s:f, s:i, s:i, s:b, s:s*, s:O*}", "state",
        made->message ? "failed" : "done", "worker", what->worker, "tries", what->tries, "message",
        made->message, "seconds", made->seconds, "evaluations", (json_int_t)made->evaluations,
        "mask_share", made->mask_share, "width", made->width, "height", made->height, "mask",
        what->has_mask, "device", made->device, "warnings", made->warnings);
    char *text = all ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    return text;
}

/* A number from 0 to MOST; 0 where there is none. */
static double number_of(const json_t *all, const char *key)
{
    double value = json_number_value(json_object_get(all, key));
    return value >= 0 && value <= MOST ? value : 0;
}

/* The name of the device that is called so; NULL: none is. */
static const char *device_of(const json_t *name)
{
    diffedit_device device;
    return json_is_string(name) &&
                   diffedit_device_read(&device, json_string_value(name), NULL) == DIFFEDIT_OK
               ? diffedit_device_name(device)
               : NULL;
}

static bool all_texts(const json_t *array)
{
    size_t i;
    json_t *value;
    json_array_foreach (array, i, value)
        if (!json_is_string(value))
            return false;
    return json_is_array(array);
}

bool told_read(told *what, const char *text)
{
    *what = (told){.tries = 0};
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *state = json_string_value(json_object_get(all, "state"));
    const char *message = json_string_value(json_object_get(all, "message"));
    const char *worker = json_string_value(json_object_get(all, "worker"));
    json_t *warnings = json_object_get(all, "warnings");
    bool failed = state && strcmp(state, "failed") == 0;
    bool good = state && (failed ? message != NULL : strcmp(state, "done") == 0);
    if (good) {
        de_sentence(what->worker, sizeof what->worker, "%s", worker ? worker : "");
        what->tries = (int)number_of(all, "tries");
        what->has_mask = json_is_true(json_object_get(all, "mask"));
        what->made = (outcome){.seconds = number_of(all, "seconds"),
                               .evaluations = (int64_t)number_of(all, "evaluations"),
                               .mask_share = fmin(number_of(all, "mask_share"), 1),
                               .width = (int)number_of(all, "width"),
                               .height = (int)number_of(all, "height"),
                               .device = device_of(json_object_get(all, "device"))};
        if (all_texts(warnings))
            what->made.warnings = json_incref(warnings);
    }
    if (good && failed) {
        diffedit_error sentence;
        de_fail(&sentence, DIFFEDIT_ERROR_FILE, "%s", message);
        what->made.message = strdup(sentence.message);
        good = what->made.message;
    }
    json_decref(all);
    return good;
}
