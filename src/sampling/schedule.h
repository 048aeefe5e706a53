/* The noise schedule: how much of a picture is left at a training timestep. */
#ifndef DE_SCHEDULE_H
#define DE_SCHEDULE_H

#include "models/config.h"

/* alphas_cumprod[t]: the share of the signal's variance at training timestep t (Ho et al. 2020,
 * section 2). Such a share is called a level: 1 is the picture itself, 0 pure noise. */
typedef struct de_schedule {
    int train_timesteps;
    float *alphas_cumprod; /* [train_timesteps] */
    float final_alpha;     /* the level before the first timestep of a DDIM grid */
    int steps_offset;
} de_schedule;

/* Errors: MEMORY. */
diffedit_status de_schedule_new(de_schedule *schedule, const de_schedule_config *config,
                                diffedit_error *error);
void de_schedule_free(de_schedule *schedule);

/* Noise per signal at a level: sqrt((1 - level) / level). */
double de_level_sigma(double level);

/* A share of `steps` as a number of steps: rint(steps * share), at least 1, at most `steps`. */
int de_schedule_share(int steps, double share);

/* y = sqrt(level) x + sqrt(1 - level) noise; y may be x */
void de_add_noise(const float *x, const float *noise, double level, int64_t count, float *y);
/* eps from a v prediction at a sample x of this level (Salimans and Ho 2022), in place:
 * eps = sqrt(level) v + sqrt(1 - level) x */
void de_v_to_eps(float *v, const float *x, double level, int64_t count);

#endif
