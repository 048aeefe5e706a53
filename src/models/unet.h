/* The denoising network: UNet2DConditionModel of Stable Diffusion 1 and 2 (Rombach et al. 2022). */
#ifndef DE_UNET_H
#define DE_UNET_H

#include "models/config.h"
#include "nn/transformer.h"

typedef struct de_unet de_unet;

/* With a survey (else NULL) it is empty, good for nothing but being freed. Errors: MODEL, MEMORY.
 */
diffedit_status de_unet_new(de_unet **unet, de_device *device, const de_unet_config *config,
                            const de_weights *weights, const de_survey *survey,
                            diffedit_error *error);
void de_unet_free(de_unet *unet);

/* The keys and values that `n` texts give every attention to the text; one for each image of later
 * batches. embeddings [n, tokens, width]. Freed on the context it was made on. Errors: MEMORY. */
diffedit_status de_unet_text_kv_new(de_text_kv *kv, de_context *context, const de_unet *unet,
                                    const float *embeddings, int64_t n, int64_t tokens,
                                    diffedit_error *error);
void de_unet_text_kv_free(de_text_kv *kv, de_context *context, const de_unet *unet);

/* How the network is told a timestep (may be fractional): waves [n, width], n times the same;
 * sinusoidal embedding (Vaswani et al. 2017), cosines before sines. */
int64_t de_unet_waves_width(const de_unet *unet);
void de_unet_waves(const de_unet *unet, float timestep, int64_t n, float *waves);

/* One sample under n texts, n as in `kv`: x [1, h, w, in_channels] at the timestep of waves [n, 1,
 * 1, width] -> y [n, h, w, out_channels], eps or v as the model was trained. What stands before the
 * first attention to the text is the same for all of them and computed once. */
void de_unet_run(de_context *context, const de_unet *unet, de_tensor x, de_tensor waves,
                 const de_text_kv *kv, de_tensor y);

#endif
