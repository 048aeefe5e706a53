/* Every op goes through the table of the context's device. */
#include <assert.h>
#include <stdio.h>

#include "ops/backend.h"

static const de_backend *backend_of(const de_context *context)
{
    return context->device->backend;
}

static bool is_dense(de_tensor t)
{
    return !t.data.at || t.stride == t.c;
}

/* ---- devices ---- */

diffedit_arithmetic de_device_arithmetic(const de_device *device)
{
    return device->arithmetic;
}

const char *de_device_family(const de_device *device)
{
    return device->backend->family(device);
}

de_device *de_device_wide(de_device *device)
{
    return device->wide ? device->wide : device;
}

const char *de_device_title(const de_device *device)
{
    return device->title;
}

bool de_device_is_lost(const de_device *device)
{
    return device->backend->lost && device->backend->lost(device);
}

diffedit_status de_device_fail_memory(const de_device *device, size_t bytes, const char *what,
                                      diffedit_error *error)
{
    if (!device->title)
        return de_fail_memory(error, bytes, what);
    char free[32] = "";
    uint64_t room = device->backend->room ? device->backend->room(device) : device->memory;
    if (room < device->memory)
        snprintf(free, sizeof free, "%.1f GB free of ", (double)room * 1e-9);
    return de_fail(error, DIFFEDIT_ERROR_MEMORY,
                   "out of memory on %s, which has %s%.1f GB: %.1f MB for %s", device->title, free,
                   (double)device->memory * 1e-9, (double)bytes * 1e-6, what);
}

diffedit_status de_device_fail_beyond(const de_device *device, size_t bytes, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_MEMORY,
                   "an array has at most %.1f MB on %s, and one of %.1f MB is needed",
                   (double)device->largest * 1e-6, device->title, (double)bytes * 1e-6);
}

void de_device_close(de_device *device)
{
    if (device)
        device->backend->close(device);
}

/* ---- tensors ---- */

de_array de_array_new(de_context *context, int64_t count)
{
    size_t bytes = (size_t)count * context->device->element;
    return (de_array){de_arena_take(&context->arena, bytes)};
}

de_tensor de_tensor_new(de_context *context, int64_t n, int64_t h, int64_t w, int64_t c)
{
    return de_tensor_at(de_array_new(context, n * h * w * c), n, h, w, c);
}

de_tensor de_tensor_columns(const de_context *context, de_tensor t, int64_t first, int64_t c)
{
    t.data.at += (size_t)first * context->device->element;
    t.c = c;
    return t;
}

static diffedit_status allocate(de_tensor *tensor, de_device *device, de_tensor shape, bool shared,
                                diffedit_error *error)
{
    size_t bytes = (size_t)de_tensor_count(shape) * device->element;
    *tensor = (de_tensor){0};
    if (device->largest && bytes > device->largest)
        return de_device_fail_beyond(device, bytes, error);
    uintptr_t memory = device->backend->allocate(device, bytes, shared);
    *tensor = de_tensor_at((de_array){memory}, shape.n, shape.h, shape.w, shape.c);
    return memory ? DIFFEDIT_OK : de_device_fail_memory(device, bytes, "a tensor", error);
}

diffedit_status de_tensor_keep(de_tensor *tensor, de_device *device, de_tensor shape,
                               diffedit_error *error)
{
    return allocate(tensor, device, shape, false, error);
}

diffedit_status de_tensor_share(de_tensor *tensor, de_device *device, de_tensor shape,
                                diffedit_error *error)
{
    return allocate(tensor, device, shape, true, error);
}

void de_tensor_drop(de_tensor *tensor, de_device *device)
{
    if (tensor->data.at)
        device->backend->deallocate(device, tensor->data.at);
    *tensor = (de_tensor){0};
}

void de_write(de_context *context, const float *from, de_tensor to)
{
    assert(is_dense(to));
    backend_of(context)->write(context, from, to);
}

void de_read(de_context *context, de_tensor from, float *to)
{
    assert(is_dense(from));
    backend_of(context)->read(context, from, to);
}

/* ---- weights ---- */

diffedit_status de_vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                              diffedit_error *error)
{
    *vector = NULL;
    diffedit_status status = device->backend->vector_new(vector, device, weight, error);
    if (status == DIFFEDIT_OK)
        (*vector)->device = device;
    return status;
}

void de_vector_free(de_vector *vector)
{
    if (vector)
        vector->device->backend->vector_free(vector);
}

diffedit_status de_linear_new(de_linear **linear, de_device *device, const de_weight *weights,
                              const de_weight *biases, int parts, diffedit_arithmetic arithmetic,
                              diffedit_error *error)
{
    *linear = NULL;
    diffedit_status status = device->backend->linear_new(linear, device, weights, biases, parts,
                                                         arithmetic, error);
    if (status == DIFFEDIT_OK)
        (*linear)->device = device;
    return status;
}

void de_linear_free(de_linear *linear)
{
    if (linear)
        linear->device->backend->linear_free(linear);
}

diffedit_status de_convolution_new(de_convolution **convolution, de_device *device,
                                   const de_weight *weight, const de_weight *bias,
                                   de_resampling resampling, diffedit_arithmetic arithmetic,
                                   diffedit_error *error)
{
    *convolution = NULL;
    diffedit_status status = device->backend->convolution_new(convolution, device, weight, bias,
                                                              resampling, arithmetic, error);
    if (status == DIFFEDIT_OK) {
        (*convolution)->device = device;
        (*convolution)->taps = weight->shape[2] * weight->shape[3];
    }
    return status;
}

void de_convolution_free(de_convolution *convolution)
{
    if (convolution)
        convolution->device->backend->convolution_free(convolution);
}

/* ---- ops ---- */

/* Of `rows` rows of `out` numbers, each the sum of `in` products */
static void count(de_context *context, int64_t rows, int64_t in, int64_t out)
{
    if (context->arena.measuring || context->recording)
        context->operations += 2.0 * (double)rows * (double)in * (double)out;
}

static int64_t rows_of(de_tensor t)
{
    return t.n * t.h * t.w;
}

void de_linear_run(de_context *context, const de_linear *linear, de_tensor x, de_epilogue epilogue,
                   de_tensor y)
{
    assert(is_dense(x) && is_dense(epilogue.image_bias) && is_dense(epilogue.residual) &&
           is_dense(y));
    count(context, rows_of(x), x.c, y.c);
    backend_of(context)->linear_run(context, linear, x, epilogue, y);
}

void de_linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x, de_tensor y)
{
    assert(is_dense(x) && is_dense(y));
    count(context, rows_of(x), x.c, 2 * y.c);
    backend_of(context)->linear_geglu_run(context, linear, x, y);
}

void de_convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                        de_convolution_shape shape, de_epilogue epilogue, de_tensor y)
{
    assert(is_dense(x) && is_dense(epilogue.image_bias) && is_dense(epilogue.residual) &&
           is_dense(y));
    count(context, rows_of(y), convolution->taps * x.c, y.c);
    backend_of(context)->convolution_run(context, convolution, x, shape, epilogue, y);
}

void de_group_norm(de_context *context, de_tensor x, int groups, float eps, const de_vector *scale,
                   const de_vector *shift, de_activation activation, de_tensor y)
{
    assert(is_dense(x) && is_dense(y));
    backend_of(context)->group_norm(context, x, groups, eps, scale, shift, activation, y);
}

void de_layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                   const de_vector *shift, de_tensor y)
{
    assert(is_dense(x) && is_dense(y));
    backend_of(context)->layer_norm(context, x, eps, scale, shift, y);
}

void de_attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                  de_tensor v, de_tensor y)
{
    assert(is_dense(y));
    count(context, rows_of(q), 2 * k.h * k.w, q.c); /* scores, and sums of values */
    backend_of(context)->attention(context, heads, causal, q, k, v, y);
}

void de_repeat(de_context *context, de_tensor x, de_tensor y)
{
    assert(is_dense(x) && is_dense(y));
    backend_of(context)->repeat(context, x, y);
}

void de_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    assert(is_dense(a) && is_dense(b) && is_dense(y));
    backend_of(context)->concatenate(context, a, b, y);
}

/* ---- how fast the device is ---- */

diffedit_status de_device_measure_peak(double *reached, de_device *device, int threads,
                                       diffedit_error *error)
{
    return device->backend->measure_peak(reached, device, threads, error);
}

/* ---- host arrays ---- */

void de_channels_last(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y)
{
    for (int64_t image = 0; image < n; image++, x += c * h * w, y += c * h * w)
        for (int64_t pixel = 0; pixel < h * w; pixel++)
            for (int64_t i = 0; i < c; i++)
                y[pixel * c + i] = x[i * h * w + pixel];
}

void de_channels_first(const float *x, int64_t n, int64_t c, int64_t h, int64_t w, float *y)
{
    for (int64_t image = 0; image < n; image++, x += c * h * w, y += c * h * w)
        for (int64_t i = 0; i < c; i++)
            for (int64_t pixel = 0; pixel < h * w; pixel++)
                y[i * h * w + pixel] = x[pixel * c + i];
}
