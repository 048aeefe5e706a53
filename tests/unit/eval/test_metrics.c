/* Metrics against what scikit-image says of the same pictures (tests/golden/similarity.py), and
 * what it does not know: masks, other depths, pictures smaller than its window. */
#include "eval/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { LARGEST = 64 * 64 * 4, INSIDE = 1, OUTSIDE = 2, WHOLE = 4 };

static const double ALLOWED = 1e-9; /* relative; the figure is 1e-4 */

static uint32_t state_of_numbers;

static int next_number(void)
{
    state_of_numbers = state_of_numbers * 1664525u + 1013904223u;
    return (int)(state_of_numbers >> 16);
}

/* ---- the pictures of similarity.py ---- */

static uint16_t deep[2][LARGEST];
static uint8_t shallow[2][LARGEST], mask[LARGEST], regions[LARGEST];

static int least(int a, int b)
{
    return a < b ? a : b;
}

static void draw(int width, int height, int channels, int bits, int stray)
{
    int most = bits == 8 ? 255 : 65535, i = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                int slope = (x + 2 * y + 5 * c) * most / (width + 2 * height + 5 * channels);
                deep[0][i++] = (uint16_t)least(most, slope + next_number() % (most / 8 + 1));
            }
    for (i = 0; i < width * height * channels; i++) {
        int other = deep[0][i] + next_number() % (2 * stray + 1) - stray;
        deep[1][i] = (uint16_t)least(most, other < 0 ? 0 : other);
        for (int j = 0; j < 2; j++)
            shallow[j][i] = (uint8_t)deep[j][i];
    }
}

static void draw_mask(int count, const char *kind)
{
    for (int i = 0; i < count; i++) {
        bool drawn = next_number() % 3 == 0;
        mask[i] = strcmp(kind, "all") == 0 || (drawn && strcmp(kind, "some") == 0);
        regions[i] = WHOLE | (mask[i] ? INSIDE : OUTSIDE);
    }
}

static metrics_picture picture(int which, int width, int height, int channels, int bits)
{
    const void *values = bits == 8 ? (const void *)shallow[which] : deep[which];
    return (metrics_picture){values, width, height, channels, bits};
}

/* ---- against the file ---- */

static void check_number(const json_t *expected, double found)
{
    if (json_is_null(expected)) {
        assert_true(isnan(found));
    } else if (json_is_string(expected)) {
        assert_true(isinf(found) && found > 0);
    } else {
        double value = json_number_value(expected);
        if (!(fabs(found - value) <= ALLOWED * fmax(1, fabs(value))))
            fail_msg("%.12g, expected %.12g", found, value);
    }
}

static void check_region(const json_t *expected, const metrics_sums *sums)
{
    check_number(json_object_get(expected, "kept"), metrics_kept(sums));
    check_number(json_object_get(expected, "mse"), metrics_mse(sums));
    check_number(json_object_get(expected, "psnr"), metrics_psnr(sums));
    check_number(json_object_get(expected, "ssim"), metrics_ssim(sums));
}

static void check_case(const json_t *of, uint32_t seed)
{
    int width, height, channels, bits, stray;
    const char *kind;
    assert_int_equal(json_unpack((json_t *)(uintptr_t)of, "{s:i, s:i, s:i, s:i, s:i, s:s}", "width",
                                 &width, "height", &height, "channels", &channels, "bits", &bits,
                                 "stray", &stray, "mask", &kind),
                     0);
    state_of_numbers = seed;
    draw(width, height, channels, bits, stray);
    draw_mask(width * height, kind);
    metrics_picture a = picture(0, width, height, channels, bits);
    metrics_picture b = picture(1, width, height, channels, bits);
    metrics_sums sums[METRICS_REGIONS];
    assert_int_equal(metrics_compare(sums, &a, &b, regions, NULL), DIFFEDIT_OK);
    check_region(json_object_get(of, "inside"), &sums[0]);
    check_region(json_object_get(of, "outside"), &sums[1]);
    check_region(json_object_get(of, "whole"), &sums[2]);
    assert_int_equal(sums[3].pixels, 0);
}

static void test_scikit_image(void **state)
{
    json_t *cases = json_load_file(GOLDEN "/similarity.json", 0, NULL), *of;
    size_t index;
    (void)state;
    assert_non_null(cases);
    assert_true(json_array_size(cases) >= 10);
    json_array_foreach (cases, index, of) {
        check_case(of, (uint32_t)index);
    }
    json_decref(cases);
}

/* ---- what scikit-image refuses ---- */

static void test_smaller_than_the_window(void **state)
{
    metrics_sums sums[METRICS_REGIONS];
    const int sizes[][2] = {{6, 40}, {40, 6}, {1, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int width = sizes[i][0], height = sizes[i][1];
        state_of_numbers = 5;
        draw(width, height, 3, 8, 9);
        memset(regions, WHOLE, sizeof regions);
        metrics_picture a = picture(0, width, height, 3, 8), b = picture(1, width, height, 3, 8);
        assert_int_equal(metrics_compare(sums, &a, &b, regions, NULL), DIFFEDIT_OK);
        assert_int_equal(sums[2].pixels, width * height);
        assert_true(metrics_mse(&sums[2]) > 0);
        assert_true(isnan(metrics_ssim(&sums[2])));
    }
}

static void test_sizes_differ(void **state)
{
    metrics_sums sums[METRICS_REGIONS];
    diffedit_error error;
    metrics_picture a = picture(0, 8, 9, 3, 8), b = picture(1, 9, 8, 3, 8);
    (void)state;
    assert_int_equal(metrics_compare(sums, &a, &b, regions, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "one picture is 8x9 pixels, the other 9x8");
}

/* A picture of 16 bit against the one of 8 bit that it is cut to; grey against the same as RGB. */
static void test_other_depths_and_colours(void **state)
{
    enum { SIDE = 16, COUNT = SIDE * SIDE };
    static uint8_t cut[COUNT], colours[3 * COUNT];
    metrics_sums sums[METRICS_REGIONS];
    (void)state;
    state_of_numbers = 3;
    draw(SIDE, SIDE, 1, 16, 300);
    memset(regions, WHOLE, sizeof regions);
    for (int i = 0; i < COUNT; i++) {
        cut[i] = (uint8_t)(deep[0][i] >> 8);
        memset(colours + 3 * i, cut[i], 3);
    }
    metrics_picture whole = picture(0, SIDE, SIDE, 1, 16);
    metrics_picture grey = {cut, SIDE, SIDE, 1, 8}, rgb = {colours, SIDE, SIDE, 3, 8};
    const metrics_picture *pairs[][2] = {{&whole, &grey}, {&grey, &rgb}, {&rgb, &whole}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(metrics_compare(sums, pairs[i][0], pairs[i][1], regions, NULL), 0);
        assert_true(metrics_kept(&sums[2]) == 1 && metrics_mse(&sums[2]) == 0);
        assert_true(fabs(metrics_ssim(&sums[2]) - 1) < 1e-12);
    }
}

/* Alpha counts among what is kept where both have one, and never as an error. */
static void test_alpha(void **state)
{
    uint8_t one[] = {1, 2, 3, 4}, other[] = {1, 2, 3, 5}, opaque[] = {1, 2, 3};
    metrics_sums sums[METRICS_REGIONS];
    uint8_t here = WHOLE;
    metrics_picture a = {one, 1, 1, 4, 8}, b = {other, 1, 1, 4, 8}, c = {opaque, 1, 1, 3, 8};
    (void)state;
    assert_int_equal(metrics_compare(sums, &a, &b, &here, NULL), 0);
    assert_true(metrics_kept(&sums[2]) == 0 && metrics_mse(&sums[2]) == 0);
    assert_int_equal(metrics_compare(sums, &a, &c, &here, NULL), 0);
    assert_true(metrics_kept(&sums[2]) == 1 && isinf(metrics_psnr(&sums[2])));
}

/* ---- masks ---- */

static void test_overlap(void **state)
{
    const uint8_t a[] = {1, 1, 0, 0}, b[] = {1, 0, 1, 0}, none[4] = {0};
    (void)state;
    assert_true(fabs(metrics_overlap(a, b, 4) - 1.0 / 3) < 1e-15);
    assert_true(metrics_overlap(a, none, 4) == 0);
    assert_true(metrics_overlap(none, none, 4) == 1);
    assert_true(metrics_share(a, 4) == 0.5);
}

static bool is_near(int x, int y, int width, int height, int distance)
{
    for (int j = y - distance; j <= y + distance; j++)
        for (int i = x - distance; i <= x + distance; i++)
            if (i >= 0 && i < width && j >= 0 && j < height && mask[j * width + i])
                return true;
    return false;
}

static void test_growth(void **state)
{
    enum { WIDTH = 19, HEIGHT = 13 };
    uint8_t near[WIDTH * HEIGHT];
    (void)state;
    for (int distance = 0; distance < 25; distance++) {
        state_of_numbers = 77;
        for (int i = 0; i < WIDTH * HEIGHT; i++)
            mask[i] = next_number() % 60 == 0;
        assert_int_equal(metrics_grow(near, mask, WIDTH, HEIGHT, distance, NULL), 0);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                assert_int_equal(near[y * WIDTH + x], is_near(x, y, WIDTH, HEIGHT, distance));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scikit_image), cmocka_unit_test(test_smaller_than_the_window),
        cmocka_unit_test(test_sizes_differ), cmocka_unit_test(test_other_depths_and_colours),
        cmocka_unit_test(test_alpha),        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
