#include <string.h>

#include "kernels/i16.h"
#include "kernels/tables.h"
#include "kernels/functions_c.h"
#include "kernels/winograd_points.h"

/* Everything is done for LANES channels at once, in loops of constant length that the compiler
 * makes vectors of. */
enum {
    LANES = DE_PANEL,
    TAPS = 3,
    IN = DE_WINOGRAD_IN,
    MAX_OUT = DE_WINOGRAD_MAX_OUT,
    PAIR_POINTS = 2 * IN
};

typedef float lanes[LANES];

/* g [3] becomes the two taps that it is for odd or even pixels, and a third that is zero. */
static void join_taps(lanes *g, de_taps taps)
{
    for (int l = 0; l < LANES && taps != DE_TAPS_ALL; l++) {
        float first = g[0][l], second = g[1][l], third = g[2][l];
        g[0][l] = taps == DE_TAPS_ODD ? first + second : first;
        g[1][l] = taps == DE_TAPS_ODD ? third : second + third;
        g[2][l] = 0;
    }
}

/* one row or column of G g: g [3] -> the points [6] */
static void transform_weights(lanes *g, de_taps taps, lanes *points)
{
    const float *last = taps == DE_TAPS_ALL ? g[2] : g[1];
    join_taps(g, taps);
    for (int l = 0; l < LANES; l++) {
        float p_even = g[0][l] + DE_P2 * g[2][l], p_odd = DE_P * g[1][l];
        float q_even = g[0][l] + DE_Q2 * g[2][l], q_odd = DE_Q * g[1][l];
        points[0][l] = g[0][l];
        points[1][l] = p_even + p_odd;
        points[2][l] = p_even - p_odd;
        points[3][l] = q_even + q_odd;
        points[4][l] = q_even - q_odd;
        points[5][l] = last[l];
    }
}

/* B^T d */
static void transform_input(lanes *d, lanes *points)
{
    for (int l = 0; l < LANES; l++) {
        float p_even = d[4][l] - DE_Q2 * d[2][l], p_odd = DE_P * (d[3][l] - DE_Q2 * d[1][l]);
        float q_even = d[4][l] - DE_P2 * d[2][l], q_odd = DE_Q * (d[3][l] - DE_P2 * d[1][l]);
        points[0][l] = d[0][l] - DE_R * d[2][l] + DE_N_0 * d[4][l];
        points[1][l] = p_even + p_odd;
        points[2][l] = p_even - p_odd;
        points[3][l] = q_even + q_odd;
        points[4][l] = q_even - q_odd;
        points[5][l] = DE_P2Q2 * d[1][l] - (DE_P2 + DE_Q2) * d[3][l] + d[5][l];
    }
}

/* A^T m, of four or five outputs */
static void transform_output(lanes *m, int outputs, lanes *y)
{
    for (int l = 0; l < LANES; l++) {
        float p_even = m[1][l] + m[2][l], p_odd = m[1][l] - m[2][l];
        float q_even = m[3][l] + m[4][l], q_odd = m[3][l] - m[4][l];
        y[0][l] = m[0][l] + DE_N_P * p_even + DE_N_Q * q_even;
        y[1][l] = DE_N_P * DE_P * p_odd + DE_N_Q * DE_Q * q_odd;
        y[2][l] = DE_N_P * DE_P2 * p_even + DE_N_Q * DE_Q2 * q_even;
        y[3][l] = DE_N_P * DE_P3 * p_odd + DE_N_Q * DE_Q3 * q_odd;
        y[4][l] = DE_N_P * DE_P4 * p_even + DE_N_Q * DE_Q4 * q_even;
        y[outputs - 1][l] += m[5][l];
    }
}

static void load_panel(const void *panel, de_kind kind, int64_t offset, float *out)
{
    for (int l = 0; l < LANES; l++)
        out[l] = de_panel_value_c(panel, kind, offset + l);
}

/* Rows `pair` of the points of channel `c`: [2, 6] */
static void points_of(const de_winograd_weights *weights, int64_t c, lanes *points)
{
    static const int rows_of[3][2] = {{0, 5}, {1, 2}, {3, 4}};
    lanes columns[TAPS][IN], g[TAPS];
    for (int x = 0; x < TAPS; x++) {
        for (int y = 0; y < TAPS; y++)
            load_panel(weights->panel, weights->kind,
                       ((y * TAPS + x) * weights->channels + weights->begin + c) * DE_PANEL, g[y]);
        transform_weights(g, weights->rows, columns[x]);
    }
    for (int row = 0; row < 2; row++) {
        for (int x = 0; x < TAPS; x++)
            memcpy(g[x], columns[x][rows_of[weights->pair][row]], sizeof g[x]);
        transform_weights(g, weights->columns, points + row * IN);
    }
}

/* The integers, of two channels at a time. */
static void weights_i16(const de_winograd_weights *weights)
{
    lanes factors[PAIR_POINTS], even[PAIR_POINTS], odd[PAIR_POINTS];
    for (int i = 0; i < PAIR_POINTS; i++)
        for (int l = 0; l < LANES; l++)
            factors[i][l] = de_i16_factor_of(weights->scales[i * weights->scale_stride + l]);
    for (int64_t c = 0; c < weights->count; c += 2) {
        points_of(weights, c, even);
        if (c + 1 < weights->count)
            points_of(weights, c + 1, odd);
        else
            memset(odd, 0, sizeof odd);
        for (int i = 0; i < PAIR_POINTS; i++) {
            int16_t *out = (int16_t *)weights->out + i * weights->point_stride + c * DE_PANEL;
            for (int l = 0; l < LANES; l++) {
                out[2 * l] = de_round_c(even[i][l] * factors[i][l]);
                out[2 * l + 1] = de_round_c(odd[i][l] * factors[i][l]);
            }
        }
    }
}

void de_winograd_weights_c(const de_winograd_weights *weights)
{
    if (weights->scales) {
        weights_i16(weights);
        return;
    }
    for (int64_t c = 0; c < weights->count; c++) {
        lanes points[PAIR_POINTS];
        points_of(weights, c, points);
        for (int i = 0; i < PAIR_POINTS; i++)
            memcpy((float *)weights->out + i * weights->point_stride + c * DE_PANEL, points[i],
                   sizeof points[i]);
    }
}

void de_winograd_scales_c(const de_winograd_weights *weights, float *scales)
{
    lanes largest[PAIR_POINTS] = {{0}}, squares[PAIR_POINTS] = {{0}};
    for (int64_t c = 0; c < weights->count; c++) {
        lanes points[PAIR_POINTS];
        points_of(weights, c, points);
        for (int i = 0; i < PAIR_POINTS; i++)
            for (int l = 0; l < LANES; l++) {
                float size = fabsf(points[i][l]);
                largest[i][l] = size > largest[i][l] ? size : largest[i][l];
                squares[i][l] += size * size;
            }
    }
    for (int i = 0; i < PAIR_POINTS; i++)
        for (int l = 0; l < LANES; l++)
            scales[i * weights->scale_stride + l] = de_i16_scale_of(largest[i][l], squares[i][l],
                                                                    weights->count);
}

void de_winograd_input_c(const float *const *pixels, const float *const *next, int64_t channels,
                         float *out, int64_t point_stride)
{
    (void)next; /* the compiler's business */
    for (int64_t c = 0; c < channels; c += LANES) {
        int64_t count = channels - c < LANES ? channels - c : LANES;
        lanes rows[IN][IN], d[IN], points[IN];
        for (int x = 0; x < IN; x++) {
            memset(d, 0, sizeof d);
            for (int y = 0; y < IN; y++)
                memcpy(d[y], pixels[y * IN + x] + c, (size_t)count * sizeof(float));
            transform_input(d, points);
            for (int y = 0; y < IN; y++)
                memcpy(rows[y][x], points[y], sizeof points[y]);
        }
        for (int y = 0; y < IN; y++) {
            transform_input(rows[y], points);
            for (int x = 0; x < IN; x++)
                memcpy(out + (y * IN + x) * point_stride + c, points[x], sizeof points[x]);
        }
    }
}

/* y [outputs, outputs] of channels c.. from their products */
static void output_lanes(const de_winograd_output *tile, int64_t c, lanes (*y)[MAX_OUT])
{
    lanes columns[MAX_OUT][IN], m[IN], points[MAX_OUT];
    for (int j = 0; j < IN; j++) {
        for (int i = 0; i < IN; i++)
            memcpy(m[i], tile->products + (i * IN + j) * tile->point_stride + c, sizeof m[i]);
        transform_output(m, tile->outputs, points);
        for (int i = 0; i < tile->outputs; i++)
            memcpy(columns[i][j], points[i], sizeof points[i]);
    }
    for (int i = 0; i < tile->outputs; i++)
        transform_output(columns[i], tile->outputs, y[i]);
}

void de_winograd_output_c(const de_winograd_output *tile)
{
    for (int64_t c = 0; c < tile->channels; c += LANES) {
        int64_t count = tile->channels - c < LANES ? tile->channels - c : LANES;
        lanes y[MAX_OUT][MAX_OUT];
        output_lanes(tile, c, y);
        for (int i = tile->top; i < tile->height; i++) {
            for (int j = tile->left; j < tile->width; j++) {
                int64_t at = tile->first + i * tile->row_stride + j * tile->column_stride + c;
                for (int64_t l = 0; l < count; l++) {
                    float value = de_activate_c(y[i][j][l] + tile->bias[c + l], tile->activation);
                    tile->y[at + l] = tile->residual ? value + tile->residual[at + l] : value;
                }
            }
        }
    }
}
