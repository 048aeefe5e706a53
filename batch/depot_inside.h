/* What the kinds of depots share: the table of functions that each of them fills. */
#ifndef BATCH_DEPOT_INSIDE_H
#define BATCH_DEPOT_INSIDE_H

#include "depot.h"
#include "web.h"

/* As the functions of depot.h, for names that were checked. *out becomes true if a failure is the
 * depot's own. */
struct depot_kind {
    void (*close)(struct depot *depot);
    diffedit_status (*name_of)(char **name, const struct depot *depot, const char *path,
                               diffedit_error *error);
    diffedit_status (*read)(void **bytes, size_t *size, struct depot *depot, const char *name,
                            size_t limit, bool *out, diffedit_error *error);
    diffedit_status (*add)(bool *added, struct depot *depot, const char *name, const void *bytes,
                           size_t size, bool *out, diffedit_error *error);
    diffedit_status (*has)(bool *there, struct depot *depot, const char *name, bool *out,
                           diffedit_error *error);
};

/* Each kind's own struct begins with it. */
struct depot {
    const struct depot_kind *kind;
    struct web_stop stop;
    _Atomic bool out, refuses; /* refuses: a store did, at the last failure */
};

diffedit_status depot_open_folder(struct depot **depot, const char *path, diffedit_error *error);

/* How long a store is waited for. */
struct depot_patience {
    long silence;      /* seconds in which it may send or take next to nothing */
    int tries;         /* of a request */
    double first_wait; /* seconds before the second try; doubled for each one more */
};

/* `place` is "BUCKET" or "BUCKET/PREFIX". */
diffedit_status depot_open_store(struct depot **depot, const char *place,
                                 const struct depot_patience *patience, diffedit_error *error);

#endif
