/* AArch64's Advanced SIMD: vectors of 4. vector_avx2.h says what each function does. */
#ifndef DE_VECTOR_NEON_H
#define DE_VECTOR_NEON_H

#include <arm_neon.h>

enum {
    DE_LANES = 4,
    /* 24 of 32 registers are sums */
    DE_TILE_VECTORS = 4,
    DE_TILE_ROWS = 6,
    DE_NARROW_ROWS = 8
};
#define DE_ATTENTION_ROWS 6
#define DE_ATTENTION_VECTORS 4

typedef float32x4_t de_floats;
typedef int32x4_t de_ints;
typedef int16x8_t de_pairs; /* the first of each pair, then the second of each */
typedef uint32x4_t de_mask;

/* ---- floats ---- */

DE_INLINE de_floats de_splat(float x)
{
    return vdupq_n_f32(x);
}
DE_INLINE de_floats de_splat_at(const float *x)
{
    return vdupq_n_f32(*x);
}
DE_INLINE de_floats de_load(const float *x)
{
    return vld1q_f32(x);
}
DE_INLINE de_floats de_count_up(void)
{
    return de_load((const float[]){0, 1, 2, 3});
}
DE_INLINE void de_store(float *y, de_floats x)
{
    vst1q_f32(y, x);
}
DE_INLINE de_floats de_load_half(const uint16_t *x)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x)));
}
DE_INLINE de_floats de_add(de_floats x, de_floats y)
{
    return vaddq_f32(x, y);
}
DE_INLINE de_floats de_sub(de_floats x, de_floats y)
{
    return vsubq_f32(x, y);
}
DE_INLINE de_floats de_mul(de_floats x, de_floats y)
{
    return vmulq_f32(x, y);
}
DE_INLINE de_floats de_div(de_floats x, de_floats y)
{
    return vdivq_f32(x, y);
}
DE_INLINE de_floats de_sqrt(de_floats x)
{
    return vsqrtq_f32(x);
}
DE_INLINE de_floats de_mul_add(de_floats x, de_floats y, de_floats z)
{
    return vfmaq_f32(z, x, y);
}
DE_INLINE de_floats de_mul_sub(de_floats x, de_floats y, de_floats z)
{
    return vfmaq_f32(vnegq_f32(z), x, y);
}
DE_INLINE de_floats de_neg_mul_add(de_floats x, de_floats y, de_floats z)
{
    return vfmsq_f32(z, x, y);
}
/* FMAX and FMIN would make a NaN of either. */
DE_INLINE de_floats de_max(de_floats x, de_floats y)
{
    return vbslq_f32(vcgtq_f32(x, y), x, y);
}
DE_INLINE de_floats de_min(de_floats x, de_floats y)
{
    return vbslq_f32(vcltq_f32(x, y), x, y);
}
DE_INLINE de_floats de_abs(de_floats x)
{
    return vabsq_f32(x);
}
DE_INLINE de_floats de_round(de_floats x)
{
    return vrndnq_f32(x);
}
DE_INLINE de_floats de_scaled(de_floats n, de_floats p)
{
    int32x4_t exponent = vshlq_n_s32(vcvtq_s32_f32(n), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), exponent));
}
DE_INLINE float de_sum_lanes(de_floats x)
{
    return vpadds_f32(vadd_f32(vget_low_f32(x), vget_high_f32(x)));
}
DE_INLINE float de_largest_lane(de_floats x)
{
    return vmaxvq_f32(x);
}
DE_INLINE void de_transpose(de_floats *x)
{
    float64x2_t twos[4] = {
        vreinterpretq_f64_f32(vtrn1q_f32(x[0], x[1])),
        vreinterpretq_f64_f32(vtrn2q_f32(x[0], x[1])),
        vreinterpretq_f64_f32(vtrn1q_f32(x[2], x[3])),
        vreinterpretq_f64_f32(vtrn2q_f32(x[2], x[3])),
    };
    x[0] = vreinterpretq_f32_f64(vtrn1q_f64(twos[0], twos[2]));
    x[1] = vreinterpretq_f32_f64(vtrn1q_f64(twos[1], twos[3]));
    x[2] = vreinterpretq_f32_f64(vtrn2q_f64(twos[0], twos[2]));
    x[3] = vreinterpretq_f32_f64(vtrn2q_f64(twos[1], twos[3]));
}

/* ---- masks ---- */

DE_INLINE de_mask de_greater(de_floats x, de_floats y)
{
    return vcgtq_f32(x, y);
}
DE_INLINE de_floats de_select(de_mask mask, de_floats x, de_floats y)
{
    return vbslq_f32(mask, x, y);
}
DE_INLINE bool de_any(de_mask mask)
{
    return vmaxvq_u32(mask) != 0;
}

/* ---- the first `count` lanes ---- */

DE_INLINE de_floats de_load_first(const float *x, int64_t count)
{
    if (count >= DE_LANES)
        return vld1q_f32(x);
    de_floats values = vdupq_n_f32(0);
    if (count > 0)
        values = vld1q_lane_f32(x, values, 0);
    if (count > 1)
        values = vld1q_lane_f32(x + 1, values, 1);
    if (count > 2)
        values = vld1q_lane_f32(x + 2, values, 2);
    return values;
}
DE_INLINE void de_store_first(float *y, int64_t count, de_floats values)
{
    if (count >= DE_LANES) {
        vst1q_f32(y, values);
        return;
    }
    if (count > 0)
        vst1q_lane_f32(y, values, 0);
    if (count > 1)
        vst1q_lane_f32(y + 1, values, 1);
    if (count > 2)
        vst1q_lane_f32(y + 2, values, 2);
}
DE_INLINE de_floats de_keep_first(de_floats x, int64_t count)
{
    uint32x4_t kept = vcltq_f32(de_count_up(), vdupq_n_f32((float)count));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), kept));
}

/* ---- DE_DOUBLES doubles ---- */

enum { DE_DOUBLES = 2 };
typedef float64x2_t de_doubles;

DE_INLINE de_doubles de_load_doubles(const double *x)
{
    return vld1q_f64(x);
}
DE_INLINE void de_store_doubles(double *y, de_doubles x)
{
    vst1q_f64(y, x);
}
DE_INLINE de_doubles de_load_as_doubles(const float *x)
{
    return vcvt_f64_f32(vld1_f32(x));
}
DE_INLINE de_doubles de_add_doubles(de_doubles x, de_doubles y)
{
    return vaddq_f64(x, y);
}
DE_INLINE de_doubles de_add_squares(de_doubles sums, de_doubles x)
{
    return vfmaq_f64(sums, x, x);
}

/* ---- integers ---- */

DE_INLINE de_ints de_no_ints(void)
{
    return vdupq_n_s32(0);
}
DE_INLINE de_floats de_floats_of(de_ints x)
{
    return vcvtq_f32_s32(x);
}
DE_INLINE de_ints de_ints_of(de_floats x)
{
    return vcvtnq_s32_f32(x);
}
DE_INLINE de_pairs de_load_pairs(const int16_t *x)
{
    /* One TBL; LD2 would fill two registers, and 24 sums leave no room for eight of weights. */
    static const uint8_t order[16] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
    return vreinterpretq_s16_s8(vqtbl1q_s8(vreinterpretq_s8_s16(vld1q_s16(x)), vld1q_u8(order)));
}
/* The pair stands in the first two places, from which SMLAL multiplies by either. */
DE_INLINE de_pairs de_splat_pair(const int16_t *x)
{
    float pair; /* or it would go through a general register */
    __builtin_memcpy(&pair, x, sizeof pair);
    return vreinterpretq_s16_f32(vdupq_n_f32(pair));
}
DE_INLINE de_ints de_dot_pairs(de_ints sums, de_pairs x, de_pairs y)
{
    sums = vmlal_laneq_s16(sums, vget_low_s16(y), x, 0);
    return vmlal_high_laneq_s16(sums, y, x, 1);
}
DE_INLINE void de_store_pairs(int16_t *y, de_ints even, de_ints odd)
{
    int16x4x2_t pairs = {{vmovn_s32(even), vmovn_s32(odd)}};
    vst2_s16(y, pairs);
}
DE_INLINE void de_store_shorts(int16_t *y, de_ints x)
{
    vst1_s16(y, vmovn_s32(x));
}

#endif
