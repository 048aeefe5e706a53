#include "ops/cpu/panels.h"

#include <stdlib.h>
#include <string.h>

/* Copies row `row` of a weight, [depth, taps], to column `column` of a panel, [taps, depth, 16]. */
static void pack_row_f32(const de_panels *panels, const de_weight *weight, int64_t row, int64_t column,
                         float *values)
{
    int64_t count = panels->taps * panels->depth;
    float *out = (float *)panels->data + column / DE_PANEL * count * DE_PANEL + column % DE_PANEL;
    de_weight_to_f32(weight, row * count, count, values);
    for (int64_t k = 0; k < panels->depth; k++)
        for (int64_t tap = 0; tap < panels->taps; tap++)
            out[(tap * panels->depth + k) * DE_PANEL] = values[k * panels->taps + tap];
}

static void pack_row_f16(const de_panels *panels, const de_weight *weight, int64_t row, int64_t column,
                         uint16_t *values)
{
    int64_t count = panels->taps * panels->depth;
    uint16_t *out = (uint16_t *)panels->data + column / DE_PANEL * count * DE_PANEL + column % DE_PANEL;
    /* the file's data may be unaligned */
    memcpy(values, (const char *)weight->data + (size_t)(row * count) * sizeof *values,
           (size_t)count * sizeof *values);
    for (int64_t k = 0; k < panels->depth; k++)
        for (int64_t tap = 0; tap < panels->taps; tap++)
            out[(tap * panels->depth + k) * DE_PANEL] = values[k * panels->taps + tap];
}

static void set_shape(de_panels *panels, const de_weight *weights, int parts)
{
    *panels = (de_panels){.half = true, .taps = 1, .depth = weights[0].shape[1]};
    for (int i = 2; i < weights[0].rank; i++)
        panels->taps *= weights[0].shape[i];
    for (int i = 0; i < parts; i++) {
        panels->columns += weights[i].shape[0];
        panels->half = panels->half && weights[i].dtype == DE_F16;
    }
}

diffedit_status de_panels_pack(de_panels *panels, const de_weight *weights, int parts, diffedit_error *error)
{
    set_shape(panels, weights, parts);
    size_t row_count = (size_t)(panels->taps * panels->depth);
    size_t count = (size_t)de_round_up(panels->columns, DE_PANEL) * row_count;
    size_t bytes = count * (panels->half ? sizeof(uint16_t) : sizeof(float));
    float *row_values = malloc(row_count * sizeof *row_values);
    panels->data = de_aligned_alloc(bytes);
    if (!panels->data || !row_values) {
        free(panels->data);
        free(row_values);
        *panels = (de_panels){0};
        return de_fail_memory(error, bytes, "weights");
    }
    int64_t tail = panels->columns / DE_PANEL * DE_PANEL; /* the last panel's missing columns are zero */
    memset((char *)panels->data + (size_t)tail * (bytes / (size_t)de_round_up(panels->columns, DE_PANEL)), 0,
           (size_t)(de_round_up(panels->columns, DE_PANEL) - tail) *
               (bytes / (size_t)de_round_up(panels->columns, DE_PANEL)));
    int64_t column = 0;
    for (int i = 0; i < parts; i++) {
        for (int64_t row = 0; row < weights[i].shape[0]; row++, column++) {
            if (panels->half)
                pack_row_f16(panels, &weights[i], row, column, (uint16_t *)row_values);
            else
                pack_row_f32(panels, &weights[i], row, column, row_values);
        }
    }
    free(row_values);
    return DIFFEDIT_OK;
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
        column += biases[i].shape[0];
    }
    return bias;
}
