#include <stdlib.h>

#include "ops/cpu/cpu.h"
#include "ops/cpu/product.h"

typedef struct cpu_linear {
    de_linear base;
    de_panels panels;
    float *bias; /* [columns padded to 16] */
} cpu_linear;

static const cpu_linear *of(const de_linear *linear)
{
    return (const cpu_linear *)linear;
}

diffedit_status de_cpu_linear_new(de_linear **linear, de_device *device, const de_weight *weights,
                                  const de_weight *biases, int parts,
                                  diffedit_arithmetic arithmetic, diffedit_error *error)
{
    (void)device;
    cpu_linear *made = calloc(1, sizeof *made);
    if (!made)
        return de_fail_memory(error, sizeof *made, "a linear layer");
    diffedit_status status = de_panels_pack(&made->panels, weights, parts, arithmetic, NULL, NULL,
                                            error);
    if (status == DIFFEDIT_OK) {
        made->bias = de_panels_pack_bias(&made->panels, biases, parts);
        if (!made->bias)
            status = de_fail_memory(error, (size_t)made->panels.columns * sizeof(float), "a bias");
    }
    if (status != DIFFEDIT_OK) {
        de_cpu_linear_free(&made->base);
        return status;
    }
    *linear = &made->base;
    return DIFFEDIT_OK;
}

void de_cpu_linear_free(de_linear *linear)
{
    cpu_linear *made = (cpu_linear *)linear;
    de_panels_free(&made->panels);
    free(made->bias);
    free(made);
}

/* the rows of a dense array */
static void dense_rows(const void *source, int64_t first, int64_t rows, const float **x)
{
    const de_tensor *tensor = source;
    const float *data = de_cpu_floats(*tensor);
    for (int64_t r = 0; r < rows; r++)
        x[r] = data + (first + r) * tensor->c;
}

static de_product product_of(const de_linear *linear, const de_tensor *x)
{
    return (de_product){
        .panels = &of(linear)->panels,
        .bias = of(linear)->bias,
        .rows_fn = dense_rows,
        .source = x,
        .images = x->n,
        .image_rows = de_tensor_rows(*x),
    };
}

void de_cpu_linear_run(de_context *context, const de_linear *linear, de_tensor x,
                       de_epilogue epilogue, de_tensor y)
{
    de_product product = product_of(linear, &x);
    product.epilogue = epilogue;
    product.y = de_cpu_floats(y);
    de_product_run(context, &product);
}

/* wide [rows, 2 c] = [value, gate] -> y [rows, c] */
typedef struct gating {
    const float *wide;
    float *y;
    int64_t c;
} gating;

static void gate_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const gating *job = user;
    (void)thread;
    for (int64_t row = begin; row < end; row++) {
        const float *value = job->wide + row * 2 * job->c;
        float *y = job->y + row * job->c;
        de_kernels_get()->activate(value + job->c, job->c, DE_GELU, y);
        for (int64_t i = 0; i < job->c; i++)
            y[i] *= value[i];
    }
}

void de_cpu_linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x, de_tensor y)
{
    if (of(linear)->panels.columns % (2 * DE_PANEL) == 0) {
        de_product product = product_of(linear, &x);
        product.gated = true;
        product.y = de_cpu_floats(y);
        de_product_run(context, &product);
        return;
    }
    /* Gates that begin inside a panel, in small networks only: in two passes. */
    size_t mark = de_arena_mark(&context->arena);
    de_tensor wide = de_tensor_new(context, x.n, x.h, x.w, 2 * y.c);
    de_cpu_linear_run(context, linear, x, (de_epilogue){0}, wide);
    gating job = {de_cpu_floats(wide), de_cpu_floats(y), y.c};
    if (!context->arena.measuring)
        de_parallel_for(context->threads, x.n * x.h * x.w, 16, gate_rows, &job);
    de_arena_release(&context->arena, mark);
}
