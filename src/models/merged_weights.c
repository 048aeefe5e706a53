#include "models/merged_weights.h"

#include "kernels/kernels.h"
#include "weights/pages.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 24 }; /* of a weight, computed in one go: four of the kernel's tiles */

typedef struct merged_lora {
    de_lora_set lora;
    double factor;
} merged_lora;

typedef struct merged_weights {
    de_weights weights; /* these as such */
    de_weights *base;
    merged_lora *loras; /* [count] */
    int count;
    de_pages pages;
} merged_weights;

/* ---- the sum of all LoRAs for one weight, as one product ---- */

/* up [out, depth] down [depth, columns], where the ranks of all LoRAs make the depth, and up is
 * scaled. */
typedef struct update {
    int64_t out, depth, columns;
    float *up;     /* [out, depth] */
    float *panels; /* down, as the kernel has it: [ceil(columns / 16), depth, 16] */
} update;

static void update_free(update *sum)
{
    free(sum->up);
    free(sum->panels);
    *sum = (update){0};
}

/* Reads all of an array, whose values must be finite; the caller frees *values. */
static diffedit_status read_values(float **values, const de_weight *from, const char *path,
                                   diffedit_error *error)
{
    int64_t count = de_weight_count(from);
    size_t bytes = (size_t)count * sizeof(float);
    *values = de_aligned_alloc(bytes);
    if (!*values)
        return de_fail_memory(error, bytes, "a LoRA");
    de_weight_to_f32(from, 0, count, *values);
    if (de_finite_f32(*values, count))
        return DIFFEDIT_OK;
    free(*values);
    *values = NULL;
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: tensor %s holds values that are not finite numbers", path, from->title);
}

/* row [columns] of down into its place in the panels */
static void put_row(update *sum, int64_t depth, const float *row)
{
    for (int64_t column = 0; column < sum->columns; column += DE_PANEL) {
        int64_t width = de_min_i64(DE_PANEL, sum->columns - column);
        memcpy(sum->panels + (column * sum->depth + depth * DE_PANEL), row + column,
               (size_t)width * sizeof *row);
    }
}

/* row [in, k] = middle [rank, k] of one row times down [rank, in] */
static void multiply_middle(const float *middle, const float *down, int64_t rank, int64_t in,
                            int64_t k, float *row)
{
    memset(row, 0, (size_t)(in * k) * sizeof *row);
    for (int64_t b = 0; b < rank; b++)
        for (int64_t i = 0; i < in; i++)
            for (int64_t j = 0; j < k; j++)
                row[i * k + j] += middle[b * k + j] * down[b * in + i];
}

static diffedit_status put_down(update *sum, int64_t depth, const de_lora_layer *layer,
                                const char *path, diffedit_error *error)
{
    float *down, *middle = NULL, *row = NULL;
    diffedit_status status = read_values(&down, &layer->down, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (!layer->middle.data) {
        for (int64_t r = 0; r < layer->rank; r++)
            put_row(sum, depth + r, down + r * sum->columns);
        free(down);
        return DIFFEDIT_OK;
    }
    status = read_values(&middle, &layer->middle, path, error);
    if (status == DIFFEDIT_OK && !(row = malloc((size_t)sum->columns * sizeof *row)))
        status = de_fail_memory(error, (size_t)sum->columns * sizeof *row, "a LoRA");
    int64_t in = de_weight_count(&layer->down) / layer->rank, k = sum->columns / in;
    for (int64_t r = 0; r < layer->rank && status == DIFFEDIT_OK; r++) {
        multiply_middle(middle + r * layer->rank * k, down, layer->rank, in, k, row);
        put_row(sum, depth + r, row);
    }
    free(row);
    free(middle);
    free(down);
    return status;
}

static diffedit_status put_up(update *sum, int64_t depth, const de_lora_layer *layer, double factor,
                              const char *path, diffedit_error *error)
{
    float *up, scale = (float)(factor * (double)layer->scale);
    diffedit_status status = read_values(&up, &layer->up, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int64_t row = 0; row < sum->out; row++)
        for (int64_t r = 0; r < layer->rank; r++)
            sum->up[row * sum->depth + depth + r] = scale * up[row * layer->rank + r];
    free(up);
    return DIFFEDIT_OK;
}

/* Adds up the ranks first, then writes each LoRA's part. */
static diffedit_status make_update(update *sum, const merged_weights *merged, const char *name,
                                   int rank, const int64_t *shape, diffedit_error *error)
{
    de_lora_layer layer;
    bool found;
    diffedit_status status = DIFFEDIT_OK;
    *sum = (update){.out = shape[0], .columns = 1};
    for (int i = 1; i < rank; i++)
        sum->columns *= shape[i];
    for (int i = 0; i < merged->count && status == DIFFEDIT_OK; i++) {
        status = de_lora_layer_find(&layer, &found, &merged->loras[i].lora, name, rank, shape,
                                    error);
        sum->depth += layer.rank;
    }
    if (status != DIFFEDIT_OK)
        return status;
    size_t up = (size_t)(sum->out * sum->depth) * sizeof(float);
    size_t down = (size_t)(de_round_up(sum->columns, DE_PANEL) * sum->depth) * sizeof(float);
    sum->up = de_aligned_alloc(up);
    sum->panels = de_aligned_alloc(down);
    if (!sum->up || !sum->panels)
        return de_fail_memory(error, up + down, "a LoRA");
    memset(sum->panels, 0, down);
    int64_t depth = 0;
    for (int i = 0; i < merged->count && status == DIFFEDIT_OK; i++) {
        const merged_lora *from = &merged->loras[i];
        const char *path = de_weights_path(from->lora.weights);
        status = de_lora_layer_find(&layer, &found, &from->lora, name, rank, shape, error);
        if (status == DIFFEDIT_OK && found)
            status = put_down(sum, depth, &layer, path, error);
        if (status == DIFFEDIT_OK && found)
            status = put_up(sum, depth, &layer, from->factor, path, error);
        depth += layer.rank;
    }
    return status;
}

/* ---- the weight with them ---- */

typedef struct merging {
    const update *sum;
    const de_weight *base;
    const de_weight *out;
    char *values;        /* of out */
    float *scratch;      /* [threads] of [ROWS, columns] */
    atomic_bool damaged; /* a sum is too large, and not because of the base */
} merging;

static void merge_rows(void *user, int64_t begin, int64_t end, int thread)
{
    merging *job = user;
    const update *sum = job->sum;
    int64_t columns = sum->columns;
    float *rows = job->scratch + (int64_t)thread * ROWS * columns;
    for (int64_t first = begin; first < end; first += ROWS) {
        const float *x[ROWS];
        int64_t count = de_min_i64(ROWS, end - first);
        for (int64_t r = 0; r < count; r++)
            x[r] = sum->up + (first + r) * sum->depth;
        de_weight_to_f32(job->base, first * columns, count * columns, rows);
        bool sound = de_finite_f32(rows, count * columns);
        de_kernels_get()->gemm(&(de_gemm){.rows = count,
                                          .taps = 1,
                                          .depth = sum->depth,
                                          .columns = columns,
                                          .x = (const void *const *)x,
                                          .panels = sum->panels,
                                          .residual = rows,
                                          .y = rows,
                                          .y_stride = columns});
        void *out = job->values + (size_t)(first * columns) * de_dtype_bytes(job->out->dtype);
        de_weight_from_f32(rows, count * columns, job->out->dtype, out);
        if (sound && !(job->out->dtype == DE_F16 ? de_finite_f16(out, count * columns)
                                                 : de_finite_f32(rows, count * columns)))
            atomic_store(&job->damaged, true);
    }
}

static diffedit_status merge(const update *sum, const de_weight *base, const de_weight *out,
                             void *values, const char *path, diffedit_error *error)
{
    int threads = de_core_count();
    size_t bytes = (size_t)(threads * ROWS * sum->columns) * sizeof(float);
    merging job = {.sum = sum, .base = base, .out = out, .values = values};
    job.scratch = de_aligned_alloc(bytes);
    if (!job.scratch)
        return de_fail_memory(error, bytes, "a weight");
    de_parallel_for(threads, sum->out, ROWS, merge_rows, &job);
    free(job.scratch);
    if (atomic_load(&job.damaged))
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: with the LoRA, values of tensor %s are too large%s", path, base->title,
                       out->dtype == DE_F16 ? " for f16" : "");
    return DIFFEDIT_OK;
}

/* ---- the source ---- */

static bool is_changed(const merged_weights *merged, const char *name)
{
    for (int i = 0; i < merged->count; i++)
        if (de_lora_layer_exists(&merged->loras[i].lora, name))
            return true;
    return false;
}

static diffedit_status get(void *self, const char *name, int rank, const int64_t *shape,
                           de_weight *weight, diffedit_error *error)
{
    merged_weights *merged = self;
    diffedit_status status = de_weights_get(merged->base, name, rank, shape, weight, error);
    if (status != DIFFEDIT_OK || !is_changed(merged, name))
        return status;
    const de_weight base = *weight;
    update sum;
    void *values;
    status = make_update(&sum, merged, name, rank, shape, error);
    if (status == DIFFEDIT_OK)
        status = de_pages_get(&merged->pages, name, de_weight_kept_type(&base), rank, shape, weight,
                              &values, error);
    if (status == DIFFEDIT_OK) {
        weight->title = base.title;
        weight->damaged = base.damaged;
        status = merge(&sum, &base, weight, values, merged->weights.path, error);
    }
    update_free(&sum);
    de_weight_forget_pages(&base);
    return status;
}

static diffedit_status describe(void *self, const char *name, int rank, const int64_t *shape,
                                de_weight *weight, diffedit_error *error)
{
    const merged_weights *merged = self;
    diffedit_status status = de_weights_describe(merged->base, name, rank, shape, weight, error);
    if (status != DIFFEDIT_OK || !is_changed(merged, name))
        return status;
    weight->dtype = de_weight_kept_type(weight);
    weight->data = NULL;
    return DIFFEDIT_OK;
}

static int64_t parameters(const void *self)
{
    const merged_weights *merged = self;
    return de_weights_parameters(merged->base);
}

static diffedit_status check_size(const void *self, diffedit_error *error)
{
    const merged_weights *merged = self;
    diffedit_status status = de_weights_check_size(merged->base, error);
    for (int i = 0; i < merged->count && status == DIFFEDIT_OK; i++)
        status = de_weights_check_size(merged->loras[i].lora.weights, error);
    return status;
}

static const char *damaged(const void *self, int *count)
{
    const merged_weights *merged = self;
    return de_weights_damaged(merged->base, count);
}

static const char *unused(const void *self, int *count)
{
    const merged_weights *merged = self;
    return de_weights_unused(merged->base, count);
}

static void close_merged(void *self)
{
    merged_weights *merged = self;
    for (int i = 0; i < merged->count; i++)
        de_weights_close(merged->loras[i].lora.weights);
    free(merged->loras);
    de_pages_free(&merged->pages);
    de_weights_close(merged->base);
    free(merged);
}

static const de_weights_source SOURCE = {.get = get,
                                         .describe = describe,
                                         .parameters = parameters,
                                         .check_size = check_size,
                                         .damaged = damaged,
                                         .unused = unused,
                                         .close = close_merged};

diffedit_status de_merged_weights_new(de_weights **weights, de_weights *base, diffedit_error *error)
{
    merged_weights *new = calloc(1, sizeof *new);
    if (!new) {
        de_weights_close(base);
        return de_fail_memory(error, sizeof *new, "weights");
    }
    new->base = base;
    new->weights = (de_weights){&SOURCE, new, de_weights_path(base)};
    *weights = &new->weights;
    return DIFFEDIT_OK;
}

diffedit_status de_merged_weights_add(de_weights *weights, de_lora_set lora, double factor,
                                      diffedit_error *error)
{
    merged_weights *merged = weights->self;
    size_t bytes = ((size_t)merged->count + 1) * sizeof *merged->loras;
    merged_lora *grown = realloc(merged->loras, bytes);
    if (!grown) {
        de_weights_close(lora.weights);
        return de_fail_memory(error, bytes, "a list of LoRAs");
    }
    merged->loras = grown;
    grown[merged->count++] = (merged_lora){lora, factor};
    return DIFFEDIT_OK;
}
