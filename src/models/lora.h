/* LoRAs as files: their arrays, matched with the weights of a model. */
#ifndef DE_LORA_H
#define DE_LORA_H

#include "models/parts.h"

/* Puts the LoRAs of the settings on top of the model's weights, in their order, and describes them
 * in `parts`. Every array must have a place in the model. Errors: ARGUMENT (a weight that is no
 * number), FILE, MODEL, MEMORY. */
diffedit_status de_loras_apply(de_model_parts *parts, const diffedit_model_settings *settings,
                               diffedit_error *error);

#endif
