/* The text encoder: CLIPTextModel (Radford et al. 2021), pre-norm, causal. */
#ifndef DE_TEXT_ENCODER_H
#define DE_TEXT_ENCODER_H

#include "models/config.h"
#include "nn/load.h"

typedef struct de_text_encoder de_text_encoder;

/* `weights` must stay open as long as the encoder: token embeddings are read from it. With a
 * survey (else NULL) it is empty, good for nothing but being freed. Errors: MODEL, MEMORY. */
diffedit_status de_text_encoder_new(de_text_encoder **encoder, de_device *device,
                                    const de_text_config *config, const de_weights *weights,
                                    const de_survey *survey, diffedit_error *error);
void de_text_encoder_free(de_text_encoder *encoder);
/* tokens [n], ids below vocab_size, n at most `positions` -> embedded [n, width]: token embedding +
 * position embedding, what the network reads */
void de_text_encoder_look_up(const de_text_encoder *encoder, const int32_t *tokens, int64_t n,
                             float *embedded);
/* x [1, 1, n, width] -> y [1, 1, n, width]: the last hidden state after the final LayerNorm */
void de_text_encoder_run(de_context *context, const de_text_encoder *encoder, de_tensor x,
                         de_tensor y);

#endif
