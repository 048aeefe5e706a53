/* The networks as the stages see them: float32 arrays in the host's memory, latents [c, h, w]. The
 * real ones are in model_networks.c; tests have theirs made of arithmetic. */
#ifndef DE_NETWORK_SET_H
#define DE_NETWORK_SET_H

#include "base/base.h"

typedef struct de_network_set {
    int factor;            /* picture pixels per latent cell, along one side */
    int channels;          /* of a latent */
    int text_tokens;       /* per chunk of a text */
    int text_width;        /* numbers per token in an embedding */
    double scaling_factor; /* of latents: the autoencoder's times this */
    bool v_prediction;     /* the UNet predicts v, not epsilon */
    bool inpaints;         /* it also reads a condition: the mask and the masked picture */

    void *self; /* given to every function */
    /* a chunk's tokens [text_tokens] -> embedding [text_tokens, text_width] */
    diffedit_status (*encode_text)(void *self, const int32_t *tokens, float *embedding,
                                   diffedit_error *error);
    /* pixels [h factor, w factor, 3] in -1..1 -> moments [h, w, 2 c], not scaled */
    diffedit_status (*encode_pixels)(void *self, const float *pixels, int h, int w, float *moments,
                                     diffedit_error *error);
    /* latent [c, h, w], scaled -> pixels [h factor, w factor, 3], not clamped */
    diffedit_status (*decode_latent)(void *self, const float *latent, int h, int w, float *pixels,
                                     diffedit_error *error);
    /* The UNet under `n` texts, each [chunks text_tokens, text_width]: begun, run any number of
     * times, and ended (also where beginning failed). No other network may run in between. */
    diffedit_status (*unet_begin)(void *self, const float *const *embeddings, int n, int chunks,
                                  int h, int w, diffedit_error *error);
    /* x [c, h, w] and condition [1 + c, h, w] (NULL unless it inpaints) -> y [n, c, h, w], epsilon
     * or v */
    diffedit_status (*unet_run)(void *self, const float *x, const float *condition, double t,
                                float *y, diffedit_error *error);
    void (*unet_end)(void *self);
} de_network_set;

#endif
