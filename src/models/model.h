/* One Stable Diffusion model: everything that stands in its folder or file. */
#ifndef DE_MODEL_H
#define DE_MODEL_H

#include "models/config.h"
#include "models/networks.h"
#include "models/tokenizer.h"
#include "weights/weights.h"

/* The note that tells a packed file, and what it says in the only version there is. */
#define DE_PACKED_NOTE "diffedit"
#define DE_PACKED_VERSION "1"

/* Who wants to hear of every problem of a model, not only of the first. */
typedef struct de_problems {
    diffedit_problem_fn report;
    void *user;
    int64_t count;
} de_problems;

struct diffedit_model {
    de_problems *problems;  /* NULL: the first failure ends reading */
    char *path;             /* of the folder that was read; owned */
    const char *layout;     /* what it is, static */
    const char *pad;        /* of the built-in tokenizer, static; NULL: the documents have one */
    de_documents documents; /* of a folder or a packed file */
    de_weight_file *packed; /* held, or NULL */
    char no_average[DE_TENSOR_NAME]; /* a weight of the UNet, in a file that holds averages of
                                        others; or "" */
    bool prediction_unknown; /* the files do not say what the UNet predicts, and nobody else did */
    bool described[DE_PART_COUNT]; /* its config is known */
    bool absent[DE_PART_COUNT];    /* there is nothing of it, and nobody gave it */
    de_unet_config unet_config;
    de_vae_config vae_config;
    de_text_config text_config;
    de_schedule_config schedule_config;
    de_model_hints hints;

    de_tokenizer *tokenizer;
    de_weights *weights[DE_PART_COUNT];
    de_device *device; /* that the networks are prepared for; NULL: none are */
    de_networks *networks;
};

/* Opens a model and checks that its parts fit each other. Errors: ARGUMENT, FILE, MODEL, MEMORY. */
diffedit_status de_model_open(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, diffedit_error *error);
/* A model of random weights, whose shape is one of de_random_shapes. Errors: ARGUMENT, MEMORY. */
diffedit_status de_model_new_random(diffedit_model **model, const char *shape,
                                    diffedit_error *error);
/* The same without preparing networks. With `problems`, whatever is wrong with the model's files is
 * reported there instead, and what could be read is returned. Errors: FILE (no such file), MEMORY;
 * without `problems` as above. */
diffedit_status de_model_read(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, de_problems *problems,
                              diffedit_error *error);
void de_model_close(diffedit_model *model);
/* Reports a failure and gives OK, so that reading goes on; where nobody listens, gives the failure
 * back. */
diffedit_status de_model_keep(const diffedit_model *model, diffedit_status status,
                              const diffedit_error *error);
/* Writes a sentence if the UNet's averages were passed over because one is missing. */
bool de_model_lacks_average(const diffedit_model *model, char *text, size_t size);
/* What the networks are made from. */
de_network_sources de_model_sources(const diffedit_model *model);
/* 0 where what is asked for is not known. */
void de_model_info(const diffedit_model *model, diffedit_model_info *info);
/* Whether the UNet also reads a mask and the masked picture. */
bool de_model_inpaints(const diffedit_model *model);

/* Where the parts of a model come from; each fills the configs, the tokenizer and the weights that
 * it finds. What is missing afterwards stays NULL. Errors: FILE, MODEL, MEMORY. */

/* folder.c: a folder in the diffusers layout, or the hub cache's folder of one repository */
diffedit_status de_folder_read(diffedit_model *model, const char *folder, diffedit_error *error);
/* One network's folder (config.json and weights), for `--vae` and `--text-encoder`. */
diffedit_status de_folder_read_part(diffedit_model *model, de_part part, const char *folder,
                                    diffedit_error *error);
/* The same from a file of weights that lies in such a folder. */
diffedit_status de_folder_read_file(diffedit_model *model, de_part part, const char *file,
                                    diffedit_error *error);
bool de_folder_has_config(const char *file);
/* Everything of a folder or packed file but the weights. */
diffedit_status de_model_read_documents(diffedit_model *model, const de_documents *from,
                                        diffedit_error *error);
diffedit_status de_model_read_part_config(diffedit_model *model, de_part part,
                                          const de_documents *from, diffedit_error *error);
/* original.c: one file in the layout of the original code (CompVis, Stability), told by its tensors
 */
diffedit_status de_original_read(diffedit_model *model, de_weight_file *file,
                                 const diffedit_model_settings *settings, diffedit_error *error);
/* One network from such a file, or from a file that holds nothing else. */
diffedit_status de_original_read_part(diffedit_model *model, de_part part, de_weight_file *file,
                                      diffedit_error *error);
/* de_rename_fn of a text encoder with transformers' names, with or without what stands before them.
 * Leaves out what other networks of CLIP have, and the positions' numbers, which older files hold.
 */
bool de_clip_text_name(const void *user, const char *name, char published[DE_TENSOR_NAME]);
/* packed.c: one file as convert.c writes it, a folder in a file: the documents are its notes, and
 * the tensors have their published names behind the name of their folder */
bool de_packed_is(const de_weight_file *file);
diffedit_status de_packed_read(diffedit_model *model, de_weight_file *file, diffedit_error *error);
diffedit_status de_packed_read_part(diffedit_model *model, de_part part, de_weight_file *file,
                                    diffedit_error *error);

/* random.c: random weights in the shape of a known model, one of de_random_shapes
 * (NULL-terminated). Errors: ARGUMENT, MEMORY. */
extern const char *const de_random_shapes[];
diffedit_status de_random_read(diffedit_model *model, const char *shape, diffedit_error *error);

#endif
