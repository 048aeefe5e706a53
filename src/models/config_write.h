/* Configs as the JSON texts of a model folder, such that config.c reads them back to the same
 * values. */
#ifndef DE_CONFIG_WRITE_H
#define DE_CONFIG_WRITE_H

#include "models/config.h"

/* Each gives a text to be freed, or NULL without memory. */
char *de_unet_config_text(const de_unet_config *config);
char *de_vae_config_text(const de_vae_config *config);
char *de_text_config_text(const de_text_config *config);
char *de_schedule_config_text(const de_schedule_config *config);
char *de_model_index_text(bool inpaints);
/* tokenizer_config.json of the published vocabulary */
char *de_tokenizer_config_text(int length, const char *pad);

#endif
