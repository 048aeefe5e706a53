/* What a reader found of a model: its networks' configs and weights, and what else its files say.
 *
 * There is one reader for each form that a model comes in (folder.h, original.h, packed.h,
 * random_model.h). None knows of another, nor of the model that model.c makes of the parts. Readers
 * go on after a failure where somebody listens (problems.h), so that parts may be missing. */
#ifndef DE_PARTS_H
#define DE_PARTS_H

#include "common/layout.h"
#include "models/config.h"
#include "models/problems.h"
#include "weights/file_set.h"

/* A LoRA on top of the weights. */
typedef struct de_lora_facts {
    char *path; /* owned */
    double weight;
    int layers[DE_PART_COUNT]; /* of each network that it changes */
    int64_t least_rank, most_rank;
} de_lora_facts;

typedef struct de_model_parts {
    const char *layout;     /* what the files are, static */
    de_documents documents; /* of a folder or a packed file */
    char *folder;           /* that they stand in, owned; or NULL */
    de_weight_file *packed; /* that they stand in, held; or NULL */
    const char *pad;        /* of the built-in tokenizer, static; NULL: the documents have one */

    bool described[DE_PART_COUNT]; /* its config is known */
    bool absent[DE_PART_COUNT];    /* there is nothing of it */
    de_text_config text;
    de_unet_config unet;
    de_vae_config vae;
    de_weights *weights[DE_PART_COUNT]; /* owned; or NULL */

    de_schedule_config schedule;
    bool prediction_unknown; /* the files do not say what the UNet predicts, and nobody else did */
    de_model_hints hints;
    char no_average[DE_TENSOR_NAME]; /* a weight of the UNet, in a file that holds averages of
                                        others; or "" */
    bool merged;                     /* LoRAs are in the sum that the weights are */
    de_lora_facts *loras;            /* [lora_count], owned */
    size_t lora_count;
} de_model_parts;

/* Frees what they own; {0} owns nothing. */
void de_parts_free(de_model_parts *parts);
/* Puts one network of `from`, which loses it, in the place of another. */
void de_parts_replace(de_model_parts *parts, de_part part, de_model_parts *from);

/* Whether anything says that the model was distilled to need few steps: a LoRA, the class of its
 * scheduler, or a word in `path`. */
bool de_parts_may_be_distilled(const de_model_parts *parts, const char *path);
/* "Stable Diffusion 1"; static. */
const char *de_parts_kind(const de_model_parts *parts);
/* Whether the UNet also reads a mask and the masked picture's latent, beside the latent. */
bool de_parts_inpaint(const de_model_parts *parts);

/* Reads all of `parts->documents` but the tokenizer's, and the configs of what is not absent.
 * Errors: FILE, MODEL, MEMORY. */
diffedit_status de_parts_read_documents(de_model_parts *parts, de_problems *problems,
                                        diffedit_error *error);
/* One network's config. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_parts_read_config(de_model_parts *parts, de_part part, const de_documents *from,
                                     const char *name, diffedit_error *error);

#endif
