/* Ops of the Vulkan backend against the CPU's, through ops.h alone. */
#ifndef DE_GPU_HARNESS_H
#define DE_GPU_HARNESS_H

#include "harness.h"

enum { GPU_INPUTS = 4 };

/* What a case has made for a device; what it lacks is NULL. */
typedef struct gpu_layers {
    de_linear *linear;
    de_convolution *convolution;
    de_vector *scale, *shift;
} gpu_layers;

typedef struct gpu_case gpu_case;
struct gpu_case {
    const char *name;
    /* Tensors of the host with values that f16 can hold (half_tensor()); data 0: not there */
    de_tensor in[GPU_INPUTS];
    de_tensor out; /* a shape */
    int in_place;  /* the input that is the output too; -1: none */
    void (*make)(const gpu_case *test, gpu_layers *made, de_device *device,
                 diffedit_arithmetic arithmetic); /* NULL: needs no layers */
    void (*forward)(de_context *context, const gpu_case *test, const gpu_layers *layers,
                    const de_tensor *in, de_tensor out);
    const void *user;
    /* Of |y - the CPU's|, as a share of its largest: with arrays of f32 and the weights as they
     * are; with arrays or weights of f16 */
    double exact, quick;
};

/* A dense tensor of random values that f16 can hold; free(floats_of()) it */
de_tensor half_tensor(int64_t n, int64_t h, int64_t w, int64_t c);
/* x = what f16 can hold of factor x + offset */
void rescale(de_tensor x, float factor, float offset);
/* A number of columns: odd ones, and those that the shaders take four at a time */
int64_t random_width(void);
/* Frees the inputs. */
void free_inputs(gpu_case *test);
/* Runs the case on gpu:0 in every arithmetic: near what the exact CPU makes of it, and the same
 * bits when it is run again. */
void check_gpu(const gpu_case *test);
/* gpu:0, opened for an arithmetic */
de_device *gpu_device(diffedit_arithmetic arithmetic);
/* y = what the case makes there, its layers prepared for the same arithmetic */
void run_gpu(const gpu_case *test, diffedit_arithmetic arithmetic, float *y);
/* The start and the end of a group of tests: opens gpu:0, which may be software here; closes it and
 * prints the largest errors that were seen. */
int open_gpus(void **state);
int close_gpus(void **state);

#endif
