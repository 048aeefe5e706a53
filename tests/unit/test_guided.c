/* The guided filter against its definition, with plain loops over every window. */
#include "picture/guided.h"
#include "picture/interpolate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = DE_GUIDED_CHANNELS, SIDE = 24 };

static unsigned dice_state = 5;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 1664525u + 1013904223u;
    return (dice_state >> 8) % sides;
}

static int inside(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* Gauss's elimination: solution of a [n, n] x = b. */
static void eliminate(double a[MAX][MAX], double b[MAX], int n)
{
    for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++) {
            double factor = a[i][k] / a[k][k];
            for (int j = k; j < n && i != k; j++)
                a[i][j] -= factor * a[k][j];
            b[i] -= i != k ? factor * b[k] : 0;
        }
    for (int k = 0; k < n; k++)
        b[k] /= a[k][k];
}

/* guide [h, w, c] as 0..1, values [h, w] -> a [h, w, c + 1] of each window (equations 19, 20) */
static void fit_windows(const de_guided_params *p, const double *guide, const float *values,
                        double *a)
{
    const int c = p->channels, r = p->radius, n = (2 * r + 1) * (2 * r + 1);
    for (int i = 0; i < p->h * p->w; i++) {
        double means[MAX] = {0}, mean = 0, products[MAX][MAX] = {{0}}, with[MAX] = {0};
        for (int j = 0; j < n; j++) {
            int at = inside(i / p->w + j / (2 * r + 1) - r, p->h) * p->w +
                     inside(i % p->w + j % (2 * r + 1) - r, p->w);
            const double *pixel = guide + at * c;
            mean += (double)values[at] / n;
            for (int k = 0; k < c; k++) {
                means[k] += pixel[k] / n;
                with[k] += pixel[k] * (double)values[at] / n;
                for (int l = 0; l < c; l++)
                    products[k][l] += pixel[k] * pixel[l] / n;
            }
        }
        for (int k = 0; k < c; k++) {
            with[k] -= means[k] * mean;
            for (int l = 0; l < c; l++)
                products[k][l] -= means[k] * means[l] - (k == l ? p->epsilon : 0);
        }
        eliminate(products, with, c);
        double *fitted = a + i * (c + 1);
        fitted[c] = mean;
        for (int k = 0; k < c; k++) {
            fitted[k] = with[k];
            fitted[c] -= with[k] * means[k];
        }
    }
}

/* Coefficient k at the centre of pixel (y, x): the mean of all windows that hold a place, and
 * linear between places. */
static double coefficient_at(const de_guided_params *p, const double *a, int k, int y, int x)
{
    const int r = p->radius, n = (2 * r + 1) * (2 * r + 1);
    de_between row = de_between_at(y, p->height, p->h), column = de_between_at(x, p->width, p->w);
    double sum = 0;
    for (int corner = 0; corner < 4; corner++) {
        int i = corner / 2 ? row.next : row.at, j = corner % 2 ? column.next : column.at;
        double weight = (corner / 2 ? row.part : 1 - row.part) *
                        (corner % 2 ? column.part : 1 - column.part);
        for (int l = 0; l < n; l++) {
            int at = inside(i + l / (2 * r + 1) - r, p->h) * p->w +
                     inside(j + l % (2 * r + 1) - r, p->w);
            sum += weight * a[at * (p->channels + 1) + k] / n;
        }
    }
    return sum;
}

static void filter_plainly(const de_guided_params *p, const uint8_t *guide, const float *values,
                           float *filtered)
{
    static double small[SIDE * SIDE * MAX], a[SIDE * SIDE * (MAX + 1)];
    const int c = p->channels, rows = p->height / p->h, columns = p->width / p->w;
    for (int i = 0; i < p->h * p->w * c; i++) {
        small[i] = 0;
        for (int j = 0; j < rows * columns; j++)
            small[i] += guide[((i / c / p->w * rows + j / columns) * p->width +
                               i / c % p->w * columns + j % columns) *
                                  c +
                              i % c] /
                        255.0 / (rows * columns);
    }
    fit_windows(p, small, values, a);
    for (int i = 0; i < p->height * p->width; i++) {
        double sum = coefficient_at(p, a, c, i / p->width, i % p->width);
        for (int k = 0; k < c; k++)
            sum += coefficient_at(p, a, k, i / p->width, i % p->width) * guide[i * c + k] / 255;
        filtered[i] = (float)fmin(fmax(sum, 0), 1);
    }
}

static void make_inputs(uint8_t *guide, int channels, float *values)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        int thing = (i / SIDE - 10) * (i / SIDE - 10) + (i % SIDE - 12) * (i % SIDE - 12) < 50;
        for (int k = 0; k < channels; k++)
            guide[i * channels + k] = (uint8_t)((thing ? 150 - 20 * k : 60 + 9 * k) + dice(30));
        values[i] = (float)dice(1001) / 1000;
    }
}

static void test_the_filter_is_what_its_paper_says(void **state)
{
    (void)state;
    static const de_guided_params cases[] = {
        {SIDE, SIDE, 3, SIDE, SIDE, 2, 1e-4}, {SIDE, SIDE, 3, SIDE, SIDE, 30, 1e-2},
        {SIDE, SIDE, 1, SIDE, SIDE, 3, 1e-3}, {SIDE, SIDE, 6, SIDE, SIDE, 4, 1e-3},
        {SIDE, SIDE, 3, 12, 8, 2, 1e-4},      {SIDE, SIDE, 6, 6, 12, 1, 1e-5},
        {SIDE, SIDE, 3, 1, 1, 2, 1e-4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static uint8_t guide[SIDE * SIDE * MAX];
        static float values[SIDE * SIDE], expected[SIDE * SIDE], found[SIDE * SIDE],
            again[SIDE * SIDE];
        de_work work = {.threads = 1}, shared = {.threads = 3};
        make_inputs(guide, cases[i].channels, values);
        filter_plainly(&cases[i], guide, values, expected);
        assert_int_equal(de_guided_filter(found, &cases[i], guide, values, &work, NULL),
                         DIFFEDIT_OK);
        for (int j = 0; j < SIDE * SIDE; j++)
            if (!(fabsf(found[j] - expected[j]) <= 2e-5f))
                fail_msg("case %zu, pixel %d: %g, not %g", i, j, (double)found[j],
                         (double)expected[j]);
        assert_int_equal(de_guided_filter(again, &cases[i], guide, values, &shared, NULL),
                         DIFFEDIT_OK);
        assert_memory_equal(found, again, sizeof found);
        assert_int_equal(work.done, 2 * DE_WORK_BANDS);
    }
}

/* A soft slope of values over a hard edge of the guide becomes that edge; without an edge it is
 * only blurred. Grey guides have no inverse but for epsilon. */
static void test_edges_become_those_of_the_guide(void **state)
{
    (void)state;
    static uint8_t guide[SIDE * SIDE * 3];
    static float values[SIDE * SIDE], found[SIDE * SIDE];
    const de_guided_params params = {SIDE, SIDE, 3, SIDE, SIDE, 8, 1e-4};
    for (int edge = 0; edge < 2; edge++) {
        de_work work = {.threads = 1};
        for (int i = 0; i < SIDE * SIDE; i++) {
            values[i] = (float)(i % SIDE) / (SIDE - 1);
            memset(guide + i * 3, edge && i % SIDE >= 14 ? 200 : 50, 3);
        }
        assert_int_equal(de_guided_filter(found, &params, guide, values, &work, NULL), DIFFEDIT_OK);
        float step = found[12 * SIDE + 14] - found[12 * SIDE + 13];
        assert_true(edge ? step > 0.25f : step < 0.1f);
    }
}

static diffedit_status stop_at(void *at, int done, int total, diffedit_error *error)
{
    (void)total;
    return done == *(int *)at ? de_fail(error, DIFFEDIT_ERROR_CANCELLED, "stopped") : DIFFEDIT_OK;
}

static void test_every_step_can_be_the_last(void **state)
{
    (void)state;
    static uint8_t guide[SIDE * SIDE * 3];
    static float values[SIDE * SIDE], found[SIDE * SIDE];
    const de_guided_params params = {SIDE, SIDE, 3, 12, 12, 2, 1e-4};
    for (int at = 1; at <= 2 * DE_WORK_BANDS; at++) {
        de_work work = {.threads = 2, .step = stop_at, .user = &at};
        assert_int_equal(de_guided_filter(found, &params, guide, values, &work, NULL),
                         DIFFEDIT_ERROR_CANCELLED);
    }
}

static void test_linear_scaling(void **state)
{
    (void)state;
    const float values[6] = {0, 1, 2, 10, 11, 12};
    float scaled[4 * 6], same[6];
    de_work work = {.threads = 1};
    static const float row[6] = {0, 0.25f, 0.75f, 1.25f, 1.75f, 2};
    assert_int_equal(de_scale_linear(scaled, 4, 6, values, 2, 3, &work, NULL), DIFFEDIT_OK);
    for (int i = 0; i < 4 * 6; i++) {
        static const float added[4] = {0, 2.5f, 7.5f, 10};
        assert_float_equal(scaled[i], row[i % 6] + added[i / 6], 1e-5);
    }
    assert_int_equal(de_scale_linear(same, 2, 3, values, 2, 3, &work, NULL), DIFFEDIT_OK);
    assert_memory_equal(same, values, sizeof values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_filter_is_what_its_paper_says),
        cmocka_unit_test(test_edges_become_those_of_the_guide),
        cmocka_unit_test(test_every_step_can_be_the_last),
        cmocka_unit_test(test_linear_scaling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
