/* `diffedit batch`: a list of edits, computed one after the other, or by the workers of a queue. It
 * can be interrupted at any moment and goes on when it is run again. */
#ifndef BATCH_BATCH_H
#define BATCH_BATCH_H

#include "line.h"

#include <stdbool.h>

typedef struct batch_settings {
    const char *edits;          /* the list */
    const char *output;         /* the folder of results; NULL only with `dry_run` */
    const batch_line *defaults; /* options and preset of every line */
    const char *model_name;     /* as it was given; NULL: the pocket model */
    const char *model_path;     /* NULL: with a queue, where the name has a hash (model_text.h) */
    const diffedit_model_settings *model_settings;
    int threads; /* 0: all cores */
    int64_t max_pixels;
    const char *format; /* "png", "jpg", "webp", "tif" */
    int quality;        /* of JPEG and WebP, 1..100 */
    bool use_masks;     /* edit with the true mask of a line that gives no other */
    bool no_record;     /* PNGs do not say how they were made */
    bool stop;          /* at the first failure */
    bool dry_run;       /* only check, and say what would be done */
    int64_t limit;      /* compute at most so many tasks; 0: all */
    int shard, shards;  /* this one, from 1, of how many; 0, 0: all */
    bool quiet;         /* no progress */
    /* workers compute it (submit.h); all NULL: it is computed here */
    const char *queue;    /* its address, as queue_url.h says */
    const char *password; /* for an address without one; may be NULL */
    const char *root;     /* where workers find files, as depot.h says */
    bool (*interrupted)(void);
} batch_settings;

/* How it went. `lines` and what follows are of the list, or of the shard. */
typedef struct batch_summary {
    int64_t lines, done, failed; /* lines */
    int64_t before;              /* of the done ones: before this run */
    int64_t tasks, waiting;      /* tasks: different lines; those that are left */
    double seconds;              /* of this run */
    char results[4096];          /* path of the table; "": none was written */
} batch_summary;

/* Runs the list. The summary is filled whatever is returned; failed lines leave the status OK.
 * Errors: all; CANCELLED: interrupted, what was finished is kept. */
diffedit_status batch_run(batch_summary *summary, const batch_settings *settings,
                          diffedit_error *error);

/* The shard that --shard names: "2/8", or "slurm" or "kubernetes": that of the environment of an
 * array job of Slurm or an indexed job of Kubernetes. Errors: ARGUMENT. */
diffedit_status batch_shard(int *shard, int *shards, const char *text, diffedit_error *error);

#endif
