#include "task.h"

#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- hashes ---- */

void task_hash(char hash[TASK_HASH], const void *bytes, size_t size)
{
    char whole[SHA256_TEXT];
    sha256_text(whole, bytes, size);
    snprintf(hash, TASK_HASH, "%.*s", TASK_HASH - 1, whole);
}

void task_name(char id[TASK_ID], const char *text)
{
    char hash[TASK_HASH];
    task_hash(hash, text, strlen(text));
    snprintf(id, TASK_ID, "%.*s", TASK_ID - 1, hash);
}

/* The hash of what is left to read. Errors: FILE, CANCELLED, MEMORY. */
static diffedit_status hash_rest(char hash[TASK_HASH], int descriptor, const char *path,
                                 bool (*interrupted)(void), diffedit_error *error)
{
    enum { CHUNK = 1 << 18 };
    char whole[SHA256_TEXT];
    EVP_MD_CTX *context = sha256_begin();
    char *bytes = malloc(CHUNK);
    diffedit_status status = DIFFEDIT_OK;
    if (!context || !bytes)
        status = de_fail_memory(error, CHUNK, "a hash");
    for (ssize_t step = 1; step > 0 && status == DIFFEDIT_OK;) {
        step = read(descriptor, bytes, CHUNK);
        if (interrupted && interrupted())
            status = de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
        else if (step < 0)
            status = de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be read: %s", path,
                             strerror(errno));
        else
            EVP_DigestUpdate(context, bytes, (size_t)step);
    }
    if (context)
        sha256_end(whole, context);
    if (status == DIFFEDIT_OK)
        snprintf(hash, TASK_HASH, "%.*s", TASK_HASH - 1, whole);
    free(bytes);
    return status;
}

diffedit_status task_hash_file(char hash[TASK_HASH], const char *path, bool (*interrupted)(void),
                               diffedit_error *error)
{
    struct stat found;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe would wait */
    if (descriptor < 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be opened: %s", path,
                       strerror(errno));
    diffedit_status status;
    if (fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode))
        status = hash_rest(hash, descriptor, path, interrupted, error);
    else
        status = de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: is not a file", path);
    close(descriptor);
    return status;
}

/* ---- from a line ---- */

static const char *value_of(const batch_line *line, const batch_line *defaults, int field)
{
    return line->values[field] ? line->values[field] : defaults->values[field];
}

/* The value of an option as diffedit_options_get() writes it; NULL: memory. */
static json_t *canonical(const diffedit_option *row, const diffedit_options *options,
                         const char *given)
{
    char value[64];
    if (row->type == DIFFEDIT_TYPE_TEXT)
        return json_string(given);
    diffedit_options_get(value, sizeof value, options, row->name);
    return json_string(value);
}

static diffedit_status collect_options(json_t *task, const batch_line *line,
                                       const batch_line *defaults, diffedit_error *error)
{
    diffedit_options options;
    const char *preset = value_of(line, defaults, LINE_PRESET);
    json_t *given = json_object();
    bool whole = given && json_object_set_new(task, "options", given) == 0;
    diffedit_status status = diffedit_options_init(&options, sizeof options, preset, NULL, error);
    const diffedit_option *row;
    for (size_t i = 0; (row = diffedit_option_at(i)) && status == DIFFEDIT_OK && whole; i++) {
        const char *value = value_of(line, defaults, LINE_OPTIONS + (int)i);
        if (!value)
            continue;
        status = diffedit_options_set(&options, row->name, value, error);
        if (status == DIFFEDIT_OK)
            whole = json_object_set_new(given, row->name, canonical(row, &options, value)) == 0;
    }
    if (status == DIFFEDIT_OK)
        status = diffedit_options_check(&options, error);
    if (status == DIFFEDIT_OK && preset && strcmp(preset, diffedit_presets()[0]) != 0)
        whole = whole && json_object_set_new(task, "preset", json_string(preset)) == 0;
    if (status == DIFFEDIT_OK && !options.to)
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "has no `to`; it may be empty");
    return status == DIFFEDIT_OK && !whole ? de_fail_memory(error, 1, "a task") : status;
}

/* What the tasks of a picture that share most of an edit's work have in common: for the inversion
 * all but what comes late, for the map the texts too. */
static diffedit_status name_kin(char kin[TASK_KIN], const json_t *task, diffedit_error *error)
{
    static const char *const texts[] = {"from", "to"};
    static const char *const late[] = {"from",        "to",          "negative",       "guidance",
                                       "mask-filter", "mask-refine", "mask-threshold", "mask-fill",
                                       "mask-grow",   "mask-blur",   "composite",      "feather"};
    char settings[TASK_ID], named[2][TASK_ID] = {"", ""};
    json_t *rest = json_copy(json_object_get(task, "options"));
    for (int i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(rest, texts[i]));
        if (text)
            task_name(named[i], text);
    }
    for (size_t i = 0; rest && i < sizeof late / sizeof *late; i++)
        json_object_del(rest, late[i]);
    char *dump = rest ? json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(rest);
    if (!dump)
        return de_fail_memory(error, 1, "a task");
    task_name(settings, dump);
    free(dump);
    const char *preset = json_string_value(json_object_get(task, "preset"));
    snprintf(kin, TASK_KIN, "%.9s %s %s %s", preset ? preset : "", settings, named[0], named[1]);
    return DIFFEDIT_OK;
}

static bool set_file(json_t *task, const char *name, const char *value)
{
    return !value[0] || json_object_set_new(task, name, json_string(value)) == 0;
}

diffedit_status task_make(task_text *made, const batch_line *line, const batch_line *defaults,
                          const task_files *files, diffedit_error *error)
{
    json_t *task = json_object();
    *made = (task_text){.text = NULL};
    diffedit_status status = task ? collect_options(task, line, defaults, error)
                                  : de_fail_memory(error, 1, "a task");
    if (status == DIFFEDIT_OK && !line->values[LINE_PICTURE])
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "has no `picture`");
    if (status == DIFFEDIT_OK)
        status = name_kin(made->kin, task, error);
    if (status == DIFFEDIT_OK) {
        bool whole = set_file(task, "picture", files->picture) &&
                     set_file(task, "mask", files->mask) &&
                     set_file(task, "correction", files->correction) &&
                     set_file(task, "missing", files->missing ? files->missing : "");
        made->text = whole ? json_dumps(task, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (made->text)
            task_name(made->id, made->text);
        else
            status = de_fail_memory(error, 1, "a task");
    }
    json_decref(task);
    return status;
}

/* ---- to a run ---- */

diffedit_status task_read(json_t **task, const char *text, diffedit_error *error)
{
    *task = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (*task && json_is_object(json_object_get(*task, "options")) && task_file(*task, "picture"))
        return DIFFEDIT_OK;
    json_decref(*task);
    *task = NULL;
    return de_fail(error, DIFFEDIT_ERROR_FILE,
                   "expected a task with options and the hash of a picture, found \"%.80s\"", text);
}

diffedit_status task_options(diffedit_options *options, const json_t *task,
                             const diffedit_model *model, diffedit_error *error)
{
    const char *name, *preset = json_string_value(json_object_get(task, "preset"));
    json_t *value;
    diffedit_status status = diffedit_options_init(options, sizeof *options, preset, model, error);
    json_object_foreach (json_object_get(task, "options"), name, value) {
        if (status == DIFFEDIT_OK && !json_is_string(value))
            status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`%.80s`: expected a text", name);
        if (status == DIFFEDIT_OK)
            status = diffedit_options_set(options, name, json_string_value(value), error);
    }
    return status == DIFFEDIT_OK ? diffedit_options_check(options, error) : status;
}

const char *task_file(const json_t *task, const char *name)
{
    const char *hash = json_string_value(json_object_get(task, name));
    bool is_hash = hash && strlen(hash) == TASK_HASH - 1 &&
                   strspn(hash, "0123456789abcdef") == TASK_HASH - 1;
    return is_hash ? hash : NULL;
}
