#include "kernels/kernels.h"

#ifdef DE_HAVE_AVX2
#include <cpuid.h>
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const de_kernels *in_use;
static char problem[160];

#ifdef DE_HAVE_AVX2
/* Clang's __builtin_cpu_supports() does not know it before version 15. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

const de_kernels *de_kernels_find(const char *name)
{
    if (strcmp(name, "ref") == 0)
        return &de_kernels_ref;
#ifdef DE_HAVE_AVX2
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma") && has_f16c())
        return &de_kernels_avx2;
#endif
    return NULL;
}

static void choose(void)
{
    static const char *const fastest_first[] = {"avx2", "ref"};
    const char *wanted = getenv("DIFFEDIT_CPU");
    if (wanted && *wanted) {
        in_use = de_kernels_find(wanted);
        if (in_use)
            return;
        snprintf(problem, sizeof problem,
                 "DIFFEDIT_CPU=%.40s: expected \"ref\", or \"avx2\" on a processor with AVX2, FMA "
                 "and F16C",
                 wanted);
        in_use = &de_kernels_ref;
        return;
    }
    for (size_t i = 0; !in_use; i++)
        in_use = de_kernels_find(fastest_first[i]);
}

const de_kernels *de_kernels_get(void)
{
    pthread_once(&once, choose);
    return in_use;
}

const char *de_kernels_problem(void)
{
    pthread_once(&once, choose);
    return problem[0] ? problem : NULL;
}

void de_kernels_use(const de_kernels *kernels)
{
    pthread_once(&once, choose);
    in_use = kernels;
}
