#include "ops/cpu/panels.h"

#include <stdlib.h>
#include <string.h>

/* The packing of some weights: a task is a panel. */
typedef struct packing {
    const de_panels *panels;
    const de_weight *weights;
    de_kind kind;       /* that the panel is packed in, at first */
    char *unquantised;  /* int16: for each thread a panel of that kind */
    size_t panel_bytes; /* of that kind */
    de_panel_packed_fn *packed;
    void *user;
} packing;

/* The weight that holds a column of the panels, and its row there. */
static const de_weight *weight_of(const packing *job, int64_t column, int64_t *row)
{
    const de_weight *weight = job->weights;
    while (column >= weight->shape[0])
        column -= (weight++)->shape[0];
    *row = column;
    return weight;
}

/* A panel [taps, depth, 16] from 16 rows [depth, taps]. Element by element across the rows, so that
 * what is read and what is written are both streams. */
static void pack_f16(const de_panels *panels, const unsigned char *const *rows, uint16_t *out)
{
    int64_t taps = panels->taps, depth = panels->depth;
    for (int64_t k = 0; k < depth; k++)
        for (int64_t tap = 0; tap < taps; tap++) {
            uint16_t *column = out + (tap * depth + k) * DE_PANEL;
            for (int j = 0; j < DE_PANEL; j++) /* the file's data may be unaligned */
                memcpy(&column[j], rows[j] + (k * taps + tap) * 2, sizeof *column);
        }
}

static void pack_panel_f16(const packing *job, int64_t panel, uint16_t *out)
{
    const de_panels *panels = job->panels;
    int64_t count = panels->taps * panels->depth, first = panel * DE_PANEL;
    int64_t columns = de_min_i64(DE_PANEL, panels->columns - first);
    const unsigned char *rows[DE_PANEL];
    for (int64_t j = 0; j < columns; j++) {
        int64_t row;
        const de_weight *weight = weight_of(job, first + j, &row);
        rows[j] = (const unsigned char *)weight->data + row * count * 2;
    }
    for (int64_t j = columns; j < DE_PANEL; j++)
        rows[j] = rows[0]; /* anything; cleared below */
    pack_f16(panels, rows, out);
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = columns; j < DE_PANEL; j++)
            out[i * DE_PANEL + j] = 0;
}

/* The same from any precision, a column after the other. */
static void pack_panel_f32(const packing *job, int64_t panel, float *out)
{
    enum { BLOCK = 1024 };
    const de_panels *panels = job->panels;
    int64_t taps = panels->taps, count = taps * panels->depth, first = panel * DE_PANEL;
    float values[BLOCK];
    for (int64_t j = 0; j < DE_PANEL; j++) {
        int64_t row = 0;
        const de_weight *weight = first + j < panels->columns ? weight_of(job, first + j, &row)
                                                              : NULL;
        for (int64_t begin = 0; begin < count; begin += BLOCK) {
            int64_t block = de_min_i64(BLOCK, count - begin);
            if (weight)
                de_weight_to_f32(weight, row * count + begin, block, values);
            for (int64_t i = 0; i < block; i++) {
                int64_t k = (begin + i) / taps, tap = (begin + i) % taps;
                out[(tap * panels->depth + k) * DE_PANEL + j] = weight ? values[i] : 0;
            }
        }
    }
}

/* Notes which weights a panel has values from that are no finite numbers: it was written a moment
 * ago, and is in the cache. */
static void look_at(const packing *job, int64_t panel, const void *data)
{
    int64_t count = job->panels->taps * job->panels->depth, first = panel * DE_PANEL;
    bool half = job->kind == DE_KIND_F16;
    if (half ? de_finite_f16(data, count * DE_PANEL) : de_finite_f32(data, count * DE_PANEL))
        return;
    for (int64_t i = 0; i < count * DE_PANEL; i++) {
        int64_t row, column = first + i % DE_PANEL;
        if (half ? de_finite_f16((const uint16_t *)data + i, 1)
                 : de_finite_f32((const float *)data + i, 1))
            continue;
        const de_weight *weight = weight_of(job, column, &row);
        if (weight->damaged)
            atomic_store(weight->damaged, true);
    }
}

static void pack_panels(void *user, int64_t begin, int64_t end, int thread)
{
    const packing *job = user;
    const de_panels *panels = job->panels;
    int64_t values = panels->taps * panels->depth;
    for (int64_t panel = begin; panel < end; panel++) {
        void *out = job->unquantised ? job->unquantised + (size_t)thread * job->panel_bytes
                                     : (char *)panels->data + (size_t)panel * job->panel_bytes;
        if (job->kind == DE_KIND_F16)
            pack_panel_f16(job, panel, out);
        else
            pack_panel_f32(job, panel, out);
        look_at(job, panel, out);
        if (job->unquantised)
            de_kernels_get()->quantise_panel(out, job->kind, values,
                                             (int16_t *)panels->data +
                                                 panel * de_panels_values(panels) * DE_PANEL,
                                             panels->scales + panel * DE_PANEL);
        if (job->packed)
            job->packed(job->user, panels, panel);
    }
}

static void set_shape(de_panels *panels, const de_weight *weights, int parts)
{
    *panels = (de_panels){.kind = DE_KIND_F16, .taps = 1, .depth = weights[0].shape[1]};
    for (int i = 2; i < weights[0].rank; i++)
        panels->taps *= weights[0].shape[i];
    for (int i = 0; i < parts; i++) {
        panels->columns += weights[i].shape[0];
        if (weights[i].dtype != DE_F16)
            panels->kind = DE_KIND_F32;
    }
}

/* A product of fewer values takes no time worth saving. */
enum { QUICK_MIN_VALUES = 16 };

static diffedit_status allocate(de_panels *panels, packing *job, int threads, diffedit_error *error)
{
    size_t padded = (size_t)de_round_up(panels->columns, DE_PANEL);
    size_t bytes = padded * (size_t)de_panels_values(panels) *
                   (panels->kind == DE_KIND_F32 ? sizeof(float) : sizeof(uint16_t));
    job->panel_bytes = (size_t)(panels->taps * panels->depth) * DE_PANEL *
                       (job->kind == DE_KIND_F16 ? sizeof(uint16_t) : sizeof(float));
    panels->data = de_aligned_alloc(bytes);
    if (panels->kind == DE_KIND_I16) {
        panels->scales = de_aligned_alloc(padded * sizeof *panels->scales);
        job->unquantised = de_aligned_alloc((size_t)threads * job->panel_bytes);
    }
    if (panels->data && (panels->kind != DE_KIND_I16 || (panels->scales && job->unquantised)))
        return DIFFEDIT_OK;
    return de_fail_memory(error, bytes, "weights");
}

diffedit_status de_panels_pack(de_panels *panels, const de_weight *weights, int parts,
                               diffedit_arithmetic arithmetic, de_panel_packed_fn *packed,
                               void *user, diffedit_error *error)
{
    int threads = de_core_count();
    set_shape(panels, weights, parts);
    packing job = {
        .panels = panels, .weights = weights, .kind = panels->kind, .packed = packed, .user = user};
    if (arithmetic == DIFFEDIT_ARITHMETIC_QUICK && panels->taps * panels->depth >= QUICK_MIN_VALUES)
        panels->kind = DE_KIND_I16;
    diffedit_status status = allocate(panels, &job, threads, error);
    if (status == DIFFEDIT_OK)
        de_parallel_for(threads, de_divide_up(panels->columns, DE_PANEL), 1, pack_panels, &job);
    else
        de_panels_free(panels);
    free(job.unquantised);
    return status;
}

void de_panels_free(de_panels *panels)
{
    free(panels->data);
    free(panels->scales);
    *panels = (de_panels){0};
}

float *de_panels_pack_bias(const de_panels *panels, const de_weight *biases, int parts)
{
    size_t bytes = (size_t)de_round_up(panels->columns, DE_PANEL) * sizeof(float);
    float *bias = de_aligned_alloc(bytes);
    if (!bias)
        return NULL;
    memset(bias, 0, bytes);
    int64_t column = 0;
    for (int i = 0; i < parts && biases; i++) {
        de_weight_to_f32(&biases[i], 0, biases[i].shape[0], bias + column);
        de_weight_look_at(&biases[i], bias + column, biases[i].shape[0]);
        column += biases[i].shape[0];
    }
    return bias;
}
