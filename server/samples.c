#include "samples.h"

#include "common/join_path.h"
#include "common/read_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sample {
    const char *name, *title, *from, *to;
};

static const struct sample samples[] = {
    {"horse.png", "a horse", "a horse", "a zebra"},
    {"strawberries.png", "strawberries", "strawberries", "apples"},
    {"lemons.png", "lemons", "lemons", "oranges"},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

/* The file of a sample; freed by the caller. NULL: memory, or it did not come with the program. */
static char *path_of(const serve_settings *settings, const struct sample *sample)
{
    if (!settings->samples)
        return NULL;
    char *path = de_join_path(settings->samples, sample->name);
    if (path && access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static const struct sample *find(const char *name)
{
    for (int i = 0; i < SAMPLES; i++)
        if (strcmp(samples[i].name, name) == 0)
            return &samples[i];
    return NULL;
}

json_t *samples_json(const serve_settings *settings)
{
    json_t *list = json_array();
    for (int i = 0; i < SAMPLES; i++) {
        char *path = path_of(settings, &samples[i]);
        if (path)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", samples[i].name,
                                                  "title", samples[i].title, "from",
                                                  samples[i].from, "to", samples[i].to));
        free(path);
    }
    return list;
}

bool samples_has(const serve_settings *settings, const char *name)
{
    const struct sample *found = find(name);
    char *path = found ? path_of(settings, found) : NULL;
    bool has = path != NULL;
    free(path);
    return has;
}

diffedit_status samples_read(void **bytes, size_t *size, const serve_settings *settings,
                             const char *name, diffedit_error *error)
{
    const struct sample *found = find(name);
    char *path = found ? path_of(settings, found) : NULL;
    if (!path)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.80s: the sample is gone", name);
    diffedit_status status = de_read_file(bytes, size, path, error);
    free(path);
    return status;
}
