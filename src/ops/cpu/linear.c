#include <stdlib.h>

#include "ops/cpu/product.h"

struct de_linear {
    de_panels panels;
    float *bias; /* [columns padded to 16] */
};

diffedit_status de_linear_new(de_linear **linear, const de_weight *weights, const de_weight *biases,
                              int parts, diffedit_error *error)
{
    *linear = NULL;
    de_linear *made = calloc(1, sizeof *made);
    if (!made)
        return de_fail_memory(error, sizeof *made, "a linear layer");
    diffedit_status status = de_panels_pack(&made->panels, weights, parts, error);
    if (status == DIFFEDIT_OK) {
        made->bias = de_panels_pack_bias(&made->panels, biases, parts);
        if (!made->bias)
            status = de_fail_memory(error, (size_t)made->panels.columns * sizeof(float), "a bias");
    }
    if (status != DIFFEDIT_OK) {
        de_linear_free(made);
        return status;
    }
    *linear = made;
    return DIFFEDIT_OK;
}

void de_linear_free(de_linear *linear)
{
    if (!linear)
        return;
    free(linear->panels.data);
    free(linear->bias);
    free(linear);
}

int64_t de_linear_out(const de_linear *linear)
{
    return linear->panels.columns;
}

/* the rows of a dense array */
static void dense_rows(const void *source, int64_t first, int64_t rows, const float **x)
{
    const de_tensor *tensor = source;
    for (int64_t r = 0; r < rows; r++)
        x[r] = tensor->data + (first + r) * tensor->c;
}

static de_product product_of(const de_linear *linear, const de_tensor *x)
{
    return (de_product){
        .panels = &linear->panels,
        .bias = linear->bias,
        .rows_fn = dense_rows,
        .source = x,
        .images = x->n,
        .image_rows = x->h * x->w,
    };
}

void de_linear_run(de_context *context, const de_linear *linear, de_tensor x, de_epilogue epilogue,
                   de_tensor y)
{
    de_product product = product_of(linear, &x);
    product.epilogue = epilogue;
    product.y = y.data;
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

void de_linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x, de_tensor y)
{
    if (linear->panels.columns % (2 * DE_PANEL) == 0) {
        de_product product = product_of(linear, &x);
        product.gated = true;
        product.y = y.data;
        de_product_run(context, &product);
        return;
    }
    /* Gates that begin inside a panel, in small networks only: in two passes. */
    size_t mark = de_arena_mark(&context->arena);
    de_tensor wide = de_tensor_new(context, x.n, x.h, x.w, 2 * y.c);
    de_linear_run(context, linear, x, (de_epilogue){0}, wide);
    gating job = {wide.data, y.data, y.c};
    if (!context->arena.measuring)
        de_parallel_for(context->threads, x.n * x.h * x.w, 16, gate_rows, &job);
    de_arena_release(&context->arena, mark);
}
