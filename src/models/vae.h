/* The autoencoder: AutoencoderKL (Esser et al. 2021; Rombach et al. 2022). */
#ifndef DE_VAE_H
#define DE_VAE_H

#include "models/config.h"
#include "nn/load.h"

typedef struct de_vae de_vae;

/* With a survey (else NULL) it is empty, good for nothing but being freed. Errors: MODEL, MEMORY.
 */
diffedit_status de_vae_new(de_vae **vae, de_device *device, const de_vae_config *config,
                           const de_weights *weights, const de_survey *survey,
                           diffedit_error *error);
void de_vae_free(de_vae *vae);
int de_vae_factor(const de_vae_config *config); /* picture pixels per latent cell, along one side */

/* pixels x [n, H, W, 3] in -1..1, sides multiples of the factor
 * -> moments y [n, H/f, W/f, 2 z]: mean and log-variance of the posterior, not scaled, not clamped
 */
void de_vae_encode(de_context *context, const de_vae *vae, de_tensor x, de_tensor y);
/* latent x [n, h, w, z], already divided by the scaling factor -> pixels y [n, h f, w f, 3] */
void de_vae_decode(de_context *context, const de_vae *vae, de_tensor x, de_tensor y);

#endif
