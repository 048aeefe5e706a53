/* The vectors that the kernels of every instruction set are written with.
 *
 * A file *_simd.c is compiled once for each table (meson.build): DE_TABLE is its name, and the
 * compiler's flags choose the header below that defines
 *
 *     DE_LANES      floats in a vector
 *     de_floats     DE_LANES floats
 *     de_ints       DE_LANES 32-bit integers
 *     de_pairs      DE_LANES pairs of 16-bit integers
 *     de_mask       a yes or no for each lane
 *
 * and the functions on them; vector_avx2.h says what each does. */
#ifndef DE_VECTOR_H
#define DE_VECTOR_H

#include <stddef.h>

#include "kernels/kernels.h"

#define DE_INLINE static inline __attribute__((always_inline))

/* de_gemm becomes de_gemm_avx2. */
#define DE_JOIN(name, table) name##_##table
#define DE_JOIN_EXPANDED(name, table) DE_JOIN(name, table)
#define DE_KERNEL(name) DE_JOIN_EXPANDED(name, DE_TABLE)

#if defined __AVX512F__
#include "kernels/vector_avx512.h"
#elif defined __aarch64__
#include "kernels/vector_neon.h"
#else
#include "kernels/vector_avx2.h"
#endif

/* Vectors side by side that make a panel's row. */
enum { DE_PANEL_VECTORS = DE_PANEL / DE_LANES };

/* DE_LANES values of a panel of f32 or f16, from number `at` on. */
DE_INLINE de_floats de_load_panel(const void *panel, const de_kind kind, int64_t at)
{
    return kind == DE_KIND_F16 ? de_load_half((const uint16_t *)panel + at)
                               : de_load((const float *)panel + at);
}

#endif
