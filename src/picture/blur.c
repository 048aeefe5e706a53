/* A Gaussian by four running means along lines and four along columns (extended box filters:
 * Gwosdek, Grewenig, Bruhn and Weickert, "Theoretical Foundations of Gaussian Convolution by
 * Extended Box Filtering", 2011).
 *
 * Lines are done sixteen at a time, side by side, so that columns are read in the order of memory
 * and the loops over lanes become vectors. Sums are of integers: what was added is taken away again
 * to the last bit, and 0 and 1 come out as 0 and 1. */
#include "picture/blur.h"

#include <math.h>
#include <stdlib.h>

enum {
    LANES = 16,
    PASSES = 4,
    SUM_BITS = 30,
    VALUE_BITS = 21, /* more, and rounding of floats would keep 1 from coming out as 1 */
};

/* A mean of 2 radius + 1 values and parts of the two beside them. */
typedef struct box {
    int radius;
    float inner, outer; /* weights */
    float one;          /* the integer that stands for 1 */
} box;

/* Of a Gaussian at whole pixels: sigma's square but for the smallest. */
static double variance_of(double sigma)
{
    double sum = 0.5, moment = 0; /* of one side */
    for (int k = 1; k <= 8 * sigma + 1; k++) {
        double weight = exp(-0.5 * k * k / (sigma * sigma));
        sum += weight;
        moment += weight * k * k;
    }
    return moment / sum;
}

static box make_box(double sigma)
{
    double variance = variance_of(sigma) / PASSES;
    double r = floor((sqrt(12 * variance + 1) - 1) / 2), length = 2 * r + 1;
    double part = length * (r * (r + 1) - 3 * variance) / (6 * (variance - (r + 1) * (r + 1)));
    int bits = VALUE_BITS;
    while (ldexp(length + 2, bits) > ldexp(1, SUM_BITS))
        bits--;
    return (box){.radius = (int)r,
                 .inner = (float)(1 / (length + 2 * part)),
                 .outer = (float)(part / (length + 2 * part)),
                 .one = ldexpf(1, bits)};
}

int de_blur_reach(double sigma)
{
    return PASSES * (make_box(sigma).radius + 1);
}

static const int32_t *line_at(const int32_t *x, int64_t i, int64_t n)
{
    return x + LANES * de_max_i64(0, de_min_i64(i, n - 1));
}

/* One pass in each lane: x [n, LANES], edges replicated, -> y [count, LANES], of which the first is
 * at `first` in x. */
static void run_box(const box *b, const int32_t *x, int64_t n, int64_t first, int64_t count,
                    int32_t *y)
{
    int32_t sum[LANES] = {0};
    int64_t r = b->radius;
    if (first + r <= 0)
        for (int j = 0; j < LANES; j++)
            sum[j] = x[j] * (int32_t)(2 * r + 1);
    else
        for (int64_t i = first - r; i <= first + r; i++)
            for (int j = 0; j < LANES; j++)
                sum[j] += line_at(x, i, n)[j];
    for (int64_t i = first; i < first + count; i++, y += LANES) {
        const int32_t *before = line_at(x, i - r - 1, n), *last = line_at(x, i - r, n),
                      *after = line_at(x, i + r + 1, n);
        for (int j = 0; j < LANES; j++) {
            y[j] = (int32_t)(b->inner * (float)sum[j] + b->outer * (float)(before[j] + after[j]) +
                             0.5f);
            sum[j] += after[j] - last[j];
        }
    }
}

/* All passes over x [n, LANES]. Each makes as much beside the line as the next ones read, so that
 * the edges are those of x, not of what a pass made of it. Returns where the result is: x or y. */
static const int32_t *run_boxes(const box *b, int32_t *x, int64_t n, int32_t *y)
{
    int64_t margin = b->radius + 1, held = n;
    for (int left = PASSES - 1; left >= 0; left--) {
        int64_t first = left == PASSES - 1 ? -left * margin : margin, count = n + 2 * left * margin;
        run_box(b, x, held, first, count, y);
        held = count;
        int32_t *made = y;
        y = x;
        x = made;
    }
    return x;
}

typedef struct blurring {
    float *alpha;
    int height, width;
    box box;
    int32_t **scratch; /* one for each thread: two arrays of [length, LANES] */
    size_t length;     /* of the longest line, and what is made beside it */
} blurring;

/* Blurs `lanes` lines of n values, which stand `step` apart, and the lines `line` apart. */
static void blur_lines(const blurring *b, float *alpha, int n, size_t step, int lanes, size_t line,
                       int32_t *x)
{
    const float one = b->box.one;
    int32_t first = (int32_t)(alpha[0] * one + 0.5f), differing = 0;
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t j = 0; j < LANES; j++) {
            int32_t value = j < (size_t)lanes ? (int32_t)(alpha[i * step + j * line] * one + 0.5f)
                                              : first;
            x[i * LANES + j] = value;
            differing |= value ^ first;
        }
    if (!differing)
        return;
    const int32_t *made = run_boxes(&b->box, x, n, x + b->length * LANES);
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t j = 0; j < (size_t)lanes; j++)
            alpha[i * step + j * line] = (float)made[i * LANES + j] / one;
}

static void blur_columns(void *user, int64_t begin, int64_t end, int thread)
{
    const blurring *b = user;
    for (int64_t i = begin; i < end; i++)
        blur_lines(b, b->alpha + i * LANES, b->height, (size_t)b->width,
                   (int)de_min_i64(LANES, b->width - i * LANES), 1, b->scratch[thread]);
}

static void blur_rows(void *user, int64_t begin, int64_t end, int thread)
{
    const blurring *b = user;
    for (int64_t i = begin; i < end; i++)
        blur_lines(b, b->alpha + i * LANES * b->width, b->width, 1,
                   (int)de_min_i64(LANES, b->height - i * LANES), (size_t)b->width,
                   b->scratch[thread]);
}

diffedit_status de_blur(float *alpha, int height, int width, double sigma, de_work *work,
                        diffedit_error *error)
{
    blurring b = {.alpha = alpha,
                  .height = height,
                  .width = width,
                  .box = make_box(sigma),
                  .scratch = calloc((size_t)work->threads, sizeof(int32_t *))};
    b.length = (size_t)(height > width ? height : width) +
               2 * (PASSES - 1) * ((size_t)b.box.radius + 1);
    size_t bytes = 2 * b.length * LANES * sizeof(int32_t);
    bool enough = b.scratch;
    for (int i = 0; i < work->threads && enough; i++)
        enough = (b.scratch[i] = malloc(bytes));
    diffedit_status status = enough ? DIFFEDIT_OK : de_fail_memory(error, bytes, "the mask");
    if (status == DIFFEDIT_OK)
        status = de_work_run(work, de_divide_up(width, LANES), 1, blur_columns, &b, error);
    if (status == DIFFEDIT_OK)
        status = de_work_run(work, de_divide_up(height, LANES), 1, blur_rows, &b, error);
    for (int i = 0; b.scratch && i < work->threads; i++)
        free(b.scratch[i]);
    free(b.scratch);
    return status;
}
