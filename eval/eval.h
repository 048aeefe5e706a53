/* `diffedit eval`: how well the edits of a batch went. */
#ifndef EVAL_EVAL_H
#define EVAL_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <diffedit/diffedit.h>
#include <jansson.h>

typedef struct eval_settings {
    const char *folder;        /* that a batch wrote */
    const char *output;        /* of the tables and the page, made if it is missing */
    const char *const *joined; /* [joined_count]: files with columns of the user's own */
    size_t joined_count;
    int edge;           /* pixels around a mask that count as neither inside nor outside */
    int threads;        /* 0: all cores */
    int64_t max_pixels; /* of a picture */
    bool quiet;         /* no progress */
    bool (*interrupted)(void);
} eval_settings;

typedef struct eval_summary {
    size_t lines, measured;
    size_t failed, waiting; /* in the batch */
    size_t refused;         /* could not be measured */
    /* {category: {column: {"mean", "median": number, null or "inf"; "count", "infinite"}}}, the
     * category of all lines being ""; the caller's, NULL on failure */
    json_t *means;
} eval_summary;

/* Writes eval.csv, eval-means.csv and eval.html. Lines that cannot be measured leave the status OK.
 * Errors: FILE, MEMORY, CANCELLED (nothing was written). */
diffedit_status eval_run(eval_summary *made, const eval_settings *settings, diffedit_error *error);

#endif
