#include <stdlib.h>
#include <string.h>

#include "ops/cpu/cpu.h"
#include "ops/cpu/product.h"
#include "ops/cpu/window.h"
#include "ops/cpu/winograd.h"

typedef struct cpu_convolution {
    de_convolution base;
    de_panels panels; /* [ceil(out / 16), k * k, in, 16] */
    float *bias;      /* [out padded to 16] */
    float *zeros;     /* [in], a pixel outside */
    int64_t size;     /* k */
    de_resampling resampling;
    de_winograd_scales scales; /* quick */
} cpu_convolution;

/* Fewer channels in than this are not worth transforming, nor converting. */
enum { MIN_CHANNELS = 16 };

static bool uses_winograd(const cpu_convolution *convolution, int64_t channels)
{
    return convolution->size == 3 && convolution->resampling != DE_HALVING &&
           channels >= MIN_CHANNELS;
}

diffedit_status de_cpu_convolution_new(de_convolution **convolution, de_device *device,
                                       const de_weight *weight, const de_weight *bias,
                                       de_resampling resampling, diffedit_arithmetic arithmetic,
                                       diffedit_error *error)
{
    (void)device;
    cpu_convolution *made = calloc(1, sizeof *made);
    if (!made)
        return de_fail_memory(error, sizeof *made, "a convolution");
    made->size = weight->shape[2];
    made->resampling = resampling;
    if (weight->shape[1] < MIN_CHANNELS)
        arithmetic = DIFFEDIT_ARITHMETIC_EXACT;
    bool winograd = uses_winograd(made, weight->shape[1]),
         quick = arithmetic == DIFFEDIT_ARITHMETIC_QUICK;
    /* Winograd's weights become int16 only when they are transformed. */
    diffedit_status status = DIFFEDIT_OK;
    if (winograd && quick)
        status = de_winograd_scales_new(&made->scales, weight->shape[0], resampling == DE_DOUBLING,
                                        error);
    if (status == DIFFEDIT_OK)
        status = de_panels_pack(
            &made->panels, weight, 1, winograd ? DIFFEDIT_ARITHMETIC_EXACT : arithmetic,
            winograd && quick ? de_winograd_scale_panel : NULL, &made->scales, error);
    if (status == DIFFEDIT_OK) {
        size_t zeros = (size_t)made->panels.depth;
        made->bias = de_panels_pack_bias(&made->panels, bias, 1);
        made->zeros = calloc(zeros, sizeof *made->zeros);
        if (!made->bias || !made->zeros)
            status = de_fail_memory(error, zeros * sizeof *made->zeros, "a convolution");
    }
    if (status != DIFFEDIT_OK) {
        de_cpu_convolution_free(&made->base);
        return status;
    }
    *convolution = &made->base;
    return DIFFEDIT_OK;
}

void de_cpu_convolution_free(de_convolution *convolution)
{
    cpu_convolution *made = (cpu_convolution *)convolution;
    de_panels_free(&made->panels);
    free(made->bias);
    free(made->zeros);
    free(made->scales.values);
    free(made);
}

typedef struct window_source {
    const cpu_convolution *convolution;
    de_tensor x;
    de_convolution_shape shape;
    int64_t out_h, out_w;
} window_source;

/* the windows of some outputs: x [k * k, rows] */
static void window_rows(const void *user, int64_t first, int64_t rows, const float **x)
{
    const window_source *source = user;
    int64_t size = source->convolution->size, stride = source->shape.stride;
    for (int64_t r = 0; r < rows; r++) {
        int64_t pixel = first + r, column = pixel % source->out_w, line = pixel / source->out_w;
        int64_t image = line / source->out_h;
        line %= source->out_h;
        for (int64_t tap = 0; tap < size * size; tap++)
            x[tap * rows + r] = de_window_pixel(
                &source->x, &source->shape, image, line * stride + tap / size,
                column * stride + tap % size, source->convolution->zeros);
    }
}

void de_cpu_convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                            de_convolution_shape shape, de_epilogue epilogue, de_tensor y)
{
    const cpu_convolution *made = (const cpu_convolution *)convolution;
    if (uses_winograd(made, x.c)) {
        de_winograd winograd = {&made->panels, made->bias, made->zeros,
                                made->resampling == DE_DOUBLING, made->scales.values};
        de_winograd_run(context, &winograd, x, shape, epilogue, y);
        return;
    }
    window_source source = {made, x, shape, y.h, y.w};
    de_product product = {
        .panels = &made->panels,
        .bias = made->bias,
        .rows_fn = window_rows,
        .source = &source,
        .images = y.n,
        .image_rows = de_tensor_rows(y),
        .epilogue = epilogue,
        .y = de_cpu_floats(y),
    };
    de_product_run(context, &product);
}
