/* Noise levels and time grids: when a sampler looks at what level. */
#ifndef DE_SCHEDULE_H
#define DE_SCHEDULE_H

#include "models/config.h"

/* alphas_cumprod[t]: the share of the signal's variance at training timestep t (Ho et al. 2020,
 * section 2). */
typedef struct de_schedule {
    int train_timesteps;
    float *alphas_cumprod; /* [train_timesteps] */
    float final_alpha;     /* the level before the first timestep of a grid */
    int steps_offset;
} de_schedule;

/* Errors: MEMORY. */
diffedit_status de_schedule_new(de_schedule *schedule, const de_schedule_config *config,
                                diffedit_error *error);
void de_schedule_free(de_schedule *schedule);

/* A share of `steps` as a number of steps: rint(steps * share), at least 1, at most `steps`. */
int de_schedule_share(int steps, double share);

/* ---- the DDIM grid: t_i = i * (T // steps) + offset ---- */

typedef struct de_ddim_grid {
    const de_schedule *schedule;
    int steps;
} de_ddim_grid;

/* Errors: ARGUMENT, naming the largest number of steps that fits. */
diffedit_status de_ddim_grid_new(de_ddim_grid *grid, const de_schedule *schedule, int steps,
                                 diffedit_error *error);
int de_ddim_timestep(const de_ddim_grid *grid, int i);
/* alphas_cumprod of x_i: before the first timestep for i = 0, else at t_(i-1). i in 0..steps */
double de_ddim_level(const de_ddim_grid *grid, int i);
/* Moves x[count] from level `from` to level `to` along eps without noise: DDIM with eta 0 (Song et
 * al. 2021, equation 12), in either direction. y may be x. */
void de_ddim_move(const float *x, const float *eps, double from, double to, int64_t count,
                  float *y);
/* y = sqrt(level) x + sqrt(1 - level) noise; y may be x */
void de_add_noise(const float *x, const float *noise, double level, int64_t count, float *y);
/* eps from a v prediction at a sample x of this level (Salimans and Ho 2022), in place:
 * eps = sqrt(level) v + sqrt(1 - level) x */
void de_v_to_eps(float *v, const float *x, double level, int64_t count);

/* ---- linear multistep (k-diffusion's LMS; Karras et al. 2022, section 3) ---- */

enum { DE_LMS_ORDER = 4 };

typedef struct de_lms_grid {
    int steps;
    float *timesteps; /* [steps], falling, fractional */
    float *sigmas;    /* [steps + 1], falling to 0 */
} de_lms_grid;

/* Errors: MEMORY. */
diffedit_status de_lms_grid_new(de_lms_grid *grid, const de_schedule *schedule, int steps,
                                diffedit_error *error);
void de_lms_grid_free(de_lms_grid *grid);
/* The integral from sigma_i to sigma_(i+1) of the Lagrange polynomial that is 1 at sigma_(i-j) and
 * 0 at the other of the last `order` sigmas; 0 <= j < order <= min(i + 1, DE_LMS_ORDER). */
double de_lms_coefficient(const de_lms_grid *grid, int order, int i, int j);

/* The derivatives of the last steps. */
typedef struct de_lms_history {
    float *derivatives[DE_LMS_ORDER]; /* [count] each, the newest first */
    int filled;
    int64_t count;
} de_lms_history;

/* Errors: MEMORY. */
diffedit_status de_lms_history_new(de_lms_history *history, int64_t count, diffedit_error *error);
void de_lms_history_free(de_lms_history *history);
/* One step of x[count] from sigma_i to sigma_(i+1) with derivative `eps`. Coefficients are of order
 * min(i + 1, DE_LMS_ORDER) even where a history that began later has fewer derivatives: only those
 * there are are summed, as the DiffEdit-practice notebook does. */
void de_lms_step(const de_lms_grid *grid, de_lms_history *history, int i, const float *eps,
                 float *x);

/* ---- guidance: eps[count] from eps of the unconditional u and of the text t ---- */

/* By `kind` of diffedit_options (DIFFEDIT_GUIDANCE_...); eps may be u.
 * cfg: u + g (t - u) (Ho and Salimans 2022, equation 6).
 * normalised: p = u + g (t - u) / |t - u| |u|; eps = p |u| / |p|; norms over all values; t = u
 * gives u. */
void de_guide(int kind, const float *u, const float *t, double g, int64_t count, float *eps);

#endif
