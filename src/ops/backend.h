/* What a backend is: the functions behind ops.h, in the same order. Whoever makes networks or runs
 * them includes ops.h alone. */
#ifndef DE_BACKEND_H
#define DE_BACKEND_H

#include "ops/ops.h"

/* What a backend makes of weights; its own structs begin with these. ops.c fills in the device. */
struct de_vector {
    de_device *device;
};
struct de_linear {
    de_device *device;
};
struct de_convolution {
    de_device *device;
    int64_t taps; /* k * k of its weights; ops.c fills it in too */
};

struct de_program {
    de_context *context;
    de_forward_fn forward;
    void *user;
    void *recorded;    /* the backend's own */
    double operations; /* of a run, as in de_computed */
};

/* Functions take what those of ops.h take; ops.c has checked that tensors are dense where they must
 * be. */
typedef struct de_backend {
    const char *(*family)(const de_device *device);
    bool (*lost)(const de_device *device); /* NULL: it cannot be */
    void (*close)(de_device *device);
    /* Bytes of its memory that are free, as far as it is known. NULL: it is not. */
    uint64_t (*room)(const de_device *device);
    /* 64-byte aligned memory, which write() and read() reach if it is `shared`; 0 where there is
     * not enough */
    uintptr_t (*allocate)(de_device *device, size_t bytes, bool shared);
    void (*deallocate)(de_device *device, uintptr_t memory);
    void (*write)(de_context *context, const float *from, de_tensor to);
    void (*read)(de_context *context, de_tensor from, float *to);

    /* record() calls forward(), on an arena that is large enough, to learn what replay() then does
     * each time. forget() frees program->recorded, also after a record() that failed. seconds() is
     * of the last run, as in de_computed. All four NULL: forward() is called for each run. */
    diffedit_status (*record)(de_program *program, diffedit_error *error);
    diffedit_status (*replay)(de_program *program, diffedit_error *error);
    void (*forget)(de_program *program);
    double (*seconds)(const de_program *program);

    diffedit_status (*vector_new)(de_vector **vector, de_device *device, const de_weight *weight,
                                  diffedit_error *error);
    void (*vector_free)(de_vector *vector);

    diffedit_status (*linear_new)(de_linear **linear, de_device *device, const de_weight *weights,
                                  const de_weight *biases, int parts,
                                  diffedit_arithmetic arithmetic, diffedit_error *error);
    void (*linear_free)(de_linear *linear);
    void (*linear_run)(de_context *context, const de_linear *linear, de_tensor x,
                       de_epilogue epilogue, de_tensor y);
    void (*linear_geglu_run)(de_context *context, const de_linear *linear, de_tensor x,
                             de_tensor y);

    diffedit_status (*convolution_new)(de_convolution **convolution, de_device *device,
                                       const de_weight *weight, const de_weight *bias,
                                       de_resampling resampling, diffedit_arithmetic arithmetic,
                                       diffedit_error *error);
    void (*convolution_free)(de_convolution *convolution);
    void (*convolution_run)(de_context *context, const de_convolution *convolution, de_tensor x,
                            de_convolution_shape shape, de_epilogue epilogue, de_tensor y);

    void (*group_norm)(de_context *context, de_tensor x, int groups, float eps,
                       const de_vector *scale, const de_vector *shift, de_activation activation,
                       de_tensor y);
    void (*layer_norm)(de_context *context, de_tensor x, float eps, const de_vector *scale,
                       const de_vector *shift, de_tensor y);
    void (*attention)(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                      de_tensor v, de_tensor y);
    void (*repeat)(de_context *context, de_tensor x, de_tensor y);
    void (*concatenate)(de_context *context, de_tensor a, de_tensor b, de_tensor y);

    diffedit_status (*measure_peak)(double *reached, de_device *device, int threads,
                                    diffedit_error *error);
} de_backend;

/* A backend's own struct begins with this. */
struct de_device {
    const de_backend *backend;
    diffedit_arithmetic arithmetic;
    size_t element;    /* bytes of an array's */
    de_device *wide;   /* whose element is a float; NULL: itself */
    const char *title; /* "gpu:0 (NAME)"; NULL: the CPU, whose memory is the machine's */
    uint64_t memory;   /* bytes, all that it has; 0: not known */
    size_t largest;    /* bytes that allocate() gives at once, a multiple of 64; 0: any number */
};

/* Fail with MEMORY, in a sentence that names a GPU: there is not enough; an array is larger than
 * the device's `largest`. */
diffedit_status de_device_fail_memory(const de_device *device, size_t bytes, const char *what,
                                      diffedit_error *error);
diffedit_status de_device_fail_beyond(const de_device *device, size_t bytes, diffedit_error *error);

#endif
