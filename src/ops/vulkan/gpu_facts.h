/* What a report of a bug should say about a GPU. */
#ifndef DE_GPU_FACTS_H
#define DE_GPU_FACTS_H

#include "ops/vulkan/gpu_list.h"

/* Asks the driver. */
void de_gpu_facts(const de_gpu_info *gpu, diffedit_fact_fn report, void *user);

#endif
