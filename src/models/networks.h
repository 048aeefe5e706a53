/* The three networks of a model, prepared for running: all the time, or one at a time where memory
 * is short. And what was found out about them on their device, for all who use them. */
#ifndef DE_NETWORKS_H
#define DE_NETWORKS_H

#include "models/text_encoder.h"
#include "models/unet.h"
#include "models/vae.h"

#include "common/layout.h"

/* What they are prepared from. */
typedef struct de_network_sources {
    de_device *device; /* that they are prepared for; a survey needs none */
    const de_text_config *text;
    const de_unet_config *unet;
    const de_vae_config *vae;
    const de_weights *weights[DE_PART_COUNT];
} de_network_sources;

typedef struct de_networks de_networks;

/* Without `one_at_a_time`, prepares all three at once, unless there is too little memory for that.
 * `sources` and what it points at must outlive the networks. Errors: FILE (a file that shrank),
 * MODEL, DEVICE, MEMORY. */
diffedit_status de_networks_new(de_networks **networks, const de_network_sources *sources,
                                bool one_at_a_time, diffedit_error *error);
void de_networks_free(de_networks *networks);

/* Shows every tensor that a network is made of to `survey`. Errors: MEMORY. */
diffedit_status de_network_survey(const de_network_sources *sources, de_part part,
                                  const de_survey *survey, diffedit_error *error);

/* Whoever runs a network uses it first, and is done with it afterwards; from any thread. Each time
 * its files must still have their size. One at a time, what nobody uses makes room. Errors: FILE,
 * MODEL, DEVICE, MEMORY. */
diffedit_status de_networks_use(de_networks *networks, de_part part, diffedit_error *error);
/* Whether using it costs no preparation. */
bool de_networks_ready(de_networks *networks, de_part part);
void de_networks_done(de_networks *networks, de_part part);
/* Where memory was short all the same: drops those that nobody uses, and keeps one at a time from
 * then on. False: there was none to drop. */
bool de_networks_make_room(de_networks *networks);

typedef enum de_finding {
    DE_ONE_AT_A_TIME, /* there is too little memory for all three */
    DE_WIDE_ENCODER,  /* this half of the autoencoder leaves f16's range: it runs on the wide */
    DE_WIDE_DECODER,  /* device */
    DE_FINDINGS
} de_finding;

/* From any thread. */
void de_networks_find(de_networks *networks, de_finding finding);
bool de_networks_found(de_networks *networks, de_finding finding);
/* Whether it was found, and nobody was told of it before. */
bool de_networks_tell(de_networks *networks, de_finding finding);

/* Valid while it is used. */
const de_text_encoder *de_networks_text_encoder(const de_networks *networks);
const de_unet *de_networks_unet(const de_networks *networks);
const de_vae *de_networks_vae(const de_networks *networks);

#endif
