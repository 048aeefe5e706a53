/* A network's weights with LoRAs on top: a source on top of another, which passes on the weights
 * that no LoRA changes, and computes the others when they are asked for. */
#ifndef DE_MERGED_WEIGHTS_H
#define DE_MERGED_WEIGHTS_H

#include "models/lora_layer.h"

/* Takes over `base`, also if it fails. Errors: MEMORY. */
diffedit_status de_merged_weights_new(de_weights **merged, de_weights *base, diffedit_error *error);
/* Adds a LoRA behind those that are there, times `factor`; takes over `lora`, also if it fails.
 * Errors: MEMORY. */
diffedit_status de_merged_weights_add(de_weights *merged, de_lora_set lora, double factor,
                                      diffedit_error *error);

#endif
