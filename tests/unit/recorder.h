/* A second backend behind ops.h, for tests, and a model's networks on it.
 *
 * It is as unlike the CPU as a backend with the CPU's arithmetic can be. Its addresses are none of
 * ours, so whoever reads them crashes; a program is recorded once and played back, so that what a
 * forward pass did beside its ops would be missing; and its memory, recording and playing back can
 * be made to fail, and its values to leave the range of narrow arrays. */
#ifndef DE_TEST_RECORDER_H
#define DE_TEST_RECORDER_H

#include "edit/model_networks.h"
#include "ops/backend.h"

typedef enum op {
    LINEAR,
    GEGLU,
    CONVOLUTION,
    GROUP_NORM,
    LAYER_NORM,
    ATTENTION,
    REPEAT,
    CONCATENATE,
    OPS
} op;

typedef struct recording recording;

/* What a run takes by its clock. */
static const double recorder_seconds = 0.25;

/* A machine of one device, or of a narrow one and its wide twin. */
typedef struct test_machine {
    int64_t allocations; /* in use */
    int allowed;         /* before one fails; negative: all */
    int weights;         /* layers and vectors, in use */
    int most_weights;    /* one more fails; negative: none does */
    int most_beside;     /* with more weights than this no array finds room; negative: all do */
    bool lost;
} test_machine;

typedef struct recorder {
    de_device base;
    de_device *cpu;
    test_machine *machine;
    recording *into;                 /* while it records */
    int64_t ops[OPS];                /* given to it */
    int linears[2], convolutions[2]; /* made for each arithmetic */
    int programs, replays, closed;
    bool fails_to_record, fails_to_replay;
    de_tensor overflows; /* tensors of this n and c are read as if they held an infinity */
} recorder;

de_device *open_cpu(diffedit_arithmetic arithmetic);
/* On a machine of its own, `machine`, which has what it needs */
recorder new_recorder(test_machine *machine, diffedit_arithmetic arithmetic);
/* Makes `narrow`, with that title, a device whose wide twin is `wide`, on the same machine. */
void join_recorders(recorder *narrow, recorder *wide, const char *title);

/* ---- the networks of tests/golden/data/tiny-odd ---- */

enum { H = 5, W = 7, RUNS = 3, TEXTS = 2, MOST = 8192 };

/* What everything that runs finds. */
typedef struct results {
    float embeddings[TEXTS][MOST], moments[MOST], noise[RUNS][MOST], pixels[MOST];
    de_computed computed;
} results;

/* The model closes the device. */
diffedit_model *open_on(de_device *device);
/* All networks once, the UNet RUNS times. `device`: counts what is recorded, or NULL. */
diffedit_status run_networks(const diffedit_model *model, recorder *device, results *found,
                             de_log log, diffedit_error *error);

#endif
