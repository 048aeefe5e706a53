#include "ops/vulkan/gpu_weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "ops/vulkan/gpu_ops.h"

/* Bytes that are converted before they are copied, and values that a thread reads at a time. */
enum { PIECE = 8 * 1024 * 1024, BLOCK = 1024 };

/* What would round to an infinite f16 */
static const float beyond_f16 = 65520;

/* A piece of the weights as they are to stand on the GPU; a task is a row. */
typedef struct piece {
    const de_gpu_weights *made;
    const de_weight *weights;
    int64_t first; /* row */
    void *out;
    atomic_bool beyond; /* f16 was too small for a value */
} piece;

static diffedit_status allocate(uintptr_t *at, de_device *device, size_t bytes,
                                diffedit_error *error)
{
    *at = de_gpu_allocate(de_vulkan_of(device)->gpu, bytes, false);
    return *at ? DIFFEDIT_OK : de_device_fail_memory(device, bytes, "weights", error);
}

static void deallocate(uintptr_t *at, de_device *device)
{
    if (*at)
        de_gpu_deallocate(de_vulkan_of(device)->gpu, *at);
    *at = 0;
}

/* ---- pieces ---- */

/* The weight that holds a row of what is made, and its row there. */
static const de_weight *weight_of(const piece *job, int64_t column, int64_t *row)
{
    const de_weight *weight = job->weights;
    while (column >= weight->shape[0])
        column -= (weight++)->shape[0];
    *row = column;
    return weight;
}

/* Where value i of a row [depth, taps] stands in [taps, depth] */
static int64_t place(const de_gpu_weights *made, int64_t i)
{
    return made->taps == 1 ? i : i % made->taps * made->depth + i / made->taps;
}

/* Values [begin, begin + count) of a weight stored as f16, from place `at` of a row on. */
static void copy_halves(const piece *job, const de_weight *weight, int64_t begin, int64_t at,
                        int64_t count, uint16_t *row)
{
    uint16_t halves[BLOCK]; /* the file's data may be unaligned */
    memcpy(halves, (const char *)weight->data + begin * 2, (size_t)count * sizeof *halves);
    if (weight->damaged && !de_finite_f16(halves, count))
        atomic_store(weight->damaged, true);
    for (int64_t i = 0; i < count; i++)
        row[place(job->made, at + i)] = halves[i];
}

/* The same of any weight, as f16 or f32 */
static void convert(piece *job, const de_weight *weight, int64_t begin, int64_t at, int64_t count,
                    void *row)
{
    float values[BLOCK], largest = 0;
    uint16_t *halves = row;
    float *floats = row;
    de_weight_to_f32(weight, begin, count, values);
    de_weight_look_at(weight, values, count);
    if (job->made->wide) {
        for (int64_t i = 0; i < count; i++)
            floats[place(job->made, at + i)] = values[i];
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        float size = values[i] < 0 ? -values[i] : values[i];
        largest = size > largest ? size : largest;
        halves[place(job->made, at + i)] = de_float_to_half(values[i]);
    }
    if (largest >= beyond_f16)
        atomic_store(&job->beyond, true);
}

static void convert_rows(void *user, int64_t begin, int64_t end, int thread)
{
    piece *job = user;
    int64_t values = job->made->taps * job->made->depth;
    size_t row_bytes = (size_t)values * (job->made->wide ? sizeof(float) : sizeof(uint16_t));
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        char *out = (char *)job->out + (size_t)i * row_bytes;
        int64_t row;
        const de_weight *weight = weight_of(job, job->first + i, &row);
        for (int64_t at = 0; at < values; at += BLOCK) {
            int64_t count = de_min_i64(BLOCK, values - at);
            if (weight->dtype == DE_F16 && !job->made->wide)
                copy_halves(job, weight, row * values + at, at, count, (uint16_t *)out);
            else
                convert(job, weight, row * values + at, at, count, out);
        }
    }
}

/* Allocates and fills made->values as made->wide says. `beyond`: f16 was too small. */
static diffedit_status fill(de_gpu_weights *made, bool *beyond, de_device *device,
                            const de_weight *weights, diffedit_error *error)
{
    size_t row_bytes = (size_t)(made->taps * made->depth) *
                       (made->wide ? sizeof(float) : sizeof(uint16_t));
    int64_t rows = de_min_i64(made->columns, de_max_i64(1, PIECE / (int64_t)row_bytes));
    piece job = {.made = made, .weights = weights, .out = malloc((size_t)rows * row_bytes)};
    diffedit_status status = job.out ? DIFFEDIT_OK
                                     : de_fail_memory(error, (size_t)rows * row_bytes, "weights");
    if (status == DIFFEDIT_OK)
        status = allocate(&made->values, device, (size_t)made->columns * row_bytes, error);
    for (; status == DIFFEDIT_OK && job.first < made->columns && !job.beyond; job.first += rows) {
        rows = de_min_i64(rows, made->columns - job.first);
        de_parallel_for(de_core_count(), rows, 1, convert_rows, &job);
        status = de_gpu_upload(de_vulkan_of(device)->gpu,
                               made->values + (size_t)job.first * row_bytes, job.out,
                               (size_t)rows * row_bytes, error);
    }
    free(job.out);
    *beyond = job.beyond;
    return status;
}

/* ---- vectors of floats ---- */

/* weights[i] [n_i], side by side, f32 */
static diffedit_status upload_floats(uintptr_t *at, de_device *device, const de_weight *weights,
                                     int parts, diffedit_error *error)
{
    int64_t count = 0, done = 0;
    for (int i = 0; i < parts; i++)
        count += weights[i].shape[0];
    size_t bytes = (size_t)count * sizeof(float);
    float *values = malloc(bytes);
    if (!values)
        return de_fail_memory(error, bytes, "weights");
    for (int i = 0; i < parts; done += weights[i++].shape[0]) {
        de_weight_to_f32(&weights[i], 0, weights[i].shape[0], values + done);
        de_weight_look_at(&weights[i], values + done, weights[i].shape[0]);
    }
    diffedit_status status = allocate(at, device, bytes, error);
    if (status == DIFFEDIT_OK)
        status = de_gpu_upload(de_vulkan_of(device)->gpu, *at, values, bytes, error);
    free(values);
    return status;
}

/* ---- weights of a product ---- */

static void set_shape(de_gpu_weights *made, const de_weight *weights, int parts, bool quick)
{
    *made = (de_gpu_weights){.taps = 1, .depth = weights[0].shape[1]};
    for (int i = 2; i < weights[0].rank; i++)
        made->taps *= weights[0].shape[i];
    for (int i = 0; i < parts; i++) {
        made->columns += weights[i].shape[0];
        made->wide |= !quick && weights[i].dtype != DE_F16;
    }
}

diffedit_status de_gpu_weights_new(de_gpu_weights *made, de_device *device,
                                   const de_weight *weights, const de_weight *biases, int parts,
                                   diffedit_arithmetic arithmetic, diffedit_error *error)
{
    bool beyond;
    set_shape(made, weights, parts, arithmetic == DIFFEDIT_ARITHMETIC_QUICK);
    diffedit_status status = fill(made, &beyond, device, weights, error);
    if (status == DIFFEDIT_OK && beyond) {
        deallocate(&made->values, device);
        made->wide = true;
        status = fill(made, &beyond, device, weights, error);
    }
    if (status == DIFFEDIT_OK && biases)
        status = upload_floats(&made->bias, device, biases, parts, error);
    return status;
}

void de_gpu_weights_free(de_gpu_weights *weights, de_device *device)
{
    deallocate(&weights->values, device);
    deallocate(&weights->bias, device);
}

/* ---- vectors ---- */

typedef struct gpu_vector {
    de_vector base;
    uintptr_t at;
} gpu_vector;

diffedit_status de_vulkan_vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                                     diffedit_error *error)
{
    gpu_vector *made = calloc(1, sizeof *made);
    if (!made)
        return de_fail_memory(error, sizeof *made, "a vector");
    made->base.device = device;
    diffedit_status status = upload_floats(&made->at, device, weight, 1, error);
    if (status != DIFFEDIT_OK) {
        de_vulkan_vector_free(&made->base);
        return status;
    }
    *vector = &made->base;
    return DIFFEDIT_OK;
}

void de_vulkan_vector_free(de_vector *vector)
{
    gpu_vector *made = (gpu_vector *)vector;
    deallocate(&made->at, vector->device);
    free(made);
}

uintptr_t de_gpu_vector_at(const de_vector *vector)
{
    return ((const gpu_vector *)vector)->at;
}
