/* The spatial transformer of the UNet (diffusers' Transformer2DModel of BasicTransformerBlocks):
 * self-attention, attention to the text, GEGLU. */
#ifndef DE_TRANSFORMER_H
#define DE_TRANSFORMER_H

#include "nn/load.h"

typedef struct de_transformer_block {
    de_affine norm1, norm2, norm3;
    de_linear *self_qkv, *self_out;
    de_linear *text_q, *text_kv, *text_out;
    de_linear *feed_in, *feed_out; /* GEGLU: c -> 2 x 4c -> 4c -> c */
} de_transformer_block;

typedef struct de_transformer {
    int channels, heads, groups, layers;
    de_affine norm;
    de_linear *proj_in, *proj_out;
    de_transformer_block *blocks; /* [layers] */
} de_transformer;

/* What the blocks attend to: the keys and values of n texts, which depend on nothing else and are
 * computed once for many evaluations. */
typedef struct de_text_kv {
    int64_t n;
    de_tensor *blocks; /* for each transformer block of the network in order, [n, 1, tokens, 2 c]:
                        * keys, then values */
} de_text_kv;

typedef struct de_transformer_config {
    int channels, heads, layers, groups, text_width;
} de_transformer_config;

void de_transformer_load(de_transformer *transformer, de_loader *loader, const char *name,
                         de_transformer_config config);
void de_transformer_free(de_transformer *transformer);
/* x [n or 1, h, w, c], y [n, h, w, c]; y may not be x. One image of x is the same for all of y's,
 * as far as the first attention to the texts, and computed once. kv: what this transformer's blocks
 * attend to, from the first on. */
void de_transformer_run(de_context *context, const de_transformer *transformer, de_tensor x,
                        const de_tensor *kv, de_tensor y);

#endif
