/* The denoising network: UNet2DConditionModel of Stable Diffusion 1 and 2 (Rombach et al. 2022). */
#ifndef DE_UNET_H
#define DE_UNET_H

#include "models/config.h"
#include "nn/transformer.h"

typedef struct de_unet de_unet;

/* With a survey (else NULL) it is empty, good for nothing but being freed. Errors: MODEL, MEMORY.
 */
diffedit_status de_unet_new(de_unet **unet, const de_unet_config *config, const de_weights *weights,
                            const de_survey *survey, diffedit_error *error);
void de_unet_free(de_unet *unet);

/* The keys and values that `n` texts give every attention to the text; one for each image of later
 * batches. embeddings [n, tokens, width]. Errors: MEMORY. */
diffedit_status de_unet_text_keys(de_text_keys *keys, de_context *context, const de_unet *unet,
                                  const float *embeddings, int64_t n, int64_t tokens,
                                  diffedit_error *error);
void de_unet_text_keys_free(de_text_keys *keys, const de_unet *unet);

/* One sample under n texts, n as in `keys`: x [1, h, w, in_channels] at `timestep` (may be
 * fractional)
 * -> y [n, h, w, out_channels], eps or v as the model was trained. What stands before the first
 * attention to the text is the same for all of them and computed once. */
void de_unet_run(de_context *context, const de_unet *unet, de_tensor x, float timestep,
                 const de_text_keys *keys, de_tensor y);

#endif
