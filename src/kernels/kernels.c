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
static char problem[200];

/* ---- what this machine can run ---- */

static bool always(void)
{
    return true;
}

#ifdef DE_HAVE_AVX2
/* __builtin_cpu_supports() knows which registers the system saves, but Clang's does not know these
 * instructions before version 15. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}
#endif

#ifdef DE_HAVE_AVXVNNI
static bool has_avx2_and_vnni(void)
{
    unsigned a, b, c, d;
    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
#endif

#ifdef DE_HAVE_AVX512
static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#endif

/* ---- the tables, the fastest first ---- */

typedef struct known_table {
    const de_kernels *kernels;
    bool (*can_run)(void);
    const char *needs;
} known_table;

static const known_table tables[] = {
#ifdef DE_HAVE_AVX512
    {&de_kernels_avx512, has_avx512, "AVX-512 F, BW, DQ, VL and VNNI"},
#endif
#ifdef DE_HAVE_AVXVNNI
    {&de_kernels_avxvnni, has_avx2_and_vnni, "AVX2, FMA, F16C and AVX-VNNI"},
#endif
#ifdef DE_HAVE_AVX2
    {&de_kernels_avx2, has_avx2, "AVX2, FMA and F16C"},
#endif
#ifdef DE_HAVE_NEON
    {&de_kernels_neon, always, "nothing"},
#endif
    {&de_kernels_ref, always, "nothing"},
};
enum { TABLES = sizeof tables / sizeof *tables };

static const known_table *table_of(const char *name)
{
    for (size_t i = 0; i < TABLES; i++)
        if (strcmp(tables[i].kernels->name, name) == 0)
            return &tables[i];
    return NULL;
}

const de_kernels *de_kernels_find(const char *name)
{
    const known_table *table = table_of(name);
    return table && table->can_run() ? table->kernels : NULL;
}

/* Why DIFFEDIT_CPU's table cannot be had. */
static void say_problem(const char *wanted)
{
    const known_table *table = table_of(wanted);
    if (table) {
        snprintf(problem, sizeof problem,
                 "DIFFEDIT_CPU=%s needs a processor with %s, and this one has not", wanted,
                 table->needs);
        return;
    }
    char names[96] = "";
    for (size_t i = 0; i < TABLES; i++) {
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s\"%s\"",
                 i == 0           ? ""
                 : i + 1 < TABLES ? ", "
                                  : " or ",
                 tables[i].kernels->name);
    }
    snprintf(problem, sizeof problem, "DIFFEDIT_CPU=%.40s: expected %s", wanted, names);
}

static void choose(void)
{
    const char *wanted = getenv("DIFFEDIT_CPU");
    if (wanted && *wanted) {
        in_use = de_kernels_find(wanted);
        if (in_use)
            return;
        say_problem(wanted);
        in_use = &de_kernels_ref;
        return;
    }
    for (size_t i = 0; !in_use; i++)
        in_use = de_kernels_find(tables[i].kernels->name);
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
