#include "edit/latent_colours.h"

#include <math.h>
#include <stdlib.h>

static const double TWO_PI = 6.283185307179586;
/* Of the mean variance of a channel; so that what the examples say nothing about stays small. */
static const double RIDGE = 1e-3;

enum { COLOURS = 3 };

/* Means of products over all cells: of n = c + 1 latent values, of which the last is 1, and
 * colours. */
typedef struct moments {
    int n;
    double *squares; /* [n, n] */
    double *mixed;   /* [n, COLOURS] */
    double *cell;    /* [n] */
    double weight;   /* of all */
} moments;

/* The mean colour of the pixels of a cell. */
static void mean_colour(double colour[COLOURS], const de_example *example, int factor, int64_t y,
                        int64_t x)
{
    int64_t stride = (int64_t)example->size.w * factor * COLOURS, sums[COLOURS] = {0};
    for (int i = 0; i < factor; i++) {
        const uint8_t *row = example->pixels + (y * factor + i) * stride + x * factor * COLOURS;
        for (int j = 0; j < factor * COLOURS; j += COLOURS)
            for (int k = 0; k < COLOURS; k++)
                sums[k] += row[j + k];
    }
    for (int k = 0; k < COLOURS; k++)
        colour[k] = (double)sums[k] / ((double)factor * factor);
}

static void add_example(moments *m, const de_example *example, int factor)
{
    int64_t h = example->size.h, w = example->size.w, area = h * w;
    double share = example->weight / (double)area, colour[COLOURS];
    for (int64_t i = 0; i < area; i++) {
        mean_colour(colour, example, factor, i / w, i % w);
        for (int a = 0; a < m->n; a++)
            m->cell[a] = a + 1 < m->n ? (double)example->latent[a * area + i] : 1;
        for (int a = 0; a < m->n; a++) {
            double value = share * m->cell[a];
            for (int b = 0; b <= a; b++)
                m->squares[a * m->n + b] += value * m->cell[b];
            for (int k = 0; k < COLOURS; k++)
                m->mixed[a * COLOURS + k] += value * colour[k];
        }
    }
    m->weight += example->weight;
}

/* Means -> covariances of the first n - 1 values, with the ridge; the last row stays the means. */
static void centre(moments *m)
{
    int n = m->n, c = n - 1;
    double trace = 0;
    const double *means = m->squares + c * n, *colours = m->mixed + c * COLOURS;
    for (int i = 0; i < n * n; i++)
        m->squares[i] /= m->weight;
    for (int i = 0; i < n * COLOURS; i++)
        m->mixed[i] /= m->weight;
    for (int a = 0; a < c; a++) {
        for (int b = 0; b <= a; b++)
            m->squares[a * n + b] -= means[a] * means[b];
        for (int k = 0; k < COLOURS; k++)
            m->mixed[a * COLOURS + k] -= means[a] * colours[k];
        trace += m->squares[a * n + a];
    }
    for (int a = 0; a < c; a++)
        m->squares[a * n + a] += RIDGE * trace / c + 1e-12;
}

/* squares x = mixed by Cholesky; x takes the place of mixed. */
static void solve(moments *m)
{
    int n = m->n, c = n - 1;
    double *l = m->squares;
    for (int a = 0; a < c; a++)
        for (int b = 0; b <= a; b++) {
            double sum = l[a * n + b];
            for (int k = 0; k < b; k++)
                sum -= l[a * n + k] * l[b * n + k];
            l[a * n + b] = a == b ? sqrt(fmax(sum, 1e-300)) : sum / l[b * n + b];
        }
    for (int k = 0; k < COLOURS; k++) {
        double *x = m->mixed + k;
        for (int a = 0; a < c; a++) {
            for (int b = 0; b < a; b++)
                x[a * COLOURS] -= l[a * n + b] * x[b * COLOURS];
            x[a * COLOURS] /= l[a * n + a];
        }
        for (int a = c - 1; a >= 0; a--) {
            for (int b = a + 1; b < c; b++)
                x[a * COLOURS] -= l[b * n + a] * x[b * COLOURS];
            x[a * COLOURS] /= l[a * n + a];
        }
    }
}

diffedit_status de_colours_fit(float *weights, const de_example *examples, int count,
                               const de_network_set *networks, diffedit_error *error)
{
    int n = networks->channels + 1;
    size_t bytes = (size_t)n * (size_t)(n + COLOURS + 1) * sizeof(double);
    double *memory = calloc(1, bytes);
    if (!memory)
        return de_fail_memory(error, bytes, "a preview");
    moments m = {
        .n = n, .squares = memory, .mixed = memory + n * n, .cell = memory + n * (n + COLOURS)};
    for (int i = 0; i < count; i++)
        add_example(&m, &examples[i], networks->factor);
    centre(&m);
    solve(&m);
    const double *means = m.squares + (n - 1) * n;
    for (int k = 0; k < COLOURS; k++) {
        double constant = m.mixed[(n - 1) * COLOURS + k];
        for (int a = 0; a < n - 1; a++) {
            weights[k * n + a] = (float)m.mixed[a * COLOURS + k];
            constant -= means[a] * m.mixed[a * COLOURS + k];
        }
        weights[k * n + n - 1] = (float)constant;
    }
    free(memory);
    return DIFFEDIT_OK;
}

void de_colours_apply(uint8_t *pixels, const float *weights, const float *latent, int channels,
                      de_cells size)
{
    int64_t area = (int64_t)size.h * size.w;
    int n = channels + 1;
    for (int64_t i = 0; i < area; i++)
        for (int k = 0; k < COLOURS; k++) {
            float value = weights[k * n + channels];
            for (int a = 0; a < channels; a++)
                value += weights[k * n + a] * latent[a * area + i];
            pixels[i * COLOURS + k] = (uint8_t)rintf(fminf(fmaxf(value, 0), 255));
        }
}

/* Red along, green down, blue twice across: every mixture somewhere. */
void de_chart_draw(uint8_t *pixels, int side)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            double along = TWO_PI * x / side, down = TWO_PI * y / side;
            const double angles[COLOURS] = {along, down, 2 * (along + down)};
            for (int k = 0; k < COLOURS; k++)
                *pixels++ = (uint8_t)rint(127.5 + 127.5 * cos(angles[k]));
        }
}
