/* One Stable Diffusion model: everything that stands in its folder or file. */
#ifndef DE_MODEL_H
#define DE_MODEL_H

#include "models/config.h"
#include "models/networks.h"
#include "models/tokenizer.h"
#include "weights/weights.h"

struct diffedit_model {
    de_unet_config unet_config;
    de_vae_config vae_config;
    de_text_config text_config;
    de_schedule_config schedule_config;
    de_model_hints hints;

    de_tokenizer *tokenizer;
    de_weights *weights[DE_PART_COUNT];
    de_networks *networks;
};

/* Opens a model and checks that its parts fit each other. Errors: ARGUMENT, FILE, MODEL, MEMORY. */
diffedit_status de_model_open(diffedit_model **model, const char *path, const diffedit_model_settings *settings,
                              diffedit_error *error);
/* A model of random weights, whose shape is one of de_random_shapes. Errors: ARGUMENT, MEMORY. */
diffedit_status de_model_new_random(diffedit_model **model, const char *shape, diffedit_error *error);
void de_model_close(diffedit_model *model);
/* Whether the UNet also reads a mask and the masked picture. */
bool de_model_inpaints(const diffedit_model *model);

/* Where the parts of a model come from; each fills the configs, the tokenizer and the weights that it finds.
 * What is missing afterwards stays NULL. Errors: FILE, MODEL, MEMORY. */

/* folder.c: a folder in the diffusers layout, or the hub cache's folder of one repository */
diffedit_status de_folder_read(diffedit_model *model, const char *folder, diffedit_error *error);
/* One network's folder (config.json and weights), for `--vae` and `--text-encoder`. */
diffedit_status de_folder_read_part(diffedit_model *model, de_part part, const char *folder, diffedit_error *error);
/* original.c: one file in the layout of the original code (CompVis, Stability), told by its tensors */
diffedit_status de_original_read(diffedit_model *model, const char *path, const diffedit_model_settings *settings,
                                 diffedit_error *error);
/* One network from such a file, or from a file that holds nothing else. */
diffedit_status de_original_read_part(diffedit_model *model, de_part part, const char *path, diffedit_error *error);

/* random.c: random weights in the shape of a known model, one of de_random_shapes (NULL-terminated). Errors: ARGUMENT,
 * MEMORY. */
extern const char *const de_random_shapes[];
diffedit_status de_random_read(diffedit_model *model, const char *shape, diffedit_error *error);

#endif
