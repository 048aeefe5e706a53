#include "ops/cpu/cpu.h"
#include "ops/cpu/winograd.h"

enum { PHASES = 4 };

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

diffedit_status de_winograd_scales_new(de_winograd_scales *scales, int64_t columns, bool doubles,
                                       diffedit_error *error)
{
    *scales = (de_winograd_scales){.doubles = doubles, .columns = de_round_up(columns, DE_PANEL)};
    size_t bytes = (size_t)((doubles ? 1 + PHASES : 1) * DE_WINOGRAD_POINTS * scales->columns) *
                   sizeof *scales->values;
    scales->values = de_aligned_alloc(bytes);
    return scales->values ? DIFFEDIT_OK : de_fail_memory(error, bytes, "a convolution");
}

/* Of `phases` phases: scales [36] of [phases, columns] */
static void scale_phases(const de_panels *panels, int64_t panel, int64_t phases, int64_t columns,
                         float *scales)
{
    for (int64_t phase = 0; phase < phases; phase++)
        for (int pair = 0; pair < DE_WINOGRAD_PAIRS; pair++) {
            int64_t at = phase * columns / DE_PANEL + panel;
            de_winograd_weights weights = de_winograd_weights_of(panels, phases, at, pair);
            weights.scale_stride = phases * columns;
            de_kernels_get()->winograd_scales(
                &weights,
                scales + pair * DE_WINOGRAD_PAIR_POINTS * weights.scale_stride + at * DE_PANEL);
        }
}

void de_winograd_scale_panel(void *scales, const de_panels *panels, int64_t panel)
{
    const de_winograd_scales *made = scales;
    scale_phases(panels, panel, 1, made->columns, made->values);
    if (made->doubles)
        scale_phases(panels, panel, PHASES, made->columns,
                     made->values + DE_WINOGRAD_POINTS * made->columns);
}
