/* What a file's values are: what becomes 16 bit, what is refused, and with which words. */
#include "picture/image.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { W = 6, H = 4 };

/* Writes a TIFF of W x H pixels that lie in memory as `format`. */
static const char *write_tiff(const void *values, int bands, VipsBandFormat format,
                              VipsInterpretation type)
{
    const char *path = scratch_path("n.tif");
    assert_int_equal(de_vips_start(NULL), DIFFEDIT_OK);
    size_t size = (size_t)(W * H * bands) * (size_t)vips_format_sizeof(format);
    VipsImage *image = vips_image_new_from_memory(values, size, W, H, bands, format);
    image->Type = type;
    assert_int_equal(vips_tiffsave(image, path, NULL), 0);
    g_object_unref(image);
    return path;
}

static void expect_refused(const char *path, const char *part)
{
    diffedit_picture *picture;
    diffedit_error error = {.message = ""};
    assert_int_equal(diffedit_picture_open(&picture, path, 0, &error), DIFFEDIT_ERROR_PICTURE);
    if (!strstr(error.message, part) || strncmp(error.message, path, strlen(path)) != 0)
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static diffedit_picture *expect_converted(const char *path, int channels, const char *part)
{
    diffedit_picture *picture;
    diffedit_error error = {.message = ""};
    if (diffedit_picture_open(&picture, path, 0, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(diffedit_picture_bits(picture), 16);
    assert_int_equal(diffedit_picture_channels(picture), channels);
    assert_non_null(diffedit_picture_warning(picture));
    assert_non_null(strstr(diffedit_picture_warning(picture), part));
    return picture;
}

static void test_floats_from_0_to_1_become_16_bit(void **state)
{
    (void)state;
    for (int bands = 1; bands <= 4; bands++) {
        float values[W * H * 4];
        int count = W * H * bands;
        for (int i = 0; i < count; i++)
            values[i] = (float)i / (float)(count - 1);
        values[1] = -1e-7f; /* what rounding makes of 0 is 0 */
        VipsInterpretation type = bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
        diffedit_picture *picture = expect_converted(
            write_tiff(values, bands, VIPS_FORMAT_FLOAT, type), bands, "floating point");
        const uint16_t *found = diffedit_picture_pixels(picture);
        for (int i = 0; i < count; i++)
            assert_int_equal(found[i], (int)rintf(65535 * fabsf(values[i])));
        assert_true(picture->is_srgb);
        diffedit_picture_free(picture);
    }
}

static void test_floats_beyond_are_refused(void **state)
{
    (void)state;
    float values[W * H * 3] = {0};
    values[5] = 255;
    values[7] = -0.25f;
    expect_refused(write_tiff(values, 3, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_sRGB),
                   "its values are 32-bit floating point from -0.25 to 255; expected unsigned "
                   "integers of 8 or 16 bit, or floating point from 0 to 1");
    values[5] = NAN;
    expect_refused(write_tiff(values, 3, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_sRGB),
                   "some are not a number");
    values[5] = INFINITY;
    expect_refused(write_tiff(values, 3, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_sRGB),
                   "from -0.25 to inf");
}

static void test_other_integers_are_refused(void **state)
{
    (void)state;
    uint32_t wide[W * H] = {7, 4294967295u};
    expect_refused(write_tiff(wide, 1, VIPS_FORMAT_UINT, VIPS_INTERPRETATION_B_W),
                   "its values are 32-bit integers from 0 to 4294967295; expected");
    int32_t whole[W * H] = {-70000, 7};
    expect_refused(write_tiff(whole, 1, VIPS_FORMAT_INT, VIPS_INTERPRETATION_B_W),
                   "its values are signed 32-bit integers from -70000 to 7; expected");
    int16_t half[W * H] = {-300, 7};
    expect_refused(write_tiff(half, 1, VIPS_FORMAT_SHORT, VIPS_INTERPRETATION_B_W),
                   "its values are signed 16-bit integers from -300 to 7; expected");
    int8_t quarter[W * H] = {-3, 7};
    expect_refused(write_tiff(quarter, 1, VIPS_FORMAT_CHAR, VIPS_INTERPRETATION_B_W),
                   "its values are signed 8-bit integers from -3 to 7; expected");
}

/* L*, a*, b* (D50) of some colours, and those in 8-bit sRGB */
static const struct {
    float lab[3];
    int rgb[3];
} COLOURS[] = {{{100, 0, 0}, {255, 255, 255}},
               {{0, 0, 0}, {0, 0, 0}},
               {{53.585f, 0, 0}, {128, 128, 128}},
               {{54.29f, 80.81f, 69.89f}, {255, 0, 0}},
               {{29.57f, 68.30f, -112.03f}, {0, 0, 255}}};

static void test_lab_becomes_16_bit_srgb(void **state)
{
    (void)state;
    enum { COUNT = sizeof COLOURS / sizeof *COLOURS };
    for (int bands = 3; bands <= 4; bands++) {
        int16_t values[W * H * 4] = {0};
        for (int i = 0; i < W * H; i++) {
            const float *lab = COLOURS[i % COUNT].lab;
            int16_t coded[4] = {(int16_t)(lab[0] * 327.67f), (int16_t)(lab[1] * 256),
                                (int16_t)(lab[2] * 256), (int16_t)(uint16_t)(2500 * i)};
            memcpy(values + i * bands, coded, (size_t)bands * sizeof *coded);
        }
        diffedit_picture *picture = expect_converted(
            write_tiff(values, bands, VIPS_FORMAT_SHORT, VIPS_INTERPRETATION_LABS), bands,
            "Lab; it was converted to 16-bit sRGB");
        const uint16_t *found = diffedit_picture_pixels(picture);
        for (int i = 0; i < W * H; i++) {
            for (int j = 0; j < 3; j++)
                assert_int_equal((found[i * bands + j] + 128) / 257, COLOURS[i % COUNT].rgb[j]);
            if (bands == 4)
                assert_int_equal(found[4 * i + 3], 2500 * i);
        }
        diffedit_picture_free(picture);
    }
}

static void test_cmyk_keeps_its_depth(void **state)
{
    (void)state;
    uint16_t values[W * H * 4] = {0};
    for (int i = 0; i < W * H; i++)
        values[4 * i + 1] = (uint16_t)(100 * i); /* magenta, in steps that 8 bit would lose */
    diffedit_picture *picture = expect_converted(
        write_tiff(values, 4, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_CMYK), 3, "CMYK");
    const uint16_t *found = diffedit_picture_pixels(picture);
    for (int i = 1; i < W * H; i++)
        assert_true(found[3 * i + 1] < found[3 * i - 2]);
    diffedit_picture_free(picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_from_0_to_1_become_16_bit),
        cmocka_unit_test(test_floats_beyond_are_refused),
        cmocka_unit_test(test_other_integers_are_refused),
        cmocka_unit_test(test_lab_becomes_16_bit_srgb),
        cmocka_unit_test(test_cmyk_keeps_its_depth),
    };
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
