/* Sums are of doubles, and at h x w: their rounding is of no account. */
#include "picture/guided.h"

#include "picture/interpolate.h"

#include <math.h>
#include <stdlib.h>

enum { MAX = DE_GUIDED_CHANNELS };

/* Planes of [h, w]: the guide's channels, the values, channels by values, channels by channels. */
typedef struct guided {
    const de_guided_params *params;
    const uint8_t *guide;
    double *planes;
    double *line;        /* [longer side] */
    de_between *columns; /* [width] */
    float *coefficients; /* [h, w, channels + 1]: of the guide's bytes, and what is added */
    float *rows;         /* [threads, w, channels + 1] */
    float *filtered;
} guided;

static int64_t area(const guided *g)
{
    return (int64_t)g->params->h * g->params->w;
}

static double *plane(const guided *g, int i)
{
    return g->planes + i * area(g);
}

static double *product_with_values(const guided *g, int i)
{
    return plane(g, g->params->channels + 1 + i);
}

/* i >= j */
static double *product(const guided *g, int i, int j)
{
    return plane(g, 2 * g->params->channels + 1 + i * (i + 1) / 2 + j);
}

static int plane_count(int channels)
{
    return 2 * channels + 1 + channels * (channels + 1) / 2;
}

/* ---- the guide at h x w ---- */

static void reduce_rows(void *user, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const guided *g = user;
    const de_guided_params *p = g->params;
    const int c = p->channels;
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < p->w; j++) {
            int64_t top = i * p->height / p->h, bottom = (i + 1) * p->height / p->h,
                    left = j * p->width / p->w, right = (j + 1) * p->width / p->w;
            int64_t sums[MAX] = {0};
            for (int64_t y = top; y < bottom; y++) {
                const uint8_t *pixel = g->guide + (y * p->width + left) * c;
                for (int64_t x = left; x < right; x++, pixel += c)
                    for (int k = 0; k < c; k++)
                        sums[k] += pixel[k];
            }
            for (int k = 0; k < c; k++)
                plane(g, k)[i * p->w + j] = (double)sums[k] / 255 /
                                            (double)((bottom - top) * (right - left));
        }
}

/* ---- coefficients ---- */

/* The mean of 2 radius + 1 values of a line of n, which stand `step` apart, in place. */
static void box_line(double *x, int64_t n, int64_t step, int radius, double *line)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        line[i] = x[i * step];
    for (int64_t i = -radius; i <= radius; i++)
        sum += line[de_max_i64(0, de_min_i64(i, n - 1))];
    for (int64_t i = 0; i < n; i++) {
        x[i * step] = sum / (2 * radius + 1);
        sum += line[de_min_i64(i + radius + 1, n - 1)] - line[de_max_i64(i - radius, 0)];
    }
}

static void box(const guided *g, double *x)
{
    const de_guided_params *p = g->params;
    for (int64_t i = 0; i < p->h; i++)
        box_line(x + i * p->w, p->w, 1, p->radius, g->line);
    for (int64_t j = 0; j < p->w; j++)
        box_line(x + j, p->h, p->w, p->radius, g->line);
}

/* Solves a x = b for a positive definite a [n, n], of which the lower triangle counts and is
 * overwritten; x is in b. */
static void solve(double a[MAX][MAX], double b[MAX], int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = a[i][j];
            for (int k = 0; k < j; k++)
                sum -= a[i][k] * a[j][k];
            a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
        }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
}

/* The means around pixel i become its coefficients, in the first planes. */
static void solve_pixel(const guided *g, int64_t i)
{
    const int c = g->params->channels;
    double covariance[MAX][MAX], slopes[MAX], mean = plane(g, c)[i], constant = mean;
    for (int k = 0; k < c; k++) {
        slopes[k] = product_with_values(g, k)[i] - plane(g, k)[i] * mean;
        for (int j = 0; j <= k; j++)
            covariance[k][j] = product(g, k, j)[i] - plane(g, k)[i] * plane(g, j)[i] +
                               (j == k ? g->params->epsilon : 0);
    }
    solve(covariance, slopes, c);
    for (int k = 0; k < c; k++) {
        constant -= slopes[k] * plane(g, k)[i];
        plane(g, k)[i] = slopes[k];
    }
    plane(g, c)[i] = constant;
}

static void make_coefficients(const guided *g, const float *values)
{
    const int c = g->params->channels;
    for (int64_t i = 0; i < area(g); i++) {
        plane(g, c)[i] = values[i];
        for (int k = 0; k < c; k++) {
            product_with_values(g, k)[i] = plane(g, k)[i] * (double)values[i];
            for (int j = 0; j <= k; j++)
                product(g, k, j)[i] = plane(g, k)[i] * plane(g, j)[i];
        }
    }
    for (int k = 0; k < plane_count(c); k++)
        box(g, plane(g, k));
    for (int64_t i = 0; i < area(g); i++)
        solve_pixel(g, i);
    for (int k = 0; k <= c; k++)
        box(g, plane(g, k));
    for (int64_t i = 0; i < area(g); i++)
        for (int k = 0; k <= c; k++)
            g->coefficients[i * (c + 1) + k] = (float)(plane(g, k)[i] / (k < c ? 255 : 1));
}

/* ---- at full size ---- */

static void filter_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const guided *g = user;
    const de_guided_params *p = g->params;
    const int c = p->channels;
    const int64_t row_size = (int64_t)p->w * (c + 1);
    float *coefficients = g->rows + thread * row_size;
    for (int64_t y = begin; y < end; y++) {
        de_between row = de_between_at(y, p->height, p->h);
        const float *above = g->coefficients + row.at * row_size,
                    *below = g->coefficients + row.next * row_size;
        for (int64_t i = 0; i < row_size; i++)
            coefficients[i] = de_mix(above[i], below[i], row.part);
        const uint8_t *pixel = g->guide + y * p->width * c;
        for (int64_t x = 0; x < p->width; x++, pixel += c) {
            de_between b = g->columns[x];
            const float *one = coefficients + b.at * (c + 1),
                        *other = coefficients + b.next * (c + 1);
            float sum = de_mix(one[c], other[c], b.part);
            for (int k = 0; k < c; k++)
                sum += de_mix(one[k], other[k], b.part) * (float)pixel[k];
            g->filtered[y * p->width + x] = sum < 0 ? 0 : sum > 1 ? 1 : sum;
        }
    }
}

static diffedit_status allocate(guided *g, int threads, diffedit_error *error)
{
    const de_guided_params *p = g->params;
    size_t cells = (size_t)area(g), channels = (size_t)p->channels + 1,
           longer = (size_t)(p->h > p->w ? p->h : p->w),
           bytes = cells * (size_t)plane_count(p->channels) * sizeof *g->planes;
    g->planes = malloc(bytes);
    g->line = malloc(longer * sizeof *g->line);
    g->columns = malloc((size_t)p->width * sizeof *g->columns);
    g->coefficients = malloc(cells * channels * sizeof *g->coefficients);
    g->rows = malloc((size_t)threads * (size_t)p->w * channels * sizeof *g->rows);
    return g->planes && g->line && g->columns && g->coefficients && g->rows
               ? DIFFEDIT_OK
               : de_fail_memory(error, bytes, "a guided filter");
}

diffedit_status de_guided_filter(float *filtered, const de_guided_params *params,
                                 const uint8_t *guide, const float *values, de_work *work,
                                 diffedit_error *error)
{
    enum { ROWS = 16 };
    guided g = {.params = params, .guide = guide, .filtered = filtered};
    diffedit_status status = allocate(&g, work->threads, error);
    if (status == DIFFEDIT_OK)
        status = de_work_run(work, params->h, 1, reduce_rows, &g, error);
    if (status == DIFFEDIT_OK) {
        make_coefficients(&g, values);
        for (int x = 0; x < params->width; x++)
            g.columns[x] = de_between_at(x, params->width, params->w);
        status = de_work_run(work, params->height, ROWS, filter_rows, &g, error);
    }
    free(g.planes);
    free(g.line);
    free(g.columns);
    free(g.coefficients);
    free(g.rows);
    return status;
}
