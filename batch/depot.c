#include "depot_inside.h"

#include "common/error.h"

#include <string.h>
#include <utf8proc.h>

/* ---- names ---- */

/* What is wrong with a name, or NULL. */
static const char *fault_of_text(const char *name)
{
    size_t length = strnlen(name, DEPOT_NAME + 1);
    if (length > DEPOT_NAME)
        return "it is longer than 512 bytes";
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)name + at,
                                                 (utf8proc_ssize_t)(length - at), &codepoint);
        if (used < 1)
            return "it is not UTF-8";
        if (codepoint < ' ' || (codepoint >= 0x7f && codepoint <= 0x9f))
            return "it has a control character";
        if (codepoint == '\\')
            return "it has a backslash";
        at += (size_t)used;
    }
    return NULL;
}

static const char *fault_of_components(const char *name)
{
    if (name[0] == '/')
        return "it is absolute";
    for (const char *at = name;; at++) {
        size_t length = strcspn(at, "/");
        if (length == 0)
            return "it has an empty component";
        if ((length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
            return "it has \".\" or \"..\" as a component";
        at += length;
        if (!*at)
            return NULL;
    }
}

diffedit_status depot_check_name(const char *name, diffedit_error *error)
{
    const char *fault = fault_of_text(name);
    if (!fault)
        fault = fault_of_components(name);
    if (!fault)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_FILE, "\"%.250s\": is no name of a file in a depot: %s",
                   name, fault);
}

/* ---- depots ---- */

diffedit_status depot_open(struct depot **depot, const char *where, diffedit_error *error)
{
    static const struct depot_patience patience = {.silence = 30, .tries = 6, .first_wait = 0.5};
    *depot = NULL;
    if (strncmp(where, "s3://", 5) == 0)
        return depot_open_store(depot, where + 5, &patience, error);
    if (strstr(where, "://"))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "\"%.200s\": expected the path of a folder, or s3://BUCKET/PREFIX", where);
    return depot_open_folder(depot, where, error);
}

void depot_close(struct depot *depot)
{
    if (depot)
        depot->kind->close(depot);
}

void depot_stop_when(struct depot *depot, depot_stop_fn *stop, void *user)
{
    depot->stop = (struct web_stop){stop, user};
}

diffedit_status depot_try(struct depot *depot, diffedit_error *error)
{
    bool there;
    diffedit_status status = depot_has(&there, depot, "pictures", error);
    return depot->refuses ? status : DIFFEDIT_OK;
}

bool depot_is_out(const struct depot *depot)
{
    return depot->out;
}

diffedit_status depot_name_of(char **name, const struct depot *depot, const char *path,
                              diffedit_error *error)
{
    *name = NULL;
    return depot->kind->name_of(name, depot, path, error);
}

diffedit_status depot_read(void **bytes, size_t *size, struct depot *depot, const char *name,
                           size_t limit, diffedit_error *error)
{
    bool out = false;
    *bytes = NULL;
    diffedit_status status = depot_check_name(name, error);
    if (status == DIFFEDIT_OK)
        status = depot->kind->read(bytes, size, depot, name, limit, &out, error);
    depot->out = out;
    return status;
}

diffedit_status depot_add(bool *added, struct depot *depot, const char *name, const void *bytes,
                          size_t size, diffedit_error *error)
{
    bool out = false;
    *added = false;
    diffedit_status status = depot_check_name(name, error);
    if (status == DIFFEDIT_OK)
        status = depot->kind->add(added, depot, name, bytes, size, &out, error);
    depot->out = out;
    return status;
}

diffedit_status depot_has(bool *there, struct depot *depot, const char *name, diffedit_error *error)
{
    bool out = false;
    *there = false;
    diffedit_status status = depot_check_name(name, error);
    if (status == DIFFEDIT_OK)
        status = depot->kind->has(there, depot, name, &out, error);
    depot->out = out;
    return status;
}
