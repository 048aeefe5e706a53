/* The table of samplers, in the order of DIFFEDIT_SCHEDULER_... . */
#include "sampling/sampler.h"

static const de_sampler *const samplers[] = {
    [DIFFEDIT_SCHEDULER_DDIM] = &de_ddim,
    [DIFFEDIT_SCHEDULER_LMS] = &de_lms,
};

const char *const de_sampler_names[] = {
    [DIFFEDIT_SCHEDULER_DDIM] = "ddim",
    [DIFFEDIT_SCHEDULER_LMS] = "lms",
    NULL,
};

const de_sampler *de_sampler_at(int scheduler)
{
    int count = (int)(sizeof samplers / sizeof *samplers);
    return scheduler >= 0 && scheduler < count ? samplers[scheduler] : NULL;
}
