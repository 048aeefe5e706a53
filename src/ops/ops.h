/* Tensor operations: the contract that every backend implements (cpu/ now).
 *
 * Tensors are float32, dense, [n, h, w, c] in memory, so that a picture is also a list of h*w
 * tokens. Weights are prepared once when a model is opened (packed for the kernels, in their stored
 * precision where it is f16 or f32; bf16 becomes f32) and are read-only afterwards.
 *
 * Ops take temporary memory from the context's arena and give it back before they return. On a
 * measuring arena they only take and give back. Inputs and outputs must not overlap unless said. No
 * op can fail. */
#ifndef DE_OPS_H
#define DE_OPS_H

#include "base/base.h"
#include "kernels/activation.h"
#include "weights/weight.h"

typedef struct de_context {
    de_arena arena;
    int threads; /* at least 1; as many while measuring as later */
} de_context;

typedef struct de_tensor {
    int64_t n, h, w, c;
    float *data;
} de_tensor;

/* A new tensor in the arena. */
de_tensor de_tensor_new(de_context *context, int64_t n, int64_t h, int64_t w, int64_t c);
static inline int64_t de_tensor_count(de_tensor t)
{
    return t.n * t.h * t.w * t.c;
}

/* What is done to a product before it is stored: y = activation(product + bias + image_bias) +
 * residual. */
typedef struct de_epilogue {
    const float *image_bias; /* [n, c_out], one row for each image of the batch; or NULL */
    de_activation activation;
    const float *residual; /* of the output's shape; may be the output itself; or NULL */
} de_epilogue;

/* ---- linear: y [rows, out] = x [rows, in] W^T + b ---- */

typedef struct de_linear de_linear;

/* weight [out, in] (a 1x1 convolution's [out, in, 1, 1] is the same); bias [out] or NULL.
 * Several weights of equal `in` may be laid side by side in one product (q, k, v): `parts` of them.
 * Errors: MEMORY. */
diffedit_status de_linear_new(de_linear **linear, const de_weight *weights, const de_weight *biases,
                              int parts, diffedit_error *error);
void de_linear_free(de_linear *linear);
int64_t de_linear_out(const de_linear *linear);
/* x, y: n*h*w rows of c; y.c = out. */
void de_linear_run(de_context *context, const de_linear *linear, de_tensor x, de_epilogue epilogue,
                   de_tensor y);
/* GEGLU (Shazeer 2020): W x + b = [value, gate], y [rows, out / 2] = value * gelu(gate), gelu by
 * erf. */
void de_linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x, de_tensor y);

/* ---- convolution ---- */

typedef struct de_convolution de_convolution;

typedef struct de_convolution_shape {
    int stride;                                   /* 1 or 2 */
    int pad_top, pad_left, pad_bottom, pad_right; /* zeros */
    /* Nearest-neighbour enlargement of the input before the convolution: x is read as if it had
     * up_h x up_w pixels (source index floor(i * h / up_h)); 0: none. */
    int64_t up_h, up_w;
} de_convolution_shape;

/* weight [out, in, k, k], k 1 or 3 (any odd size works), bias [out]. `stride` is that of later
 * runs, so that the right form is prepared. Errors: MEMORY. */
diffedit_status de_convolution_new(de_convolution **convolution, const de_weight *weight,
                                   const de_weight *bias, int stride, diffedit_error *error);
void de_convolution_free(de_convolution *convolution);
/* y [n, oh, ow, out] with oh = (h + pad_top + pad_bottom - k) / stride + 1. */
void de_convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                        de_convolution_shape shape, de_epilogue epilogue, de_tensor y);

/* ---- norms ---- */

/* GroupNorm over (h, w, c / groups) of each image, then scale and shift [c], then the activation. y
 * may be x. */
void de_group_norm(de_context *context, de_tensor x, int groups, float eps, const float *scale,
                   const float *shift, de_activation activation, de_tensor y);
/* LayerNorm over c of each row. y may be x. */
void de_layer_norm(de_context *context, de_tensor x, float eps, const float *scale,
                   const float *shift, de_tensor y);

/* ---- attention ---- */

/* softmax(q k^T / sqrt(d)) v for each image and head. q [n, tq, heads * d] with rows `q_stride`
 * floats apart, k and v [n, tk, heads * d] likewise, y [n, tq, heads * d] dense. Images are t *
 * stride floats apart. Memory grows linearly with tq and tk. */
typedef struct de_attention_shape {
    int64_t n, tq, tk, heads, d;
    int64_t q_stride, k_stride, v_stride;
    bool causal; /* query i sees keys 0..i */
} de_attention_shape;

void de_attention(de_context *context, de_attention_shape shape, const float *q, const float *k,
                  const float *v, float *y);

/* ---- small ones ---- */

/* y [n, h, w, c] = the one image of x, n times; y may begin with x */
void de_repeat(de_context *context, de_tensor x, de_tensor y);
/* y [n, h, w, a.c + b.c] = a, b side by side; b may have one image, which then stands beside each
 * of a's */
void de_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y);
/* [n, c, h, w] <-> [n, h, w, c] */
void de_channels_last(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y);
void de_channels_first(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y);

/* ---- what the machine can do ---- */

/* Floating-point operations per second that `threads` threads reach with nothing but multiplying
 * and adding. */
double de_measure_peak(int threads);

#endif
