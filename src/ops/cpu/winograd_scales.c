#include "ops/cpu/cpu.h"
#include "ops/cpu/winograd.h"

/* The scales of one number of phases: a task is a panel. */
typedef struct scaling {
    const de_panels *panels;
    int64_t phases, columns; /* padded to 16, of all phases */
    float *scales;           /* [36] of [columns] */
} scaling;

de_winograd_weights de_winograd_weights_of(const de_panels *panels, int64_t phases, int64_t panel,
                                           int pair)
{
    static const de_taps odd_even[2] = {DE_TAPS_ODD, DE_TAPS_EVEN};
    int64_t count = de_divide_up(panels->columns, DE_PANEL), phase = panel / count;
    return (de_winograd_weights){
        .panel = de_panels_at(panels, panel % count),
        .kind = panels->kind,
        .channels = panels->depth,
        .count = panels->depth,
        .pair = pair,
        .rows = phases == 1 ? DE_TAPS_ALL : odd_even[phase / 2],
        .columns = phases == 1 ? DE_TAPS_ALL : odd_even[phase % 2],
    };
}

static void scale_panels(void *user, int64_t begin, int64_t end, int thread)
{
    const scaling *job = user;
    (void)thread;
    for (int64_t panel = begin; panel < end; panel++)
        for (int pair = 0; pair < DE_WINOGRAD_PAIRS; pair++) {
            de_winograd_weights weights = de_winograd_weights_of(job->panels, job->phases, panel,
                                                                 pair);
            weights.scale_stride = job->columns;
            de_kernels_get()->winograd_scales(
                &weights,
                job->scales + pair * DE_WINOGRAD_PAIR_POINTS * job->columns + panel * DE_PANEL);
        }
}

float *de_winograd_scales_new(const de_panels *panels, bool doubles)
{
    int64_t columns = de_round_up(panels->columns, DE_PANEL);
    int64_t sets = doubles ? 1 + 4 : 1;
    float *scales = de_aligned_alloc((size_t)(sets * DE_WINOGRAD_POINTS * columns) *
                                     sizeof *scales);
    if (!scales)
        return NULL;
    scaling jobs[2] = {{panels, 1, columns, scales},
                       {panels, 4, 4 * columns, scales + DE_WINOGRAD_POINTS * columns}};
    for (int i = 0; i < (doubles ? 2 : 1); i++)
        de_parallel_for(de_core_count(), jobs[i].columns / DE_PANEL, 1, scale_panels, &jobs[i]);
    return scales;
}
