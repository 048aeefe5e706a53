/* Samplers: each a row of functions, which one decode loop and one encode loop call.
 *
 * A new one is a file that fills a de_sampler, and its row in samplers.c. */
#ifndef DE_SAMPLER_H
#define DE_SAMPLER_H

#include "sampling/schedule.h"

/* The nodes that a sampler passes through: node 0 is the picture, node `steps` the noisiest. A
 * decode goes down from node to node, an encoding up. */
typedef struct de_grid {
    int steps;
    double *timesteps; /* [steps + 1]: where the network looks at a sample of node i */
    double *levels;    /* [steps + 1]: the node's alphas_cumprod */
    double *sigmas;    /* [steps + 1]: the node's de_level_sigma() */
    bool ends_apart;   /* node 0 is no node of the spacing: it was put before them */
} de_grid;

/* Room for a grid. Errors: MEMORY. */
diffedit_status de_grid_new(de_grid *grid, int steps, diffedit_error *error);
void de_grid_free(de_grid *grid);

/* A grid of DIFFEDIT_SPACING_... but not AUTO (spacing.c). Errors: ARGUMENT (more steps than fit),
 * MEMORY. */
diffedit_status de_grid_space(de_grid *grid, const de_schedule *schedule, int spacing, int steps,
                              diffedit_error *error);
/* Puts node i at a training timestep. */
void de_grid_set_node(de_grid *grid, const de_schedule *schedule, int i, int timestep);
/* Makes node 0 the picture without any noise, as samplers have it that end at sigma 0. */
void de_grid_end_clean(de_grid *grid);
extern const char *const de_spacing_names[];

/* How a sample at a node holds its signal x_0 and its noise. */
typedef enum de_sample_kind {
    DE_VARIANCE_PRESERVING, /* sqrt(level) x_0 + sqrt(1 - level) noise, as the network reads it */
    DE_VARIANCE_EXPLODING,  /* x_0 + sigma noise; the network reads it times sqrt(level) */
} de_sample_kind;

typedef struct de_sampler de_sampler;

enum {
    DE_HISTORY = 4,
    /* sets of 1 << DIFFEDIT_..., for rows */
    DE_EVERY_SPACING = 1 << DIFFEDIT_SPACING_LEADING | 1 << DIFFEDIT_SPACING_TRAILING |
                       1 << DIFFEDIT_SPACING_KARRAS | 1 << DIFFEDIT_SPACING_LINSPACE,
};

/* A sampler on its way along a grid, with what the steps behind it predicted. */
typedef struct de_walk {
    const de_sampler *sampler;
    const de_grid *grid;        /* borrowed */
    int64_t count;              /* values of a sample */
    float *history[DE_HISTORY]; /* [count] each, the newest first; as many as the sampler wants */
    int filled;
    int begins; /* the node that the orders of steps count from; the noisiest, unless it is set */
    const float *noise; /* [count] of variance 1, drawn for this step; NULL unless it draws */
} de_walk;

struct de_sampler {
    const char *name;  /* as the option `scheduler` has it */
    int spacing;       /* DIFFEDIT_SPACING_..., what AUTO means */
    unsigned spacings; /* 1 << DIFFEDIT_SPACING_..., those it can have */
    /* Errors: ARGUMENT (more steps than fit), MEMORY. */
    diffedit_status (*make_grid)(de_grid *grid, const de_schedule *schedule, int spacing, int steps,
                                 diffedit_error *error);
    de_sample_kind kind;
    int history; /* arrays that its steps remember, at most DE_HISTORY */
    bool draws;  /* its decode steps to node 1 and above add fresh noise */

    /* x of node i becomes that of node i - 1 along eps, 1 <= i <= steps. */
    void (*decode_step)(de_walk *walk, int i, const float *eps, float *x);
    /* The other way: `next` of node i + 1 from x of node i, 0 <= i < steps. NULL: it inverts
     * nothing, and an edit starts from x_0 with noise added. */
    void (*encode_step)(de_walk *walk, int i, const float *eps, const float *x, float *next);
    /* Encoding, the network looks at x of node i as at the timestep of node i + encode_ahead. */
    int encode_ahead;

    int edit_skips; /* steps that an edit with background start leaves out after noise was added */
    bool map_by_steps; /* contrast maps look at a node of the paper's grid, whatever the spacing */
};

/* The samplers in the order of DIFFEDIT_SCHEDULER_...; NULL past the end. */
const de_sampler *de_sampler_at(int scheduler);
/* Their names, NULL-terminated, in the same order. */
extern const char *const de_sampler_names[];
/* The spacing that an option (DIFFEDIT_SPACING_..., AUTO too) means to a sampler. */
int de_sampler_spacing(const de_sampler *sampler, int spacing);

/* Errors: MEMORY. */
diffedit_status de_walk_new(de_walk *walk, const de_sampler *sampler, const de_grid *grid,
                            int64_t count, diffedit_error *error);
void de_walk_free(de_walk *walk);
/* Remembers values[count] as the newest of the history; the oldest goes. */
void de_walk_remember(de_walk *walk, const float *values);

/* A sample of node `i`: y[count] from x_0 (NULL: nothing but noise) and noise of variance 1. */
void de_sampler_add_noise(const de_sampler *sampler, const de_grid *grid, int i, const float *x_0,
                          const float *noise, int64_t count, float *y);
/* What the network reads of x[count] of node i: x, or its scaled copy in `scaled` [count]. */
const float *de_sampler_network_input(const de_sampler *sampler, const de_grid *grid, int i,
                                      const float *x, int64_t count, float *scaled);

/* ---- the samplers ---- */

/* Deterministic DDIM (Song et al. 2021, equation 12, eta 0). Its inversion is the same step
 * upwards, at the next node's timestep. */
extern const de_sampler de_ddim;
/* Moves x[count] from level `from` to level `to` along eps without noise; y may be x. */
void de_ddim_move(const float *x, const float *eps, double from, double to, int64_t count,
                  float *y);

/* Linear multistep of order 4 (k-diffusion's LMS; Karras et al. 2022, section 3). An edit with
 * background start is the DiffEdit-practice notebook's: it starts a step after the one whose noise
 * it adds, with the orders of a walk from the noisiest node. */
extern const de_sampler de_lms;
/* The integral from sigma_i to sigma_(i-1) of the Lagrange polynomial that is 1 at sigma_(i+j) and
 * 0 at the other of the last `order` sigmas; 0 <= j < order <= min(steps - i + 1, DE_HISTORY). */
double de_lms_coefficient(const de_grid *grid, int order, int i, int j);

/* DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2), of first order at its first and last step. Its
 * inversion is the second-order multistep of DPM-Solver (Lu et al. 2022a), which predicts noise,
 * upwards, at the state's own timestep. */
extern const de_sampler de_dpmpp_2m;

/* Multistep sampling of latent consistency models (Luo et al. 2023, algorithm 2), on some of the
 * fifty timesteps that they are distilled for. */
extern const de_sampler de_lcm;

/* Ancestral sampling with Euler steps (k-diffusion; Karras et al. 2022). */
extern const de_sampler de_euler_a;

#endif
