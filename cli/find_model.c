#include "find_model.h"

#include "fail.h"
#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* The folder that this program's file lies in, or "." where the system does not say. */
static void program_folder(char *folder, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    else
        snprintf(folder, size, ".");
}

static diffedit_status find_pocket(char **path, diffedit_error *error)
{
    char folder[4096];
    program_folder(folder, sizeof folder);
    /* the build tree, an installation that was moved, the one that was configured */
    char *places[] = {cli_join_path(folder, "../models/pocket"),
                      cli_join_path(folder, "../share/diffedit/models/pocket"),
                      cli_join_path(DIFFEDIT_DATADIR, "models/pocket")};
    enum { PLACES = sizeof places / sizeof *places };
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < PLACES && !*path; i++)
        if (places[i] && exists(places[i])) {
            *path = places[i];
            places[i] = NULL;
        }
    if (!*path)
        status = places[0] && places[1] && places[2]
                     ? cli_fail(error, DIFFEDIT_ERROR_FILE,
                                "there is no model: name one with --model or DIFFEDIT_MODEL (looked for the pocket "
                                "model in %.120s, %.120s and %.120s)", places[0], places[1], places[2])
                     : cli_fail_memory(error);
    for (int i = 0; i < PLACES; i++)
        free(places[i]);
    return status;
}

/* Where `model pull` keeps what it fetched. */
static char *data_folder(void)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/')
        return cli_join_path(data, "diffedit/models");
    return cli_join_path(home ? home : "", ".local/share/diffedit/models");
}

static bool is_owner_and_name(const char *named)
{
    const char *slash = strchr(named, '/');
    return slash && slash != named && slash[1] && !strchr(slash + 1, '/') && named[0] != '.';
}

static diffedit_status find_fetched(char **path, const char *named, diffedit_error *error)
{
    char *folder = data_folder();
    char *fetched = folder ? cli_join_path(folder, named) : NULL;
    free(folder);
    if (!fetched)
        return cli_fail_memory(error);
    if (exists(fetched)) {
        *path = fetched;
        return DIFFEDIT_OK;
    }
    cli_fail(error, DIFFEDIT_ERROR_FILE, "%.150s: there is no such model (nor %.200s)", named, fetched);
    free(fetched);
    return DIFFEDIT_ERROR_FILE;
}

diffedit_status cli_find_model(char **path, const char *named, diffedit_error *error)
{
    *path = NULL;
    if (!named)
        return find_pocket(path, error);
    if (exists(named)) {
        *path = strdup(named);
        return *path ? DIFFEDIT_OK : cli_fail_memory(error);
    }
    if (is_owner_and_name(named))
        return find_fetched(path, named, error);
    return cli_fail(error, DIFFEDIT_ERROR_FILE, "%.400s: there is no such model", named);
}
