/* The compute kernels: single-threaded work on flat arrays. Each has a version in C and one per
 * instruction set; the table with the fastest that this machine can run is chosen once
 * (docs/KERNELS.md).
 *
 * All tables agree on every layout, so that what is packed for one can be used by another. No
 * kernel allocates. A value of the output never depends on which other values are computed in the
 * same call, so that work may be cut anywhere between outputs. */
#ifndef DE_KERNELS_H
#define DE_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/activation.h"

enum {
    DE_PANEL = 16, /* columns that are packed side by side */
    /* F(4x4, 3x3) and F(5x5, 2x2): tiles of 6 x 6 pixels in, 4 x 4 or 5 x 5 out */
    DE_WINOGRAD_IN = 6,
    DE_WINOGRAD_MAX_OUT = 5,
    DE_WINOGRAD_POINTS = 36,
    DE_ATTENTION_QUERIES = 96, /* most queries in a call */
    DE_ATTENTION_KEYS = 126,   /* keys in a block */
    DE_ATTENTION_WIDEST = 32,  /* most queries that a table computes side by side */
    DE_ATTENTION_GROUP = 12,   /* most columns of values side by side: two tiles of six, or one */
};

static inline int64_t de_round_up(int64_t value, int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

/* What the weights of a product are stored as. The sums of f32 and f16 weights are f32, and so are
 * the rows that they are multiplied with. Where weights are int16, so are the rows: sums are int32
 * and exact, whatever their order, and every table gives the same bits. */
typedef enum de_kind { DE_KIND_F32, DE_KIND_F16, DE_KIND_I16 } de_kind;

/* y [rows, columns] = activation(sum over taps of x_tap [rows, depth] w_tap [depth, columns] +
 * bias) + residual
 *
 * The rows of x are given one by one, so that a convolution needs no copy of its input. A tap is a
 * pixel of the convolution's window; a plain product has one tap.
 *
 * With a gate it is y = (x w + bias) gelu(x gate + gate_bias), without activation and residual.
 *
 * Of int16 there is one tap, and x w is the sum times (row scale times column scale). */
typedef struct de_gemm {
    int64_t rows, taps, depth, columns;
    de_kind kind;
    /* [taps, rows] of pointers to `depth` floats; or to as many int16, and a 0 if depth is odd */
    const void *const *x;
    /* [ceil(columns / 16), taps, depth, 16], 64-byte aligned; of int16 [ceil(columns / 16),
     * ceil(depth / 2), 16, 2] */
    const void *panels;
    const float *row_scales;    /* int16: [rows] */
    const float *column_scales; /* int16: [columns rounded up to 16] */
    const float *bias;          /* [columns rounded up to 16], or NULL */
    const void *gate;           /* NULL, or panels like `panels` */
    const float *gate_scales, *gate_bias;
    de_activation activation;
    const float *residual; /* NULL, or laid out like y; may be y */
    float *y;
    int64_t y_stride;
} de_gemm;

/* How a filter of three taps (g0, g1, g2) is used in one direction: as it is; or, where a picture
 * is upsampled by repeating each pixel, as the filter of two taps on the small picture that gives
 * the odd or the even pixels: (g0 + g1, g2) or (g0, g1 + g2). */
typedef enum de_taps { DE_TAPS_ALL, DE_TAPS_ODD, DE_TAPS_EVEN } de_taps;

/* Winograd's weights for rows `pair` of the 6 x 6 points, of some channels of one panel: pair 0 is
 * rows 0 and 5, 1 is 1 and 2, 2 is 3 and 4. */
typedef struct de_winograd_weights {
    const void *panel; /* [9, channels, 16] */
    de_kind kind;      /* of the panel: f32 or f16 */
    int64_t channels;
    int64_t begin, count;  /* the channels to transform */
    de_taps rows, columns; /* both DE_TAPS_ALL, or neither */
    int pair;
    const float *scales; /* NULL, or [2, 6] of [16], scale_stride floats apart: of the integers */
    int64_t scale_stride;
    /* [2, 6] of f32 [count, 16]; with scales of int16 [ceil(count / 2), 16, 2], and a 0 if count is
     * odd; point_stride values apart */
    void *out;
    int64_t point_stride;
} de_winograd_weights;

/* 4 x 4 outputs of a convolution, or 5 x 5 where its filters have two taps. Of these the rows top
 * to height - 1 and columns left to width - 1 are stored, row_stride and column_stride floats
 * apart; y[first] is where output (0, 0) belongs, stored or not. */
typedef struct de_winograd_output {
    /* [36] of [channels], point_stride floats apart; channels padded to 16 */
    const float *products;
    int64_t point_stride, channels;
    int outputs; /* 4 or 5 */
    int top, left, height, width;
    const float *bias; /* [channels rounded up to 16] */
    de_activation activation;
    const float *residual; /* NULL, or like y; may be y */
    float *y;
    int64_t first, row_stride, column_stride;
} de_winograd_output;

/* y [queries, d] = softmax(scale q k^T) v, with powers of two in place of those of e: the scale is
 * log2(e) / sqrt(d). */
typedef struct de_attention_block {
    int64_t queries, keys, d;
    const float *q; /* [queries] of [d], q_stride floats apart */
    int64_t q_stride;
    float scale;
    /* [keys, d], and groups of columns (de_attention_group), each [keys, columns]; or what
     * attention_pack_quick makes of them */
    const void *k, *v;
    const float *k_scales, *v_scales;
    bool causal; /* query i sees keys 0..first_query + i; not if quick */
    int64_t first_query;
    float *scratch; /* de_attention_scratch(d) floats, 64-byte aligned */
    float *y;       /* [queries] of [d], y_stride floats apart */
    int64_t y_stride;
} de_attention_block;

/* A block of keys and values that are to be int16. */
typedef struct de_attention_rows {
    int64_t rows, d;    /* rows: at most DE_ATTENTION_KEYS */
    const float *k, *v; /* [rows] of [d] */
    int64_t k_stride, v_stride;
    int64_t first, keys; /* they are keys first.. of so many; first is n DE_ATTENTION_KEYS */
    void *packed_k;      /* [keys, d rounded up to 2] */
    void *packed_v;      /* groups of columns, each [ceil(keys / 2), columns, 2] */
    /* int16 is to be multiplied with: [keys]; [ceil(keys / DE_ATTENTION_KEYS), d] */
    float *k_scales, *v_scales;
} de_attention_rows;

/* Rows of floats that become int16: each is `parts` pieces of `depth` floats, one after the other.
 */
typedef struct de_i16_rows {
    const float *const *pieces; /* of row r: pieces[r], pieces[r + stride], .. */
    int64_t rows, parts, stride, depth;
} de_i16_rows;

typedef struct de_kernels {
    const char *name;

    void (*gemm)(const de_gemm *gemm);
    /* Rows of int16 for a product: out [rows] of [parts * depth, and a 0 if that is odd],
     * out_stride apart, are the rows divided by their scales (i16.h). The same bits in every table.
     */
    void (*quantise)(const de_i16_rows *rows, int16_t *out, int64_t out_stride, float *scales);
    /* The same of the 16 columns of a panel [depth, 16] of f32 or f16: out [ceil(depth / 2), 16, 2]
     * and their scales [16]. */
    void (*quantise_panel)(const void *panel, de_kind kind, int64_t depth, int16_t *out,
                           float *scales);

    void (*winograd_weights)(const de_winograd_weights *weights);
    /* The scales of the int16 that the weights of `count` channels can become (i16.h): `scales` as
     * in de_winograd_weights, whose `out` is not used. */
    void (*winograd_scales)(const de_winograd_weights *weights, float *scales);
    /* pixels [6, 6] of pointers to `channels` floats -> out [36] of [channels rounded up to 16],
     * point_stride floats apart. `next` are the pixels of the tile that follows, which are fetched
     * into the cache meanwhile, or NULL. */
    void (*winograd_input)(const float *const *pixels, const float *const *next, int64_t channels,
                           float *out, int64_t point_stride);
    void (*winograd_output)(const de_winograd_output *tile);

    void (*attention)(const de_attention_block *block);
    /* The same with products of int16; both NULL where those are no faster */
    void (*attention_quick)(const de_attention_block *block);
    void (*attention_pack_quick)(const de_attention_rows *rows);

    /* sum [c] += x, square [c] += x^2 over the rows of x [rows, c], in double precision */
    void (*channel_sums)(const float *x, int64_t rows, int64_t c, double *sum, double *square);
    /* y [rows, c] = activation(x * scale [c] + shift [c]); y may be x */
    void (*scale_shift)(const float *x, int64_t rows, int64_t c, const float *scale,
                        const float *shift, de_activation activation, float *y);
    /* y [rows, c] = (x - mean) / sqrt(variance + eps) * scale [c] + shift [c], by row; y may be x
     */
    void (*layer_norm)(const float *x, int64_t rows, int64_t c, float eps, const float *scale,
                       const float *shift, float *y);
    /* y may be x */
    void (*activate)(const float *x, int64_t count, de_activation activation, float *y);

    /* Multiplies and adds in registers, as fast as this instruction set can, and returns the number
     * of floating-point operations: the peak that the speed of other kernels is compared with. */
    double (*multiply_add)(int64_t rounds);
    /* The same of products of int16 with sums of int32. */
    double (*multiply_add_pairs)(int64_t rounds);
} de_kernels;

/* How many rows the next tile has when `left` are left: `most`, but a small remainder is shared out
 * (6 + 1 become 4 + 3), because a tile of one row waits for its own sums. */
static inline int64_t de_tile_rows(int64_t left, int64_t most)
{
    if (left >= 2 * most || left == most)
        return most;
    return left > most ? (left + 1) / 2 : left;
}

/* The layout of values: the number of columns in the next group when `left` are left, as many as in
 * two tiles of six. */
static inline int64_t de_attention_group(int64_t left)
{
    int64_t first = de_tile_rows(left, DE_ATTENTION_GROUP / 2);
    return first + de_tile_rows(left - first, DE_ATTENTION_GROUP / 2);
}

/* Floats of scratch memory that an attention block needs, for weights (the same as integers), sums
 * of values, and packed queries. */
static inline int64_t de_attention_scratch(int64_t d)
{
    return DE_ATTENTION_KEYS * DE_ATTENTION_WIDEST * 3 / 2 + 2 * DE_ATTENTION_QUERIES * d;
}

/* The table in use: the fastest that this machine can run, or the one that DIFFEDIT_CPU names. */
const de_kernels *de_kernels_get(void);
/* NULL, or an error message if DIFFEDIT_CPU names no table or one that this machine cannot run; the
 * plain C table is then in use. */
const char *de_kernels_problem(void);
/* The table of a name ("ref", "avx2", ..); NULL if it is unknown or this machine cannot run it. */
const de_kernels *de_kernels_find(const char *name);
/* For tests and benchmarks: uses another table from now on. No other thread may be computing. */
void de_kernels_use(const de_kernels *kernels);

extern const de_kernels de_kernels_ref;
/* linked if the compiler targets x86-64 and knows the instructions */
extern const de_kernels de_kernels_avx2, de_kernels_avxvnni, de_kernels_avx512;
/* linked if it targets AArch64 */
extern const de_kernels de_kernels_neon;

#endif
