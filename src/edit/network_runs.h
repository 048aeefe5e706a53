/* How a model's networks are run: the functions of its network set, and what they share. Beside
 * model_networks.c, single_runs.c and unet_runs.c nobody needs it. */
#ifndef DE_NETWORK_RUNS_H
#define DE_NETWORK_RUNS_H

#include "edit/model_networks.h"

/* ---- what network_set.h says, each with the de_model_networks as `self` ---- */

diffedit_status de_runs_text(void *self, const int32_t *tokens, float *embedding,
                             diffedit_error *error);
diffedit_status de_runs_encode(void *self, const float *pixels, int h, int w, float *moments,
                               diffedit_error *error);
diffedit_status de_runs_decode(void *self, const float *latent, int h, int w, float *pixels,
                               diffedit_error *error);
diffedit_status de_runs_unet_begin(void *self, const float *const *embeddings, int n, int chunks,
                                   int h, int w, diffedit_error *error);
diffedit_status de_runs_unet(void *self, const float *x, const float *condition, double t, float *y,
                             diffedit_error *error);
void de_runs_unet_end(void *self);

/* ---- what they share ---- */

/* de_networks_use(), with the memory of the last network's temporary arrays free where this one
 * must be prepared first. */
diffedit_status de_runs_use(de_model_networks *networks, de_part part, diffedit_error *error);
/* A network is done. A GPU's memory is for others then; the CPU's stays, because the system would
 * have to clear it again. */
void de_runs_done(de_model_networks *networks, de_part part);
/* Whether what failed for lack of memory may be tried again, with fewer networks prepared. */
bool de_runs_make_room(de_model_networks *networks, diffedit_status status);
/* Says what the memory was not enough for: a network, on pictures of h x w pixels. */
diffedit_status de_runs_explain(const de_model_networks *networks, const char *network, int64_t h,
                                int64_t w, diffedit_status status, diffedit_error *error);
/* Tells the log what was found out about the model's networks, once for each model. */
void de_runs_tell(de_model_networks *networks);

/* Whether the model's arrays are f16, whose range ends at 65504. */
bool de_runs_narrow(const de_model_networks *networks);

#endif
