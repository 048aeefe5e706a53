/* The residual block of UNet and autoencoder (diffusers' ResnetBlock2D), down- and upsampling. */
#ifndef DE_RESBLOCK_H
#define DE_RESBLOCK_H

#include "nn/load.h"

typedef struct de_resblock {
    int in, out, groups;
    float eps;
    de_affine norm1, norm2;
    de_convolution *conv1, *conv2;
    de_linear *time_projection; /* NULL in the autoencoder */
    de_linear *shortcut;        /* NULL where in = out */
} de_resblock;

/* time_width 0: no time embedding */
void de_resblock_load(de_resblock *block, de_loader *loader, const char *name, int in, int out,
                      int groups, float eps, int time_width);
void de_resblock_free(de_resblock *block);
/* x [n, h, w, in], time [n, 1, 1, time_width] after its SiLU (data NULL without one), y [n, h, w,
 * out]. x is overwritten if `x_is_ours`: less memory where in and out differ. */
void de_resblock_run(de_context *context, const de_resblock *block, de_tensor x, bool x_is_ours,
                     de_tensor time, de_tensor y);

/* Two arrays that take turns as a layer's output, so that a chain of layers needs no more. */
typedef struct de_pair {
    de_array data[2];
    int64_t counts[2]; /* elements */
    int next;
} de_pair;

/* A forward pass that takes its layers' outputs from a pair */
typedef void (*de_pair_fn)(de_context *context, void *user, de_pair *pair);

/* Walks through the pass on a measuring arena to learn how large both arrays must be, and makes
 * them. */
de_pair de_pair_new(de_context *context, de_pair_fn pass, void *user);
de_tensor de_pair_take(de_pair *pair, int64_t n, int64_t h, int64_t w, int64_t c);

#endif
