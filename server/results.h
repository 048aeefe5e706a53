/* Results: what clients get to see of them, and what is removed when there is too much. */
#ifndef SERVER_RESULTS_H
#define SERVER_RESULTS_H

#include "server.h"
#include "store.h"

json_t *results_json(const struct store_result *result);
/* A name for a download: "horse-a-zebra.jpg"; freed by the caller, NULL: memory. */
char *results_file_name(const struct store_result *result, const char *format);

/* Removes a result, and its picture and masks where nothing else uses them; the picture `except`
 * stays (NULL: none). To be followed by results_make_room(). Errors: FILE. */
diffedit_status results_remove(struct server *server, const struct store_result *result,
                               const char *except, diffedit_error *error);
/* Removes those that are kept (1), not (0), or all (-1); and with all, the jobs that have ended and
 * the pictures and masks that nothing uses. Errors: FILE. */
diffedit_status results_remove_all(struct server *server, int kept, const char *except,
                                   diffedit_error *error);
/* Removes the oldest unkept things until the store is within its limit. False: it cannot be, with
 * what is kept. */
bool results_make_room(struct server *server);
/* Whether it could not be the last time, and what is said then. */
bool results_is_full(struct server *server);
extern const char results_full_sentence[];
/* Whether something may be added: the store is not full, or some of it may go by now. */
bool results_have_room(struct server *server);
/* Bytes in the store, copies included. */
int64_t results_bytes(struct server *server);

/* At the start: removes what a crash left, and counts the files that are gone. */
diffedit_status results_check(int64_t *missing, struct server *server, diffedit_error *error);

#endif
