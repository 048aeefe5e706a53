/* One Stable Diffusion model: everything that stands in its folder. */
#ifndef DE_MODEL_H
#define DE_MODEL_H

#include "models/config.h"
#include "models/text_encoder.h"
#include "models/tokenizer.h"
#include "models/unet.h"
#include "models/vae.h"
#include "weights/weights.h"

struct diffedit_model {
    de_unet_config unet_config;
    de_vae_config vae_config;
    de_text_config text_config;
    de_schedule_config schedule_config;
    de_model_hints hints;

    de_tokenizer *tokenizer;
    de_text_encoder *text_encoder;
    de_unet *unet;
    de_vae *vae;
    de_weights *text_weights, *unet_weights, *vae_weights;
};

/* Opens a folder in the diffusers layout and checks that its parts fit each other. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_model_open_folder(diffedit_model **model, const char *folder, diffedit_error *error);
void de_model_close(diffedit_model *model);

#endif
