/* depot_tool WHERE SILENCE WAIT read|add|has NAME [LIMIT]: one call of a depot. A store may be
 * silent for SILENCE seconds, and is asked again after WAIT. `read` writes the file to standard
 * output, `add` takes one from standard input. Exit status: 0 yes, 3 no (not added, not there), 1
 * failed, 4 failed and the depot is out. */
#include "batch/depot_inside.h"

#include "common/read_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { YES = 0, FAILED = 1, NO = 3, OUT = 4 };

static volatile sig_atomic_t terminated;

static void terminate(int number)
{
    (void)number;
    terminated = 1;
}

static bool is_terminated(void *user)
{
    (void)user;
    return terminated;
}

static diffedit_status call(bool *yes, struct depot *depot, const char *what, const char *name,
                            size_t limit, diffedit_error *error)
{
    void *bytes = NULL;
    size_t size = 0;
    diffedit_status status;
    if (strcmp(what, "has") == 0)
        return depot_has(yes, depot, name, error);
    if (strcmp(what, "add") == 0) {
        status = de_read_all(&bytes, &size, STDIN_FILENO, "the input", NULL, error);
        if (status == DIFFEDIT_OK)
            status = depot_add(yes, depot, name, bytes, size, error);
    } else {
        status = depot_read(&bytes, &size, depot, name, limit, error);
        if (status == DIFFEDIT_OK)
            *yes = fwrite(bytes, 1, size, stdout) == size;
    }
    free(bytes);
    return status;
}

static diffedit_status open_depot(struct depot **depot, const char *where, const char *silence,
                                  const char *wait, diffedit_error *error)
{
    const struct depot_patience patience = {atol(silence), 4, atof(wait)};
    if (strncmp(where, "s3://", 5) == 0)
        return depot_open_store(depot, where + 5, &patience, error);
    return depot_open(depot, where, error);
}

int main(int argc, char **argv)
{
    struct depot *depot = NULL;
    diffedit_error error;
    bool yes = false, out = false;
    if (argc < 6)
        return FAILED;
    size_t limit = argc > 6 ? strtoul(argv[6], NULL, 10) : 1 << 20;
    diffedit_status status = open_depot(&depot, argv[1], argv[2], argv[3], &error);
    if (status == DIFFEDIT_OK) {
        depot_stop_when(depot, is_terminated, NULL);
        signal(SIGTERM, terminate);
        status = call(&yes, depot, argv[4], argv[5], limit, &error);
        out = depot_is_out(depot);
    }
    depot_close(depot);
    if (status == DIFFEDIT_OK)
        return yes ? YES : NO;
    fprintf(stderr, "%s\n", error.message);
    return out ? OUT : FAILED;
}
