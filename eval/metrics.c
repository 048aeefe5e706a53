#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 256, MARGIN = METRICS_WINDOW / 2, AREA = METRICS_WINDOW * METRICS_WINDOW };

/* ---- rows as both pictures can be compared ---- */

/* Two pictures in one form: `colours` planes of values up to `peak`. */
typedef struct comparison {
    metrics_picture pictures[2];
    int colours;
    int bits;     /* of the shallower one */
    bool alpha;   /* both have one */
    double level; /* values in one level of 8 bit */
} comparison;

static bool has_alpha(const metrics_picture *picture)
{
    return picture->channels % 2 == 0;
}

static uint16_t value_at(const metrics_picture *picture, size_t index, int bits)
{
    if (picture->bits == 8)
        return ((const uint8_t *)picture->values)[index];
    return (uint16_t)(((const uint16_t *)picture->values)[index] >> (16 - bits));
}

/* row [width] of a channel: 0 .. colours - 1, or `colours` for alpha. */
static void read_row(uint16_t *row, const comparison *pair, int which, int y, int channel)
{
    const metrics_picture *picture = &pair->pictures[which];
    int stride = picture->channels;
    bool is_alpha = channel == pair->colours;
    int offset = is_alpha ? stride - 1 : stride < 3 ? 0 : channel;
    size_t first = (size_t)y * (size_t)picture->width * (size_t)stride + (size_t)offset;
    for (int x = 0; x < picture->width; x++)
        row[x] = value_at(picture, first + (size_t)x * (size_t)stride, pair->bits);
}

/* ---- sums by the byte of a pixel, from which those of regions follow ---- */

typedef struct tally {
    double squared; /* in values of the common depth */
    int64_t pixels, kept, windows;
    double similarity;
} tally;

/* Squared differences, and which pixels are equal. */
static void compare_row(tally tallies[BYTES], const comparison *pair, int y, const uint8_t *regions,
                        uint16_t *rows[2], uint8_t *differs)
{
    int width = pair->pictures[0].width;
    memset(differs, 0, (size_t)width);
    for (int channel = 0; channel < pair->colours + pair->alpha; channel++) {
        for (int i = 0; i < 2; i++)
            read_row(rows[i], pair, i, y, channel);
        for (int x = 0; x < width; x++) {
            int64_t difference = (int64_t)rows[0][x] - rows[1][x];
            differs[x] |= difference != 0;
            if (channel < pair->colours)
                tallies[regions[x]].squared += (double)(difference * difference);
        }
    }
    for (int x = 0; x < width; x++) {
        tallies[regions[x]].pixels++;
        tallies[regions[x]].kept += !differs[x];
    }
}

/* ---- structural similarity: Wang et al. 2004, with scikit-image's defaults ---- */

/* Sums over a window, or over a column of one: exact, because the values are whole. */
typedef struct moments {
    uint64_t a, b, aa, bb, ab;
} moments;

/* Adds a row to the sums of each column, or takes it away. */
static void slide_down(moments *columns, const comparison *pair, int y, int channel, bool away,
                       uint16_t *rows[2])
{
    for (int i = 0; i < 2; i++)
        read_row(rows[i], pair, i, y, channel);
    uint64_t sign = away ? UINT64_MAX : 1; /* -1: unsigned numbers wrap around */
    for (int x = 0; x < pair->pictures[0].width; x++) {
        uint64_t a = rows[0][x], b = rows[1][x];
        columns[x].a += sign * a;
        columns[x].b += sign * b;
        columns[x].aa += sign * a * a;
        columns[x].bb += sign * b * b;
        columns[x].ab += sign * a * b;
    }
}

static void slide_right(moments *sum, const moments *in, const moments *out)
{
    sum->a += in->a - (out ? out->a : 0);
    sum->b += in->b - (out ? out->b : 0);
    sum->aa += in->aa - (out ? out->aa : 0);
    sum->bb += in->bb - (out ? out->bb : 0);
    sum->ab += in->ab - (out ? out->ab : 0);
}

/* Of one window; (co)variances are those of a sample. */
static double similarity(const moments *sum, double peak)
{
    const double n = AREA, c1 = 0.01 * peak * 0.01 * peak, c2 = 0.03 * peak * 0.03 * peak;
    double a = (double)sum->a / n, b = (double)sum->b / n;
    double aa = ((double)sum->aa - a * (double)sum->a) / (n - 1);
    double bb = ((double)sum->bb - b * (double)sum->b) / (n - 1);
    double ab = ((double)sum->ab - a * (double)sum->b) / (n - 1);
    return (2 * a * b + c1) * (2 * ab + c2) / ((a * a + b * b + c1) * (aa + bb + c2));
}

static void add_similarities(tally tallies[BYTES], const comparison *pair, const uint8_t *regions,
                             const moments *columns)
{
    double peak = pair->bits == 8 ? UINT8_MAX : UINT16_MAX;
    moments sum = {0};
    for (int x = 0; x < pair->pictures[0].width; x++) {
        slide_right(&sum, &columns[x], x < METRICS_WINDOW ? NULL : &columns[x - METRICS_WINDOW]);
        if (x + 1 >= METRICS_WINDOW) {
            tally *of = &tallies[regions[x - MARGIN]];
            of->similarity += similarity(&sum, peak) / pair->colours;
            of->windows++;
        }
    }
}

/* One colour at a time. A picture smaller than the window has none. */
static diffedit_status compare_structure(tally tallies[BYTES], const comparison *pair,
                                         const uint8_t *regions, uint16_t *rows[2],
                                         diffedit_error *error)
{
    int width = pair->pictures[0].width, height = pair->pictures[0].height;
    size_t bytes = (size_t)width * sizeof(moments);
    moments *columns = malloc(bytes);
    if (!columns)
        return de_fail_memory(error, bytes, "sums of a picture's columns");
    for (int channel = 0; channel < pair->colours; channel++) {
        memset(columns, 0, bytes);
        for (int y = 0; y < height; y++) {
            slide_down(columns, pair, y, channel, false, rows);
            if (y >= METRICS_WINDOW)
                slide_down(columns, pair, y - METRICS_WINDOW, channel, true, rows);
            if (y + 1 >= METRICS_WINDOW)
                add_similarities(tallies, pair, regions + (int64_t)(y - MARGIN) * width, columns);
        }
    }
    free(columns);
    return DIFFEDIT_OK;
}

/* ---- regions ---- */

static void add_tally(metrics_sums *sums, const tally *of, const comparison *pair)
{
    sums->pixels += of->pixels;
    sums->kept += of->kept;
    sums->squared += of->squared / (pair->level * pair->level);
    sums->colours = pair->colours;
    sums->similarity += of->similarity;
    sums->windows += of->windows / pair->colours;
}

static comparison make_pair(const metrics_picture *a, const metrics_picture *b)
{
    int channels = a->channels > b->channels ? a->channels : b->channels;
    int bits = a->bits < b->bits ? a->bits : b->bits;
    return (comparison){.pictures = {*a, *b},
                        .colours = channels > 2 ? 3 : 1,
                        .bits = bits,
                        .alpha = has_alpha(a) && has_alpha(b),
                        .level = bits == 8 ? 1 : 257};
}

diffedit_status metrics_compare(metrics_sums sums[METRICS_REGIONS], const metrics_picture *a,
                                const metrics_picture *b, const uint8_t *regions,
                                diffedit_error *error)
{
    memset(sums, 0, METRICS_REGIONS * sizeof *sums);
    if (a->width != b->width || a->height != b->height)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "one picture is %dx%d pixels, the other %dx%d", a->width, a->height,
                       b->width, b->height);
    comparison both = make_pair(a, b);
    size_t width = (size_t)a->width;
    tally *tallies = calloc(BYTES, sizeof *tallies);
    uint16_t *values = malloc(2 * width * sizeof *values);
    uint8_t *differs = malloc(width);
    diffedit_status status = tallies && values && differs
                                 ? DIFFEDIT_OK
                                 : de_fail_memory(error, 5 * width, "rows of a picture");
    uint16_t *rows[2] = {values, values + width};
    for (int y = 0; y < a->height && status == DIFFEDIT_OK; y++)
        compare_row(tallies, &both, y, regions + (size_t)y * width, rows, differs);
    if (status == DIFFEDIT_OK)
        status = compare_structure(tallies, &both, regions, rows, error);
    for (int byte = 0; byte < BYTES && status == DIFFEDIT_OK; byte++)
        for (int r = 0; r < METRICS_REGIONS; r++)
            if (byte >> r & 1)
                add_tally(&sums[r], &tallies[byte], &both);
    free(tallies);
    free(values);
    free(differs);
    return status;
}

double metrics_kept(const metrics_sums *sums)
{
    return sums->pixels ? (double)sums->kept / (double)sums->pixels : NAN;
}

double metrics_equal(const metrics_sums *sums)
{
    return sums->pixels ? sums->kept == sums->pixels : NAN;
}

double metrics_mse(const metrics_sums *sums)
{
    return sums->pixels ? sums->squared / ((double)sums->pixels * (double)sums->colours) : NAN;
}

double metrics_psnr(const metrics_sums *sums)
{
    double mse = metrics_mse(sums);
    return mse == 0 ? INFINITY : 10 * log10(255.0 * 255.0 / mse);
}

double metrics_ssim(const metrics_sums *sums)
{
    return sums->windows ? sums->similarity / (double)sums->windows : NAN;
}

/* ---- masks ---- */

double metrics_overlap(const uint8_t *a, const uint8_t *b, int64_t count)
{
    int64_t both = 0, either = 0;
    for (int64_t i = 0; i < count; i++) {
        both += a[i] & b[i];
        either += a[i] | b[i];
    }
    return either ? (double)both / (double)either : 1;
}

double metrics_share(const uint8_t *mask, int64_t count)
{
    int64_t set = 0;
    for (int64_t i = 0; i < count; i++)
        set += mask[i];
    return count ? (double)set / (double)count : NAN;
}

/* out[i step] is 1 where in[] has one at most `distance` away, of `count` values. */
static void grow_line(uint8_t *out, const uint8_t *in, int count, int64_t step, int distance)
{
    int64_t last = -1 - (int64_t)distance;
    for (int64_t i = 0; i < count; i++) {
        last = in[i] ? i : last;
        out[i * step] = i - last <= distance;
    }
    last = (int64_t)count + distance;
    for (int64_t i = count - 1; i >= 0; i--) {
        last = in[i] ? i : last;
        out[i * step] |= last - i <= distance;
    }
}

diffedit_status metrics_grow(uint8_t *near, const uint8_t *mask, int width, int height,
                             int distance, diffedit_error *error)
{
    uint8_t *column = malloc((size_t)height);
    if (!column)
        return de_fail_memory(error, (size_t)height, "a column of a mask");
    for (int64_t y = 0; y < height; y++)
        grow_line(near + y * width, mask + y * width, width, 1, distance);
    for (int x = 0; x < width; x++) {
        for (int64_t y = 0; y < height; y++)
            column[y] = near[y * width + x];
        grow_line(near + x, column, height, width, distance);
    }
    free(column);
    return DIFFEDIT_OK;
}
