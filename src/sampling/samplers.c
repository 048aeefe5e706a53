/* The table of samplers, in the order of DIFFEDIT_SCHEDULER_... . */
#include "sampling/sampler.h"

static const de_sampler *const samplers[] = {
    [DIFFEDIT_SCHEDULER_DDIM] = &de_ddim,         [DIFFEDIT_SCHEDULER_LMS] = &de_lms,
    [DIFFEDIT_SCHEDULER_DPMPP_2M] = &de_dpmpp_2m, [DIFFEDIT_SCHEDULER_LCM] = &de_lcm,
    [DIFFEDIT_SCHEDULER_EULER_A] = &de_euler_a,
};

const char *const de_sampler_names[] = {
    [DIFFEDIT_SCHEDULER_DDIM] = "ddim",        [DIFFEDIT_SCHEDULER_LMS] = "lms",
    [DIFFEDIT_SCHEDULER_DPMPP_2M] = "dpm++2m", [DIFFEDIT_SCHEDULER_LCM] = "lcm",
    [DIFFEDIT_SCHEDULER_EULER_A] = "euler-a",  NULL,
};

const de_sampler *de_sampler_at(int scheduler)
{
    int count = (int)(sizeof samplers / sizeof *samplers);
    return scheduler >= 0 && scheduler < count ? samplers[scheduler] : NULL;
}

int de_sampler_spacing(const de_sampler *sampler, int spacing)
{
    return spacing == DIFFEDIT_SPACING_AUTO ? sampler->spacing : spacing;
}
