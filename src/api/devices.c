/* What this machine computes on, and how that is named. */
#include "ops/ops.h"

#include <stdlib.h>
#include <string.h>

const char *diffedit_device_name(diffedit_device device)
{
    return de_device_name(device);
}

diffedit_status diffedit_device_read(diffedit_device *device, const char *name,
                                     diffedit_error *error)
{
    const char *known;
    if (strcmp(name, "gpu") == 0)
        name = "gpu:0";
    for (diffedit_device which = DIFFEDIT_DEVICE_AUTO; (known = de_device_name(which)); which++)
        if (strcmp(name, known) == 0) {
            *device = which;
            return DIFFEDIT_OK;
        }
    return de_fail(
        error, DIFFEDIT_ERROR_ARGUMENT,
        "`device`: expected cpu, auto, gpu or gpu:N with N from 0 to 15, found \"%.80s\"", name);
}

const diffedit_device_info *const *diffedit_devices(size_t *count)
{
    return de_devices(count);
}

const char *diffedit_devices_problem(void)
{
    return de_devices_problem();
}

int64_t diffedit_device_get_room(const diffedit_device_info *info)
{
    return de_device_get_room(info);
}

void diffedit_device_facts(const diffedit_device_info *info, diffedit_fact_fn report, void *user)
{
    de_device_facts(info, report, user);
}
