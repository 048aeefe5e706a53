#include <string.h>

#include "kernels/tables.h"
#include "kernels/functions_c.h"
#include "base/half.h"

/* A block of rows is summed on the stack, DEPTH weights at a time, so that f16 weights are
 * converted once per block. */
enum { ROWS = 32, DEPTH = 128 };

/* sums [rows, 16] = all taps of one panel; x [taps, x_rows], from row `first` on */
static void panel_sums_float(const de_gemm *gemm, const void *panels, int64_t panel, int64_t first,
                             int64_t rows, float (*sums)[DE_PANEL])
{
    float converted[DEPTH * DE_PANEL];
    memset(sums, 0, (size_t)rows * sizeof *sums);
    for (int64_t tap = 0; tap < gemm->taps; tap++) {
        for (int64_t k = 0; k < gemm->depth; k += DEPTH) {
            int64_t depth = gemm->depth - k < DEPTH ? gemm->depth - k : DEPTH;
            int64_t offset = ((panel * gemm->taps + tap) * gemm->depth + k) * DE_PANEL;
            const float *w = converted;
            if (gemm->kind == DE_KIND_F16)
                for (int64_t i = 0; i < depth * DE_PANEL; i++)
                    converted[i] = de_half_to_float(((const uint16_t *)panels)[offset + i]);
            else
                w = (const float *)panels + offset;
            for (int64_t r = 0; r < rows; r++) {
                const float *x = gemm->x[tap * gemm->rows + first + r];
                de_add_products_c(x + k, depth, w, sums[r]);
            }
        }
    }
}

/* sums [4] += x [count] times each of four columns of weights, DEPTH apart. Compilers add pairs of
 * such products in one instruction, where there is one. */
static void add_dots(const int16_t *restrict x, const int16_t *restrict w, int64_t count,
                     int32_t *restrict sums)
{
    int32_t first = 0, second = 0, third = 0, fourth = 0;
#if defined __clang__ && (defined __SSE2__ || defined __ARM_NEON)
    /* It would take half a vector of int16, at a third of the speed. */
#pragma clang loop vectorize_width(8)
#endif
    for (int64_t i = 0; i < count; i++) {
        first += x[i] * w[i];
        second += x[i] * w[DEPTH + i];
        third += x[i] * w[2 * DEPTH + i];
        fourth += x[i] * w[3 * DEPTH + i];
    }
    sums[0] += first;
    sums[1] += second;
    sums[2] += third;
    sums[3] += fourth;
}

/* The same of int16, times the scales. For each block of rows the weights are put in columns. */
static void panel_sums_i16(const de_gemm *gemm, const void *panels, const float *scales,
                           int64_t panel, int64_t first, int64_t rows, float (*sums)[DE_PANEL])
{
    int16_t columns[DE_PANEL][DEPTH];
    int32_t whole[ROWS][DE_PANEL];
    int64_t all = de_round_up(gemm->depth, 2);
    memset(whole, 0, (size_t)rows * sizeof *whole);
    for (int64_t k = 0; k < all; k += DEPTH) {
        int64_t depth = all - k < DEPTH ? all - k : DEPTH;
        const int16_t *w = (const int16_t *)panels + (panel * all + k) * DE_PANEL;
        for (int64_t i = 0; i < depth; i += 2)
            for (int j = 0; j < DE_PANEL; j++)
                memcpy(columns[j] + i, w + i * DE_PANEL + 2 * j, 2 * sizeof *w);
        for (int64_t r = 0; r < rows; r++)
            for (int j = 0; j < DE_PANEL; j += 4)
                add_dots((const int16_t *)gemm->x[first + r] + k, columns[j], depth, whole[r] + j);
    }
    for (int64_t r = 0; r < rows; r++)
        for (int j = 0; j < DE_PANEL; j++)
            sums[r][j] = (float)whole[r][j] *
                         (gemm->row_scales[first + r] * scales[panel * DE_PANEL + j]);
}

static void panel_sums(const de_gemm *gemm, const void *panels, const float *scales, int64_t panel,
                       int64_t first, int64_t rows, float (*sums)[DE_PANEL])
{
    if (gemm->kind == DE_KIND_I16)
        panel_sums_i16(gemm, panels, scales, panel, first, rows, sums);
    else
        panel_sums_float(gemm, panels, panel, first, rows, sums);
}

static void store(const de_gemm *gemm, int64_t panel, int64_t first, int64_t rows,
                  float (*sums)[DE_PANEL], float (*gates)[DE_PANEL])
{
    int64_t column = panel * DE_PANEL;
    int64_t width = gemm->columns - column < DE_PANEL ? gemm->columns - column : DE_PANEL;
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = (first + r) * gemm->y_stride + column;
        for (int64_t j = 0; j < width; j++) {
            float value = sums[r][j] + (gemm->bias ? gemm->bias[column + j] : 0.0f);
            value = de_activate_c(value, gemm->activation);
            if (gates)
                value *= de_activate_c(gates[r][j] + gemm->gate_bias[column + j], DE_GELU);
            gemm->y[at + j] = gemm->residual ? value + gemm->residual[at + j] : value;
        }
    }
}

void de_gemm_c(const de_gemm *gemm)
{
    float sums[ROWS][DE_PANEL], gates[ROWS][DE_PANEL];
    for (int64_t panel = 0; panel * DE_PANEL < gemm->columns; panel++) {
        for (int64_t first = 0; first < gemm->rows; first += ROWS) {
            int64_t rows = gemm->rows - first < ROWS ? gemm->rows - first : ROWS;
            panel_sums(gemm, gemm->panels, gemm->column_scales, panel, first, rows, sums);
            if (gemm->gate)
                panel_sums(gemm, gemm->gate, gemm->gate_scales, panel, first, rows, gates);
            store(gemm, panel, first, rows, sums, gemm->gate ? gates : NULL);
        }
    }
}
