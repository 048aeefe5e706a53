/* The configs of networks in the original layout, which has none: they follow from the names and
 * shapes of the tensors. */
#ifndef DE_ORIGINAL_SHAPES_H
#define DE_ORIGINAL_SHAPES_H

#include "models/config.h"

/* Whether the file's UNet is Stable Diffusion 2's: 2 has matrices around a transformer, 1 has
 * convolutions. */
bool de_original_is_second(const de_table *table);
/* Errors of all: MODEL. */
diffedit_status de_original_unet_config(de_unet_config *config, const de_table *table,
                                        const char *path, bool second, diffedit_error *error);
/* `prefix` is what stands before the names, or "". */
diffedit_status de_original_vae_config(de_vae_config *config, const de_table *table,
                                       const char *prefix, const char *path, diffedit_error *error);
/* From tensors under their published names. */
diffedit_status de_clip_text_config(de_text_config *config, const de_table *table, const char *path,
                                    bool open_clip, diffedit_error *error);
/* How many of OpenCLIP's layers are used, of those in the file; 0: it has none. */
int de_open_clip_layers(const de_table *table);

#endif
