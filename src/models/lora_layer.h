/* What a LoRA adds to one weight. */
#ifndef DE_LORA_LAYER_H
#define DE_LORA_LAYER_H

#include "weights/file_set.h"

/* What the arrays of a LoRA are called behind the published name of a weight, without ".weight". */
#define DE_LORA_DOWN ".lora_down"
#define DE_LORA_UP ".lora_up"
#define DE_LORA_MIDDLE ".lora_mid"
#define DE_LORA_ALPHA ".alpha"

/* The arrays of a LoRA for one network, under those names. */
typedef struct de_lora_set {
    de_file_set *set;
    de_weights *weights; /* the set as a source, owned; NULL: it has nothing for this network */
    double alpha;        /* of the layers that say none; 0: as large as the rank */
} de_lora_set;

/* To a weight [out, in, ...] it adds scale up [out, rank] down [rank, in, ...]. With a middle (CP
 * decomposition) it is scale up middle [rank, rank, ...] down [rank, in]. */
typedef struct de_lora_layer {
    de_weight down, up, middle; /* middle.data is NULL where there is none */
    int64_t rank;
    float scale; /* alpha / rank, or 1 */
} de_lora_layer;

/* Finds the layer for the weight `name` [shape], whose name ends in ".weight", and checks its
 * shapes; *found: it has one. Errors: MODEL. */
diffedit_status de_lora_layer_find(de_lora_layer *layer, bool *found, const de_lora_set *lora,
                                   const char *name, int rank, const int64_t *shape,
                                   diffedit_error *error);
/* Whether there is one, be it sound or not. */
bool de_lora_layer_exists(const de_lora_set *lora, const char *name);

#endif
