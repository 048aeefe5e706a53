/* Names of tensors: those that the original code (CompVis' and Stability's) and OpenCLIP give them,
 * and the ones that diffusers and transformers publish for the same tensors. */
#ifndef DE_ORIGINAL_NAMES_H
#define DE_ORIGINAL_NAMES_H

#include "weights/file_set.h"

/* What stands before the names of each network in a file that holds a whole model. */
#define DE_ORIGINAL_UNET "model.diffusion_model."
#define DE_ORIGINAL_VAE "first_stage_model."
#define DE_ORIGINAL_CLIP "cond_stage_model.transformer."
#define DE_ORIGINAL_OPEN_CLIP "cond_stage_model.model."

/* What other tools write before the names of a network; what was found in one file. */
typedef struct de_original_prefixes {
    char outer[DE_TENSOR_NAME]; /* before all that a model holds, or "" */
    char vae[DE_TENSOR_NAME], clip[DE_TENSOR_NAME], open_clip[DE_TENSOR_NAME]; /* or "" */
} de_original_prefixes;

/* Looks for the networks of a model whose names end as those above do. */
void de_original_find_prefixes(de_original_prefixes *prefixes, const de_table *table);
/* A de_rename_fn from those prefixes to the ones above; `user` is what was found. */
bool de_original_usual_name(const void *user, const char *name, char usual[DE_TENSOR_NAME]);

/* What follows `prefix` in `name`, or NULL. */
const char *de_after_prefix(const char *name, const char *prefix);

/* What the UNet's names depend on. */
typedef struct de_unet_naming {
    int layers;     /* residual blocks of each level */
    char separator; /* '.'; '_' in a name whose dots were replaced, as some LoRA files have them */
} de_unet_naming;

/* "input_blocks.1.0.in_layers.2.weight" -> "down_blocks.0.resnets.0.conv1.weight"; false: not a
 * tensor of a UNet. What is not renamed keeps its separators. */
bool de_original_unet_name(const de_unet_naming *naming, const char *name,
                           char published[DE_TENSOR_NAME]);
/* A de_rename_fn; `user` is an int, the number of the autoencoder's levels. With or without what
 * stands before the names. */
bool de_original_vae_name(const void *user, const char *name, char published[DE_TENSOR_NAME]);
/* A de_rename_fn of a text encoder with transformers' names, with or without what stands before
 * them. Leaves out what other networks of CLIP have, and the positions' numbers, which older files
 * hold. */
bool de_clip_text_name(const void *user, const char *name, char published[DE_TENSOR_NAME]);

/* A tensor of OpenCLIP's text encoder. */
typedef struct de_open_clip_name {
    char published[DE_TENSOR_NAME];
    int layer;              /* -1: of none */
    const char *projection; /* "weight" or "bias" of q, k and v in one: see below; or NULL */
} de_open_clip_name;

/* `name` is without what stands before it; false: Stable Diffusion has no use for it. */
bool de_open_clip_text_name(de_open_clip_name *found, const char *name);
/* The published name of one third (0: q, 1: k, 2: v) of a projection [3 w, w] or [3 w]. */
void de_open_clip_third_name(const de_open_clip_name *of, int third,
                             char published[DE_TENSOR_NAME]);

#endif
