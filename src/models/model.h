/* One Stable Diffusion model: everything that stands in its folder or file. */
#ifndef DE_MODEL_H
#define DE_MODEL_H

#include "models/networks.h"
#include "models/parts.h"
#include "models/tokenizer.h"

struct diffedit_model {
    de_model_parts parts;
    de_tokenizer *tokenizer;
    de_device *device; /* that the networks are prepared for; NULL: none are */
    diffedit_device which;
    char device_reason[512]; /* why AUTO became the CPU; "": it did not */
    de_networks *networks;
    bool may_be_distilled; /* to need few steps (de_parts_may_be_distilled) */
};

/* Opens a model and checks that its parts fit each other. Errors: ARGUMENT, FILE, MODEL, MEMORY. */
diffedit_status de_model_open(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, diffedit_error *error);
/* The same without preparing networks. With `problems`, whatever is wrong with the model's files is
 * reported there instead, and what could be read is returned. Errors: FILE (no such file), MEMORY;
 * without `problems` as above. */
diffedit_status de_model_read(diffedit_model **model, const char *path,
                              const diffedit_model_settings *settings, de_problems *problems,
                              diffedit_error *error);
/* Prepares the networks of a model that was read without problems. Errors: ARGUMENT (of the
 * kernels), DEVICE, FILE, MODEL, MEMORY. */
diffedit_status de_model_prepare(diffedit_model *model, const diffedit_model_settings *settings,
                                 diffedit_error *error);
/* A model of random weights, whose shape is one of de_random_shapes (random_model.h); of the
 * settings only flags, arithmetic and device matter. Errors: ARGUMENT, DEVICE, MEMORY. */
diffedit_status de_model_open_random(diffedit_model **model, const char *shape,
                                     const diffedit_model_settings *settings,
                                     diffedit_error *error);
void de_model_close(diffedit_model *model);
/* Its device was lost: every call that computes fails with DEVICE from then on. To go on, the
 * model's editors and the model are freed, and it is opened anew. From any thread. */
bool de_model_is_lost(const diffedit_model *model);

/* Writes a sentence if the UNet's averages were passed over because one is missing. */
bool de_model_lacks_average(const diffedit_model *model, char *text, size_t size);
/* What the networks are made from. */
de_network_sources de_model_sources(const diffedit_model *model);
/* 0 where what is asked for is not known. */
void de_model_info(const diffedit_model *model, diffedit_model_info *info);

#endif
