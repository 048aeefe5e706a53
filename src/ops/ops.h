/* Tensor operations: the contract that every backend implements (cpu/, vulkan/; backend.h says
 * how).
 *
 * Tensors are [n, h, w, c] in a backend's memory, so that a picture is also a list of h*w tokens.
 * Weights are prepared once when a model is opened (on the CPU packed for the kernels: exact in
 * their stored precision where it is f16 or f32, else f32; quick mostly as int16; on a GPU quick as
 * f16) and are read-only afterwards.
 *
 * Ops take temporary memory from the context's arena and give it back before they return. On a
 * measuring arena they only take and give back. Inputs and outputs must not overlap unless said. No
 * op can fail. */
#ifndef DE_OPS_H
#define DE_OPS_H

#include "base/base.h"
#include "kernels/activation.h"
#include "ops/arena.h"
#include "weights/weight.h"

/* ---- devices ---- */

/* A backend and the machine it runs on; its struct is in backend.h. */
typedef struct de_device de_device;

/* "cpu", "gpu:0", ...; NULL: no such device. Static storage. */
const char *de_device_name(diffedit_device which);
/* Behind the functions of these names in diffedit/model.h. */
const diffedit_device_info *const *de_devices(size_t *count);
const char *de_devices_problem(void);
int64_t de_device_get_room(const diffedit_device_info *info);
void de_device_facts(const diffedit_device_info *info, diffedit_fact_fn report, void *user);

/* The device that AUTO means: the first discrete, then the first integrated GPU with `bytes` of
 * free memory; else the CPU, and `reason` says why in one sentence. */
diffedit_device de_device_choose(uint64_t bytes, diffedit_error *reason);
/* Opens the device that networks are made for and run on; `which` is not AUTO. Those of one GPU
 * share it. Errors: ARGUMENT (an environment variable asks for what this machine cannot do), DEVICE
 * (there is no such GPU, or it cannot be used), MEMORY. */
diffedit_status de_device_open(de_device **device, diffedit_device which,
                               diffedit_arithmetic arithmetic, diffedit_error *error);
/* The same machine with arrays of float32, for networks whose activations leave f16's range; what
 * was made for one may run on the other, and memory of one is memory of the other. The device
 * itself where its arrays are float32 already. It is closed with the device. */
de_device *de_device_wide(de_device *device);
/* The family of its kernels, as diffedit_device_info has it; static storage */
const char *de_device_family(const de_device *device);
/* What it was opened for: that of its networks' layers, but for those that are always exact. */
diffedit_arithmetic de_device_arithmetic(const de_device *device);
/* What it is called in sentences, "gpu:0 (NAME)"; NULL: the CPU. */
const char *de_device_title(const de_device *device);
/* A lost device computes no more; what was made for it is freed as ever, and another may be opened
 * in its place. From any thread. */
bool de_device_is_lost(const de_device *device);
/* Comes after whatever was made for it has been freed. NULL is allowed. */
void de_device_close(de_device *device);

/* What was computed. */
typedef struct de_computed {
    double operations; /* multiplications and additions of products, convolutions and attention, as
                          their plain definitions have them */
    double seconds;    /* by the device's own clock; 0 where it has none, as the CPU */
} de_computed;

static inline void de_computed_add(de_computed *sum, de_computed more)
{
    sum->operations += more.operations;
    sum->seconds += more.seconds;
}

/* What ops run with. Each thread that runs networks has its own. */
typedef struct de_context {
    de_device *device;
    de_arena arena;
    int threads;                  /* at least 1; as many while measuring as later */
    struct de_program *recording; /* what a backend's record() calls forward() for; else NULL */
    double operations;            /* of the forward pass that is measured or recorded, so far */
    de_computed computed;         /* of all runs so far */
} de_context;

/* Frees the arena's memory. Its programs run no more then, and remain to be freed. */
void de_context_release(de_context *context);

/* ---- tensors ---- */

/* Memory of a device: on the CPU a pointer, elsewhere an address of its own. Only ops/ looks at it,
 * and knows how large an element is: a float on the CPU, on a GPU that or an f16. 0: none. */
typedef struct de_array {
    uintptr_t at;
} de_array;

typedef struct de_tensor {
    int64_t n, h, w, c;
    int64_t stride; /* elements from one row (pixel, token) to the next; c where it is dense */
    de_array data;
} de_tensor;

static inline int64_t de_tensor_count(de_tensor t)
{
    return t.n * t.h * t.w * t.c;
}
/* A dense tensor that begins where the array does */
static inline de_tensor de_tensor_at(de_array data, int64_t n, int64_t h, int64_t w, int64_t c)
{
    return (de_tensor){n, h, w, c, c, data};
}
/* `count` elements in the arena, and a new dense tensor there */
de_array de_array_new(de_context *context, int64_t count);
de_tensor de_tensor_new(de_context *context, int64_t n, int64_t h, int64_t w, int64_t c);
/* A view of columns [first, first + c) of every row. Only de_attention() takes views; every other
 * tensor must be dense. */
de_tensor de_tensor_columns(const de_context *context, de_tensor t, int64_t first, int64_t c);

/* A dense tensor in memory of its own, of the n, h, w, c of `shape`, that many runs share. To be
 * dropped on the same device; a tensor without data may be dropped too. Errors: MEMORY. */
diffedit_status de_tensor_keep(de_tensor *tensor, de_device *device, de_tensor shape,
                               diffedit_error *error);
/* The same in memory that the host sees too: what goes into a program and comes out of it. */
diffedit_status de_tensor_share(de_tensor *tensor, de_device *device, de_tensor shape,
                                diffedit_error *error);
void de_tensor_drop(de_tensor *tensor, de_device *device);

/* Copies between the host's floats [n, h, w, c] and a shared tensor, between runs; there is no
 * other way across. */
void de_write(de_context *context, const float *from, de_tensor to);
void de_read(de_context *context, de_tensor from, float *to);

/* ---- programs: a network made ready once and run many times ---- */

typedef struct de_program de_program;

/* A forward pass on `context`: ops, and nothing else. It depends only on `user`, which must not
 * change while the program lives, and on the contents of tensors, because a backend may call it
 * once to record the ops and replay those from then on. */
typedef void (*de_forward_fn)(de_context *context, void *user);

/* Calls `forward` once to measure the arena, then allocates it. Only the newest program of a
 * context may be run, since making another may move the arena. Errors: MEMORY, DEVICE. */
diffedit_status de_program_new(de_program **program, de_context *context, de_forward_fn forward,
                               void *user, diffedit_error *error);
/* Returns when the run is finished. Never fails on the CPU. Errors: DEVICE (lost), MEMORY. */
diffedit_status de_program_run(de_program *program, diffedit_error *error);
/* What the last run did; there is one. */
de_computed de_program_computed(const de_program *program);
void de_program_free(de_program *program);
/* Makes a program, runs it and frees it. */
diffedit_status de_program_run_once(de_context *context, de_forward_fn forward, void *user,
                                    diffedit_error *error);

/* ---- vectors: the scales and shifts of norms ---- */

typedef struct de_vector de_vector;

/* weight [count]. Errors: MEMORY. */
diffedit_status de_vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                              diffedit_error *error);
void de_vector_free(de_vector *vector);

/* ---- epilogues ---- */

/* What is done to a product before it is stored: y = activation(product + bias + image_bias) +
 * residual. */
typedef struct de_epilogue {
    de_tensor image_bias; /* [n, 1, 1, c_out], a row for each image, or more; data 0: none */
    de_activation activation;
    de_tensor residual; /* of the output's shape; may be the output itself; data 0: none */
} de_epilogue;

/* ---- linear: y [rows, out] = x [rows, in] W^T + b ---- */

typedef struct de_linear de_linear;

/* weight [out, in] (a 1x1 convolution's [out, in, 1, 1] is the same); bias [out] or NULL.
 * Several weights of equal `in` may be laid side by side in one product (q, k, v): `parts` of them.
 * They are prepared for `arithmetic`, whatever the device's. Errors: MEMORY. */
diffedit_status de_linear_new(de_linear **linear, de_device *device, const de_weight *weights,
                              const de_weight *biases, int parts, diffedit_arithmetic arithmetic,
                              diffedit_error *error);
void de_linear_free(de_linear *linear);
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

/* What a convolution makes of a picture's size: it keeps it, halves it (stride 2), or may be shown
 * pictures twice as large as they are. */
typedef enum de_resampling { DE_SAME_SIZE, DE_HALVING, DE_DOUBLING } de_resampling;

/* weight [out, in, k, k], k 1 or 3 (any odd size works), bias [out]. `resampling` is what later
 * runs do, so that the right form is prepared, for `arithmetic`. Errors: MEMORY. */
diffedit_status de_convolution_new(de_convolution **convolution, de_device *device,
                                   const de_weight *weight, const de_weight *bias,
                                   de_resampling resampling, diffedit_arithmetic arithmetic,
                                   diffedit_error *error);
void de_convolution_free(de_convolution *convolution);
/* y [n, oh, ow, out] with oh = (h + pad_top + pad_bottom - k) / stride + 1. */
void de_convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                        de_convolution_shape shape, de_epilogue epilogue, de_tensor y);

/* ---- norms ---- */

/* GroupNorm over (h, w, c / groups) of each image, then scale and shift [c], then the activation. y
 * may be x. */
void de_group_norm(de_context *context, de_tensor x, int groups, float eps, const de_vector *scale,
                   const de_vector *shift, de_activation activation, de_tensor y);
/* LayerNorm over c of each row. y may be x. */
void de_layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                   const de_vector *shift, de_tensor y);

/* ---- attention ---- */

/* softmax(q k^T / sqrt(d)) v for each image and head. q [n, h, w, heads * d], h*w queries an image;
 * k and v likewise of their own h*w; all three may be columns of wider tensors. y as q, dense.
 * Causal: query i sees keys 0..i, always exact; else as the context's device. Memory grows linearly
 * with queries and keys. */
void de_attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                  de_tensor v, de_tensor y);

/* ---- small ones ---- */

/* y [n, h, w, c] = the one image of x, n times; y may begin with x */
void de_repeat(de_context *context, de_tensor x, de_tensor y);
/* y [n, h, w, a.c + b.c] = a, b side by side; b may have one image, which then stands beside each
 * of a's */
void de_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y);

/* ---- how fast the device is ---- */

/* Operations per second that it reaches with nothing but multiplying and adding in registers, as
 * its networks' layers do: of floats, of int16, of matrices of f16. Takes a part of a second.
 * Errors: MEMORY, DEVICE. */
diffedit_status de_device_measure_peak(double *reached, de_device *device, int threads,
                                       diffedit_error *error);

/* ---- host arrays ---- */

/* [n, c, h, w] <-> [n, h, w, c] */
void de_channels_last(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y);
void de_channels_first(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y);

#endif
