/* What trainers call the arrays of a LoRA: kohya's scripts ("lora_unet_mid_block_..."), diffusers
 * ("unet.mid_block...to_q_lora.down.weight"), PEFT ("unet.mid_block...to_q.lora_A.weight"). */
#ifndef DE_LORA_NAMES_H
#define DE_LORA_NAMES_H

#include "common/layout.h"
#include "weights/file_set.h"

/* An array of a LoRA. */
typedef struct de_lora_name {
    const char *ending;  /* DE_LORA_DOWN ... (lora_layer.h); NULL: it is no array of a LoRA */
    const char *refused; /* "a LoHa": what it is instead; or NULL */
    de_part part;        /* the network; DE_PART_COUNT: the name does not say */
    char module[DE_TENSOR_NAME]; /* the layer's published name with '_' for each dot, as far as the
                                    name tells; the UNet's may be the original code's */
} de_lora_name;

void de_lora_name_read(de_lora_name *found, const char *name);
/* Writes a name with '_' for each dot. */
void de_lora_name_flatten(char flat[DE_TENSOR_NAME], const char *name);
/* Whether a name is one that only LoRAs of Stable Diffusion XL have. */
bool de_lora_name_is_xl(const char *name);

#endif
