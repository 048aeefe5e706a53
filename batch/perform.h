/* Computing tasks, one after the other, in one thread: for `batch` here and for a worker. */
#ifndef BATCH_PERFORM_H
#define BATCH_PERFORM_H

#include <stdbool.h>

#include <jansson.h>

#include "task.h"

/* How results are made. Borrowed by the performer. */
typedef struct perform_settings {
    const diffedit_model *model;
    const char *model_name;            /* for the record; NULL: the pocket model */
    const diffedit_lora *const *loras; /* [lora_count], likewise */
    size_t lora_count;
    int threads;        /* 0: all cores */
    int64_t max_pixels; /* of a picture; 0: the library's default */
    const char *format; /* of results, of perform_format() */
    int quality;        /* 1..100; 0: the library's default */
    bool no_record;     /* PNGs do not say how they were made */
} perform_settings;

/* ".png", as the library wants it, for "png"; static storage. NULL: results have no such format. */
const char *perform_format(const char *name);

struct performer;

/* Errors: MEMORY. */
diffedit_status performer_new(struct performer **made, const perform_settings *settings,
                              diffedit_error *error);
/* Takes NULL. */
void performer_free(struct performer *performer);

/* What a performer needs from whoever runs it. `open` is called for "picture", "mask" or
 * "correction" of the task, if the performer does not remember what it made of that file; what it
 * opens is the performer's. `step` is called after each step; true: stop. From the thread that
 * called perform(). */
typedef struct perform_calls {
    diffedit_status (*open)(void *user, const char *which, diffedit_picture **picture,
                            diffedit_error *error);
    bool (*step)(void *user);
    void *user;
} perform_calls;

/* What came of a task. Zeros before perform(); what it owns goes with outcome_free(). */
typedef struct outcome {
    char *message;            /* why it failed; NULL: it did not */
    diffedit_picture *result; /* until outcome_encode() */
    diffedit_picture *mask;   /* that was used, found or given; NULL: none */
    char *record;
    void *result_bytes, *mask_bytes; /* [result_size], [mask_size], after it; mask is a PNG */
    size_t result_size, mask_size;
    double seconds;      /* in the library */
    int64_t evaluations; /* of the UNet, of one sample */
    double mask_share;   /* of the picture's pixels */
    int width, height;   /* of the result */
    const char *device;  /* that computed it, "gpu:0"; static; NULL: not known */
    json_t *warnings;    /* [text]; may be NULL */
} outcome;

/* The name of the device that a model is open on, "gpu:0"; static. */
const char *perform_device(const diffedit_model *model);
/* Computes a task. Whatever goes wrong with it is the outcome's message. Errors: CANCELLED, DEVICE
 * (the model's GPU was lost, with which nothing more can be computed). */
diffedit_status perform(outcome *made, struct performer *performer, const json_t *task,
                        const perform_calls *calls, diffedit_error *error);
/* Makes files of the pictures, in any thread, and frees the pictures. What goes wrong becomes the
 * outcome's message. */
void outcome_encode(outcome *made, const perform_settings *settings);
void outcome_free(outcome *made);

/* A picture of a task from a file's bytes: if they have the `hash` that the task says. `name` is
 * what messages say. Errors: FILE (others than before), PICTURE. */
diffedit_status perform_decode(diffedit_picture **picture, const void *bytes, size_t size,
                               const char *hash, const char *name, int64_t max_pixels,
                               diffedit_error *error);

#endif
