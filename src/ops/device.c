/* Which backends there are: the one file that knows them all. */
#include "ops/cpu/cpu.h"

diffedit_status de_device_open(de_device **device, diffedit_arithmetic arithmetic,
                               diffedit_error *error)
{
    return de_cpu_open(device, arithmetic, error);
}
