#include "kernels/kernels.h"
#include "models/model.h"
#include "ops/cpu/cpu.h"

const char *diffedit_kernels_name(void)
{
    return de_kernels_get()->name;
}

int diffedit_core_count(void)
{
    return de_core_count();
}

double diffedit_measure_peak(int threads)
{
    return de_measure_peak(threads > 0 ? threads : de_core_count(), DIFFEDIT_ARITHMETIC_EXACT);
}

diffedit_status diffedit_model_measure_peak(double *operations, const diffedit_model *model,
                                            int threads, diffedit_error *error)
{
    return de_device_measure_peak(operations, model->device,
                                  threads > 0 ? threads : de_core_count(), error);
}
