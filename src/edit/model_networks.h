/* A model's networks, as the stages see them. */
#ifndef DE_MODEL_NETWORKS_H
#define DE_MODEL_NETWORKS_H

#include "edit/network_set.h"
#include "models/model.h"

/* One thread's use of a model: its temporary memory, and the UNet while it is begun. */
typedef struct de_model_networks {
    const diffedit_model *model;
    const de_log *log; /* where it is told what was found out about the networks */
    de_context context;
    const de_unet *unet; /* NULL: not begun */
    de_text_kv kv;       /* of the n texts */
    de_program *program; /* x, waves -> y */
    de_tensor x;         /* [1, h, w, the UNet's channels] */
    de_tensor waves;     /* [n, 1, 1, width], the timestep */
    de_tensor y;         /* [n, h, w, c] */
    float *staged;       /* what is on its way to x or waves, or from y */
} de_model_networks;

/* `networks` must stand still and outlive `set`; the model and `log` outlive both. */
void de_model_networks_init(de_model_networks *networks, de_network_set *set,
                            const diffedit_model *model, const de_log *log);
/* What they did since they were made */
de_computed de_model_networks_computed(const de_model_networks *networks);
void de_model_networks_free(de_model_networks *networks);

#endif
