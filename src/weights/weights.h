/* The tensors of one network, under the names that diffusers and transformers publish, wherever
 * they come from: files (file_set.h), random numbers (random_weights.h), or a computation on other
 * weights. A source is one table of functions; whoever loads a network knows no source. */
#ifndef DE_WEIGHTS_H
#define DE_WEIGHTS_H

#include "weights/weight.h"

enum { DE_TENSOR_NAME = 256 };

/* What a source does; `self` is its own. */
typedef struct de_weights_source {
    /* The named tensor of this shape (`rank` sizes), of a floating-point type; what weight->data
     * points at stays until close(). A source that computes its tensors finds room for them in
     * pages.h. Errors: MODEL, naming file, tensor, expected and found; MEMORY. */
    diffedit_status (*get)(void *self, const char *name, int rank, const int64_t *shape,
                           de_weight *weight, diffedit_error *error);
    /* NULL: as get(); or the same where the values are not wanted: weight->data may be NULL. */
    diffedit_status (*describe)(void *self, const char *name, int rank, const int64_t *shape,
                                de_weight *weight, diffedit_error *error);
    /* values in all tensors together, as far as it knows them */
    int64_t (*parameters)(const void *self);
    /* NULL, or: fails if a file that is mapped became shorter. Errors: FILE. */
    diffedit_status (*check_size)(const void *self, diffedit_error *error);
    /* NULL, or: the first tensor, in its quotes, in which a network found an infinite value or
     * a NaN, or NULL; adds the number of such tensors to *count. */
    const char *(*damaged)(const void *self, int *count);
    /* NULL, or: the first tensor, in its quotes, that the network did not ask for, or NULL, also
     * if there was no network yet; adds how many. */
    const char *(*unused)(const void *self, int *count);
    void (*close)(void *self);
} de_weights_source;

/* Made by a source, which closing it closes. */
typedef struct de_weights {
    const de_weights_source *source;
    void *self;
    const char *path; /* what messages call the weights; the source's */
} de_weights;

void de_weights_close(de_weights *weights); /* NULL: nothing */

const char *de_weights_path(const de_weights *weights);
int64_t de_weights_parameters(const de_weights *weights);
/* A mapped file that became shorter ends a program that reads it: to be asked before long reads.
 * Errors: FILE. */
diffedit_status de_weights_check_size(const de_weights *weights, diffedit_error *error);
const char *de_weights_damaged(const de_weights *weights, int *count);
const char *de_weights_unused(const de_weights *weights, int *count);
diffedit_status de_weights_get(const de_weights *weights, const char *name, int rank,
                               const int64_t *shape, de_weight *weight, diffedit_error *error);
/* The tensor without its values, where computing them would cost time. */
diffedit_status de_weights_describe(const de_weights *weights, const char *name, int rank,
                                    const int64_t *shape, de_weight *weight, diffedit_error *error);

#endif
