#include "picture/distance.h"

#include <math.h>
#include <stdlib.h>

/* The lower envelope of the parabolas that stand on a row. */
typedef struct envelope {
    double *starts, *heights; /* starts[k]: where parabola k begins to be the lowest */
    int *roots;               /* where it stands */
} envelope;

typedef struct transform {
    const uint8_t *mask;
    float *squared;
    int height, width;
    double reach;
    uint8_t value;
    envelope *envelopes; /* one for each thread */
} transform;

/* Distances along columns [begin, end): down and up again, row by row, so that memory is read in
 * its order. */
static void measure_columns(void *user, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const transform *t = user;
    for (int64_t y = 0; y < t->height; y++) {
        const uint8_t *mask = t->mask + y * t->width;
        float *row = t->squared + y * t->width;
        const float *above = y ? row - t->width : NULL;
        for (int64_t x = begin; x < end; x++)
            row[x] = mask[x] == t->value ? 0 : above ? above[x] + 1 : INFINITY;
    }
    for (int64_t y = t->height - 2; y >= 0; y--) {
        float *row = t->squared + y * t->width;
        const float *below = row + t->width;
        for (int64_t x = begin; x < end; x++) {
            float away = below[x] + 1;
            row[x] = row[x] < away ? row[x] : away;
        }
    }
}

/* Whether no pixel outside needs pixel q of a row: it lies between two that are as near. */
static bool is_inner(const float *row, int q, int n)
{
    return row[q] == 0 && q > 0 && q + 1 < n && row[q - 1] == 0 && row[q + 1] == 0;
}

/* Returns how many parabolas the envelope has. */
static int build(const envelope *e, const float *row, int n, double reach)
{
    int top = -1;
    for (int q = 0; q < n; q++) {
        if ((double)row[q] > reach || isinf(row[q]) || is_inner(row, q, n))
            continue;
        double height = (double)row[q] * (double)row[q], start = -INFINITY;
        while (top >= 0) {
            int r = e->roots[top];
            start = (height + (double)q * q - e->heights[top] - (double)r * r) / (2.0 * (q - r));
            if (start > e->starts[top])
                break;
            top--;
        }
        top++;
        e->roots[top] = q;
        e->heights[top] = height;
        e->starts[top] = top ? start : -INFINITY;
    }
    return top + 1;
}

/* Distances along columns -> squared distances, in rows [begin, end). */
static void measure_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const transform *t = user;
    const envelope *e = &t->envelopes[thread];
    for (int64_t y = begin; y < end; y++) {
        float *row = t->squared + y * t->width;
        int count = build(e, row, t->width, t->reach);
        for (int p = 0, k = 0; p < t->width; p++) {
            while (k + 1 < count && e->starts[k + 1] < p)
                k++;
            double away = count ? p - e->roots[k] : INFINITY;
            if (row[p] != 0)
                row[p] = count ? (float)(away * away + e->heights[k]) : INFINITY;
        }
    }
}

static bool allocate(envelope *envelopes, int threads, size_t n)
{
    bool enough = true;
    for (int i = 0; i < threads; i++) {
        envelope *e = &envelopes[i];
        *e = (envelope){.starts = malloc(n * sizeof *e->starts),
                        .heights = malloc(n * sizeof *e->heights),
                        .roots = malloc(n * sizeof *e->roots)};
        enough &= e->starts && e->heights && e->roots;
    }
    return enough;
}

diffedit_status de_squared_distance(const uint8_t *mask, uint8_t value, int height, int width,
                                    double reach, float *squared, de_work *work,
                                    diffedit_error *error)
{
    enum { COLUMNS = 256, ROWS = 8 };
    envelope *envelopes = calloc((size_t)work->threads, sizeof *envelopes);
    transform t = {.mask = mask,
                   .squared = squared,
                   .height = height,
                   .width = width,
                   .reach = reach,
                   .value = value,
                   .envelopes = envelopes};
    diffedit_status status = DIFFEDIT_OK;
    if (!envelopes || !allocate(envelopes, work->threads, (size_t)width))
        status = de_fail_memory(error, (size_t)width * sizeof(double), "a distance");
    if (status == DIFFEDIT_OK)
        status = de_work_run(work, width, COLUMNS, measure_columns, &t, error);
    if (status == DIFFEDIT_OK)
        status = de_work_run(work, height, ROWS, measure_rows, &t, error);
    for (int i = 0; envelopes && i < work->threads; i++) {
        free(envelopes[i].starts);
        free(envelopes[i].heights);
        free(envelopes[i].roots);
    }
    free(envelopes);
    return status;
}
