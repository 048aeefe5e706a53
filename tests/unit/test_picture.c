/* Pictures and masks: files in and out, colours, what the composite keeps. */
#include "picture/blur.h"
#include "picture/distance.h"
#include "picture/image.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { W = 24, H = 16 };

static de_work work = {.threads = 2};

static void fill(void *pixels, int count, int bits, unsigned seed)
{
    for (int i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        if (bits == 8)
            ((uint8_t *)pixels)[i] = (uint8_t)(seed >> 24);
        else
            ((uint16_t *)pixels)[i] = (uint16_t)(seed >> 16);
    }
}

static diffedit_picture *new_picture(int channels, int bits)
{
    uint16_t pixels[W * H * 4];
    fill(pixels, W * H * channels, bits, (unsigned)(channels * bits));
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_new(&picture, W, H, channels, bits, pixels,
                                          (size_t)(W * channels * bits / 8), NULL),
                     DIFFEDIT_OK);
    return picture;
}

static size_t bytes_of(const diffedit_picture *picture)
{
    return (size_t)(diffedit_picture_width(picture) * diffedit_picture_height(picture) *
                    diffedit_picture_channels(picture) * diffedit_picture_bits(picture) / 8);
}

static void test_lossless_files_come_back(void **state)
{
    (void)state;
    static const char *const names[] = {"a.png", "a.tif", "a.webp"};
    for (int channels = 1; channels <= 4; channels++)
        for (int bits = 8; bits <= 16; bits += 8)
            for (int kind = 0; kind < 3; kind++) {
                if (kind == 2 &&
                    (bits == 16 ||
                     channels != 3)) /* WebP is 8-bit RGB, and rearranges what is clear */
                    continue;
                diffedit_picture *before = new_picture(channels, bits), *after;
                diffedit_error error = {.message = ""};
                const diffedit_save_options options = {
                    .struct_size = sizeof options, .quality = 100, .record = "{\"a\": 1}"};
                const char *path = scratch_path(names[kind]);
                assert_int_equal(diffedit_picture_save(before, path, &options, &error),
                                 DIFFEDIT_OK);
                assert_int_equal(diffedit_picture_open(&after, path, 0, &error), DIFFEDIT_OK);
                assert_int_equal(diffedit_picture_channels(after), channels);
                assert_int_equal(diffedit_picture_bits(after), bits);
                assert_memory_equal(diffedit_picture_pixels(after), diffedit_picture_pixels(before),
                                    bytes_of(before));
                if (kind == 0)
                    assert_string_equal(diffedit_picture_record(after), "{\"a\": 1}");
                diffedit_picture_free(before);
                diffedit_picture_free(after);
            }
}

static void test_a_record_is_not_carried_over(void **state)
{
    (void)state;
    diffedit_picture *first = new_picture(3, 8), *second, *third;
    const diffedit_save_options options = {.struct_size = sizeof options, .record = "{}"};
    assert_int_equal(diffedit_picture_save(first, scratch_path("r.png"), &options, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_open(&second, scratch_path("r.png"), 0, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_save(second, scratch_path("s.png"), NULL, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_open(&third, scratch_path("s.png"), 0, NULL), DIFFEDIT_OK);
    assert_null(diffedit_picture_record(third));
    diffedit_picture_free(first);
    diffedit_picture_free(second);
    diffedit_picture_free(third);
}

static void test_jpeg_is_close(void **state)
{
    (void)state;
    uint8_t pixels[H][W][4], flat[H][W][3];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            uint8_t colour[4] = {(uint8_t)(10 * x), (uint8_t)(12 * y), 128,
                                 (uint8_t)(x < W / 2 ? 255 : 0)};
            memcpy(pixels[y][x], colour, 4);
        }
    diffedit_picture *picture, *read;
    assert_int_equal(diffedit_picture_new(&picture, W, H, 4, 8, pixels, W * 4, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_save(picture, scratch_path("a.jpg"), NULL, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_open(&read, scratch_path("a.jpg"), 0, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_channels(read), 3);
    assert_int_equal(de_picture_network_input(read, W, H, &flat[0][0][0], NULL), DIFFEDIT_OK);
    for (int y = 0; y < H; y++)
        for (int j = 0; j < 3; j++) {
            assert_true(abs(flat[y][2][j] - pixels[y][2][j]) < 12);
            assert_true(flat[y][W - 2][j] > 240); /* what was clear is white */
        }
    diffedit_picture_free(picture);
    diffedit_picture_free(read);
}

static void test_orientation_is_applied(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8), *turned;
    VipsImage *tagged;
    assert_int_equal(vips_copy(picture->image, &tagged, NULL), 0);
    vips_image_set_int(tagged, VIPS_META_ORIENTATION, 6); /* to be turned a quarter to the right */
    assert_int_equal(vips_tiffsave(tagged, scratch_path("o.tif"), NULL), 0);
    g_object_unref(tagged);
    assert_int_equal(diffedit_picture_open(&turned, scratch_path("o.tif"), 0, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_width(turned), H);
    assert_int_equal(diffedit_picture_height(turned), W);
    const uint8_t *before = diffedit_picture_pixels(picture),
                  *after = diffedit_picture_pixels(turned);
    assert_memory_equal(after + (H - 1) * 3, before, 3); /* top left went to top right */
    diffedit_picture_free(picture);
    diffedit_picture_free(turned);
}

/* The orientation that the EXIF block of a file records. */
static int exif_orientation(const char *path)
{
    VipsImage *image = vips_image_new_from_file(path, NULL);
    const void *bytes;
    size_t size;
    assert_non_null(image);
    assert_int_equal(vips_image_get_blob(image, VIPS_META_EXIF_NAME, &bytes, &size), 0);
    const uint8_t *entry = (const uint8_t *)bytes +
                           10; /* the first of a list that follows the header */
    assert_true(size >= 26 && entry[0] == 1 && entry[1] == 0x12);
    int orientation = entry[9];
    g_object_unref(image);
    return orientation;
}

static void test_what_was_turned_is_not_turned_again(void **state)
{
    (void)state;
    /* big-endian: a list of one entry, orientation 6 */
    static const uint8_t exif[] = "MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0";
    diffedit_picture *picture = new_picture(3, 8), *turned;
    VipsImage *tagged;
    assert_int_equal(vips_copy(picture->image, &tagged, NULL), 0);
    vips_image_set_blob_copy(tagged, VIPS_META_EXIF_NAME, exif, sizeof exif - 1);
    vips_image_set_int(tagged, VIPS_META_ORIENTATION, 6);
    assert_int_equal(vips_pngsave(tagged, scratch_path("e.png"), NULL), 0);
    g_object_unref(tagged);
    assert_int_equal(exif_orientation(scratch_path("e.png")), 6);
    assert_int_equal(diffedit_picture_open(&turned, scratch_path("e.png"), 0, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_width(turned), H);
    assert_int_equal(diffedit_picture_save(turned, scratch_path("turned.png"), NULL, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(exif_orientation(scratch_path("turned.png")), 1);
    diffedit_picture_free(picture);
    diffedit_picture_free(turned);
}

/* The picture as a TIFF with the built-in Display P3 profile. */
static diffedit_picture *with_p3_profile(const diffedit_picture *picture)
{
    VipsImage *tagged;
    diffedit_picture *read;
    VipsBlob *profile;
    size_t size;
    assert_int_equal(vips_profile_load("p3", &profile, NULL), 0);
    const void *bytes = vips_blob_get(profile, &size);
    assert_int_equal(vips_copy(picture->image, &tagged, NULL), 0);
    vips_image_set_blob_copy(tagged, VIPS_META_ICC_NAME, bytes, size);
    assert_int_equal(vips_tiffsave(tagged, scratch_path("p3.tif"), NULL), 0);
    g_object_unref(tagged);
    vips_area_unref(VIPS_AREA(profile));
    assert_int_equal(diffedit_picture_open(&read, scratch_path("p3.tif"), 0, NULL), DIFFEDIT_OK);
    return read;
}

static void test_a_profile_is_converted_and_kept(void **state)
{
    (void)state;
    diffedit_picture *plain = new_picture(3, 8), *picture = with_p3_profile(plain), *result;
    uint8_t rgb[W * H * 3];
    const de_edited edited = {rgb, W, H, {0, 0, W, H}};
    assert_false(picture->is_srgb);
    assert_int_equal(de_picture_network_input(picture, W, H, rgb, NULL), DIFFEDIT_OK);
    assert_memory_not_equal(rgb, diffedit_picture_pixels(plain), sizeof rgb);
    /* there and back: colours that sRGB can hold return */
    assert_int_equal(de_picture_composite(&result, picture, &edited, NULL, &work, NULL),
                     DIFFEDIT_OK);
    const uint8_t *before = diffedit_picture_pixels(picture),
                  *after = diffedit_picture_pixels(result);
    int held = 0, close = 0;
    for (int i = 0; i < W * H; i++) {
        const uint8_t *c = rgb + 3 * i;
        bool inside = c[0] > 0 && c[0] < 255 && c[1] > 0 && c[1] < 255 && c[2] > 0 && c[2] < 255;
        held += inside;
        close += inside && abs(before[3 * i] - after[3 * i]) <= 3 &&
                 abs(before[3 * i + 1] - after[3 * i + 1]) <= 3 &&
                 abs(before[3 * i + 2] - after[3 * i + 2]) <= 3;
    }
    assert_true(held > W * H / 4 && close >= held * 95 / 100);
    assert_true(vips_image_get_typeof(result->image, VIPS_META_ICC_NAME) != 0);
    diffedit_picture_free(plain);
    diffedit_picture_free(picture);
    diffedit_picture_free(result);
}

static void expect_rectangle(de_rectangle found, int x, int y, int width, int height)
{
    assert_int_equal(found.x, x);
    assert_int_equal(found.y, y);
    assert_int_equal(found.width, width);
    assert_int_equal(found.height, height);
}

static void check_composite(const diffedit_picture *picture)
{
    uint8_t rgb[W * H * 3];
    const de_edited edited = {rgb, W, H, {0, 0, W, H}};
    float alpha[W * H];
    diffedit_picture *result;
    fill(rgb, W * H * 3, 8, 5);
    for (int i = 0; i < W * H; i++)
        alpha[i] = i % 3 == 0 ? 1 : i % 3 == 1 ? 0.5f : 0;
    assert_int_equal(de_picture_composite(&result, picture, &edited, alpha, &work, NULL),
                     DIFFEDIT_OK);
    size_t pixel = bytes_of(picture) / (W * H);
    int colours = diffedit_picture_channels(picture) > 2 ? 3 : 1, changed = 0;
    const uint8_t *before = diffedit_picture_pixels(picture),
                  *after = diffedit_picture_pixels(result);
    for (size_t i = 0; i < W * H; i++) {
        size_t value = pixel / (size_t)diffedit_picture_channels(picture);
        if (alpha[i] == 0)
            assert_memory_equal(after + i * pixel, before + i * pixel, pixel);
        else
            changed += memcmp(after + i * pixel, before + i * pixel, pixel) != 0;
        if (diffedit_picture_channels(picture) % 2 == 0) /* alpha is copied everywhere */
            assert_memory_equal(after + i * pixel + (size_t)colours * value,
                                before + i * pixel + (size_t)colours * value, value);
        if (alpha[i] == 1 && picture->is_srgb && colours == 3)
            for (size_t j = 0; j < 3; j++) {
                const uint8_t *at = after + i * pixel + j * value;
                uint16_t wide;
                memcpy(&wide, at, value);
                assert_int_equal(value == 1 ? *at : wide, rgb[3 * i + j] * (value == 1 ? 1 : 257));
            }
    }
    assert_true(changed > W * H / 2);
    diffedit_picture_free(result);
}

/* What the composite of a part makes is the composite of the cropped picture, laid over it. */
static void check_part(const diffedit_picture *picture)
{
    const de_rectangle at = {5, 3, 11, 8};
    uint8_t rgb[4 * 6 * 3], mask[W * H] = {0}, cut[11 * 8];
    float alpha[11 * 8];
    diffedit_picture *part, *result, *expected;
    de_edited edited = {rgb, 6, 4, at};
    fill(rgb, 4 * 6 * 3, 8, 7);
    mask[5 * W + 8] = mask[6 * W + 9] = 1;
    expect_rectangle(de_mask_bounds(mask, H, W), 8, 5, 2, 2);
    de_mask_crop(mask, W, at, cut);
    expect_rectangle(de_mask_bounds(cut, 8, 11), 3, 2, 2, 2);
    assert_int_equal(de_mask_alpha(cut, 8, 11, 3, 0, alpha, &work, NULL), DIFFEDIT_OK);
    assert_int_equal(de_picture_crop(&part, picture, at, NULL), DIFFEDIT_OK);
    assert_int_equal(de_picture_composite(&result, picture, &edited, alpha, &work, NULL),
                     DIFFEDIT_OK);
    edited.at = (de_rectangle){0, 0, 11, 8};
    assert_int_equal(de_picture_composite(&expected, part, &edited, alpha, &work, NULL),
                     DIFFEDIT_OK);
    const size_t pixel = bytes_of(picture) / (W * H);
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++) {
            const bool inside = x >= 5 && x < 16 && y >= 3 && y < 11;
            const char *from = diffedit_picture_pixels(inside ? expected : picture),
                       *to = diffedit_picture_pixels(result);
            from += inside ? ((y - 3) * 11 + x - 5) * pixel : (y * W + x) * pixel;
            assert_memory_equal(to + (y * W + x) * pixel, from, pixel);
        }
    assert_memory_not_equal(diffedit_picture_pixels(result), diffedit_picture_pixels(picture),
                            bytes_of(picture));
    diffedit_picture_free(part);
    diffedit_picture_free(result);
    diffedit_picture_free(expected);
}

static void test_the_composite_of_a_part(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 4; channels++)
        for (int bits = 8; bits <= 16; bits += 8) {
            diffedit_picture *picture = new_picture(channels, bits);
            check_part(picture);
            diffedit_picture_free(picture);
        }
    diffedit_picture *plain = new_picture(3, 8), *profiled = with_p3_profile(plain);
    check_part(profiled);
    diffedit_picture_free(plain);
    diffedit_picture_free(profiled);
    const uint8_t none[W] = {0};
    expect_rectangle(de_mask_bounds(none, 1, W), 0, 0, 0, 0);
    assert_true(de_mask_alpha_reach(3, 0) == 3);
}

static void test_the_composite_keeps_what_it_must(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 4; channels++)
        for (int bits = 8; bits <= 16; bits += 8) {
            diffedit_picture *picture = new_picture(channels, bits);
            check_composite(picture);
            if (channels == 3) {
                diffedit_picture *profiled = with_p3_profile(picture);
                check_composite(profiled);
                diffedit_picture_free(profiled);
            }
            diffedit_picture_free(picture);
        }
}

static void test_the_networks_see_the_picture_as_it_is(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8);
    uint8_t rgb[W * H * 3];
    assert_int_equal(de_picture_network_input(picture, W, H, rgb, NULL), DIFFEDIT_OK);
    assert_memory_equal(rgb, diffedit_picture_pixels(picture), sizeof rgb);
    diffedit_picture_free(picture);
    uint8_t clear[4] = {0, 0, 0, 0}, seen[3];
    assert_int_equal(diffedit_picture_new(&picture, 1, 1, 4, 8, clear, 4, NULL), DIFFEDIT_OK);
    assert_int_equal(de_picture_network_input(picture, 1, 1, seen, NULL), DIFFEDIT_OK);
    assert_int_equal(seen[0], 255);
    diffedit_picture_free(picture);
}

static void test_cmyk_becomes_srgb(void **state)
{
    (void)state;
    uint8_t ink[4 * 4 * 4];
    memset(ink, 0, sizeof ink);
    for (int i = 0; i < 16; i++)
        ink[4 * i + 1] = 255; /* magenta */
    assert_int_equal(de_vips_start(NULL), DIFFEDIT_OK);
    VipsImage *over = vips_image_new_from_memory(ink, sizeof ink, 4, 4, 4, VIPS_FORMAT_UCHAR);
    over->Type = VIPS_INTERPRETATION_CMYK;
    assert_int_equal(vips_tiffsave(over, scratch_path("c.tif"), NULL), 0);
    g_object_unref(over);
    diffedit_picture *picture;
    diffedit_error error = {.message = ""};
    diffedit_status status = diffedit_picture_open(&picture, scratch_path("c.tif"), 0, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, DIFFEDIT_OK);
    const uint8_t *rgb = diffedit_picture_pixels(picture);
    assert_int_equal(diffedit_picture_channels(picture), 3);
    assert_true(rgb[0] > rgb[1] + 60 && rgb[2] > rgb[1] + 20);
    assert_non_null(strstr(diffedit_picture_warning(picture), "CMYK"));
    diffedit_picture_free(picture);
}

static void expect_refused(const char *path, diffedit_status expected, const char *part)
{
    diffedit_picture *picture;
    diffedit_error error = {.message = ""};
    assert_int_equal(diffedit_picture_open(&picture, path, 0, &error), expected);
    if (!strstr(error.message, part) || !strstr(error.message, path) || strchr(error.message, '\n'))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void test_bad_files(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8);
    void *bytes;
    size_t size;
    assert_int_equal(diffedit_picture_encode(&bytes, &size, picture, NULL, NULL), DIFFEDIT_OK);
    expect_refused(scratch_write("cut.png", bytes, size * 2 / 3), DIFFEDIT_ERROR_PICTURE, "");
    /* a header that claims 60000 x 60000 pixels */
    uint8_t *header = bytes;
    header[16] = header[17] = header[20] = header[21] = 0;
    header[18] = header[22] = 0xea;
    header[19] = header[23] = 0x60;
    static const uint8_t crc[] = {0, 0, 0, 0};
    memcpy(header + 29, crc, 4);
    const char *bomb = scratch_write("bomb.png", bytes, size);
    diffedit_error error;
    diffedit_picture *none;
    assert_int_equal(diffedit_picture_open(&none, bomb, 0, &error), DIFFEDIT_ERROR_PICTURE);
    expect_refused(scratch_write_text("notes.txt", "not a picture"), DIFFEDIT_ERROR_PICTURE,
                   "unsupported picture format");
    expect_refused(scratch_write_text("p.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
                   DIFFEDIT_ERROR_PICTURE, "unsupported picture format");
    expect_refused(scratch_write_text("empty.png", ""), DIFFEDIT_ERROR_PICTURE,
                   "unsupported picture format");
    expect_refused(scratch_path("nothing.png"), DIFFEDIT_ERROR_FILE, "No such file");
    expect_refused("/tmp", DIFFEDIT_ERROR_FILE, "folder");
    diffedit_free(bytes);
    diffedit_picture_free(picture);
}

static void test_the_largest_size_is_checked(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8), *none;
    diffedit_error error;
    assert_int_equal(diffedit_picture_save(picture, scratch_path("m.png"), NULL, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_open(&none, scratch_path("m.png"), W * H - 1, &error),
                     DIFFEDIT_ERROR_PICTURE);
    assert_non_null(strstr(error.message, "24x16"));
    diffedit_picture_free(picture);
}

static void test_outputs_are_checked_first(void **state)
{
    (void)state;
    diffedit_error error;
    assert_int_equal(diffedit_picture_check_output(scratch_path("new.PNG"), &error), DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_check_output(scratch_path("new.gif"), &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_int_equal(diffedit_picture_check_output("/nowhere/at/all.png", &error),
                     DIFFEDIT_ERROR_FILE);
    diffedit_picture *picture = new_picture(3, 8);
    assert_int_equal(diffedit_picture_save(picture, "/nowhere/at/all.png", NULL, &error),
                     DIFFEDIT_ERROR_FILE);
    diffedit_picture_free(picture);
}

/* ---- masks ---- */

static void test_growth_against_brute_force(void **state)
{
    (void)state;
    for (int pixels = -4; pixels <= 5; pixels++) {
        uint8_t mask[H * W], grown[H * W];
        unsigned seed = 3;
        for (int i = 0; i < H * W; i++) {
            seed = seed * 1664525u + 1013904223u;
            mask[i] = pixels > 0 ? seed >> 27 == 0 : seed >> 27 != 0;
        }
        memcpy(grown, mask, sizeof mask);
        if (pixels)
            assert_int_equal(de_mask_grow(grown, H, W, pixels, &work, NULL), DIFFEDIT_OK);
        uint8_t spreading = pixels > 0;
        for (int i = 0; i < H * W && pixels; i++) {
            bool reached = false;
            for (int j = 0; j < H * W; j++) {
                int dy = i / W - j / W, dx = i % W - j % W;
                reached |= mask[j] == spreading && dy * dy + dx * dx <= pixels * pixels;
            }
            assert_int_equal(grown[i], reached ? spreading : mask[i]);
        }
    }
}

/* What a walk from the border reaches, in as many rounds as it needs. */
static void fill_exactly(uint8_t *mask, int height, int width)
{
    uint8_t reached[H * W] = {0};
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < height * width; i++) {
            int y = i / width, x = i % width;
            bool outside = y == 0 || x == 0 || y == height - 1 || x == width - 1 ||
                           reached[i - width] || reached[i + width] || reached[i - 1] ||
                           reached[i + 1];
            if (!mask[i] && !reached[i] && outside)
                more = (reached[i] = 1);
        }
    }
    for (int i = 0; i < height * width; i++)
        mask[i] = !reached[i];
}

static void test_holes_are_what_has_no_way_out(void **state)
{
    (void)state;
    unsigned seed = 3;
    for (int i = 0; i < 400; i++) {
        uint8_t mask[H * W], expected[H * W];
        int height = 1 + i % H, width = 1 + i / 20 % W;
        for (int j = 0; j < height * width; j++) {
            seed = seed * 1664525u + 1013904223u;
            mask[j] = expected[j] = (int)(seed >> 24) < 90 + i % 3 * 40;
        }
        fill_exactly(expected, height, width);
        assert_int_equal(de_mask_fill(mask, height, width, NULL), DIFFEDIT_OK);
        assert_memory_equal(mask, expected, (size_t)(height * width));
    }
}

static void test_specks_are_small_parts(void **state)
{
    (void)state;
    static const char before[] = "##...#"
                                 "#..#.#"
                                 "..#..#"
                                 "#..#.#"
                                 "######",
                      after[] = "##...#"
                                "#....#"
                                ".....#"
                                "#..#.#"
                                "######";
    uint8_t mask[5 * 6];
    for (int i = 0; i < 5 * 6; i++)
        mask[i] = before[i] == '#';
    assert_int_equal(de_mask_drop_specks(mask, 5, 6, 3, NULL), DIFFEDIT_OK);
    for (int i = 0; i < 5 * 6; i++)
        assert_int_equal(mask[i], after[i] == '#');
    assert_int_equal(de_mask_drop_specks(mask, 5, 6, 4, NULL), DIFFEDIT_OK);
    assert_int_equal(mask[0] + mask[1] + mask[6], 0);
    assert_int_equal(mask[5] + mask[11] + mask[18] + mask[21] + mask[24], 5);
    assert_int_equal(de_mask_drop_specks(mask, 5, 6, 12, NULL), DIFFEDIT_OK);
    assert_int_equal(mask[24], 1); /* the part has twelve */
    assert_int_equal(de_mask_drop_specks(mask, 5, 6, 13, NULL), DIFFEDIT_OK);
    assert_null(memchr(mask, 1, sizeof mask));
}

static void test_alpha_follows_the_formula(void **state)
{
    (void)state;
    uint8_t mask[H * W] = {0};
    float alpha[H * W];
    mask[8 * W + 8] = 1;
    assert_int_equal(de_mask_alpha(mask, H, W, 4, 0, alpha, &work, NULL), DIFFEDIT_OK);
    assert_true(alpha[8 * W + 8] == 1 && alpha[8 * W + 12] == 0 && alpha[0] == 0);
    double t = sqrt(5) / 4; /* two across, one down */
    assert_float_equal(alpha[9 * W + 10], 1 - t * t * (3 - 2 * t), 1e-6);
    assert_int_equal(de_mask_alpha(mask, H, W, 0, 0, alpha, &work, NULL), DIFFEDIT_OK);
    assert_true(alpha[8 * W + 8] == 1 && alpha[8 * W + 9] == 0);
    assert_int_equal(de_mask_alpha(mask, H, W, 0, 2, alpha, &work, NULL), DIFFEDIT_OK);
    double sum = 0;
    for (int i = 0; i < H * W; i++)
        sum += alpha[i];
    assert_float_equal(sum, 1, 1e-5);
    memset(mask, 0, sizeof mask);
    assert_int_equal(de_mask_alpha(mask, H, W, 4, 0, alpha, &work, NULL), DIFFEDIT_OK);
    assert_true(alpha[0] == 0);
}

static void test_distances_are_exact_up_to_their_reach(void **state)
{
    (void)state;
    enum { SIDE = 90 };
    static uint8_t mask[SIDE * SIDE];
    static float squared[SIDE * SIDE];
    static const double reaches[] = {0, 3, 17, 200};
    for (int density = 1; density <= 8; density += 7)
        for (size_t k = 0; k < sizeof reaches / sizeof *reaches; k++) {
            double reach = reaches[k];
            unsigned seed = 9;
            for (int i = 0; i < SIDE * SIDE; i++) {
                seed = seed * 1664525u + 1013904223u;
                mask[i] = (int)(seed >> 23) < density || (i / SIDE < 9 && i % SIDE < 30);
            }
            assert_int_equal(de_squared_distance(mask, 1, SIDE, SIDE, reach, squared, &work, NULL),
                             DIFFEDIT_OK);
            for (int i = 0; i < SIDE * SIDE; i += 7) {
                int nearest = 1 << 20;
                for (int j = 0; j < SIDE * SIDE; j++) {
                    int dy = i / SIDE - j / SIDE, dx = i % SIDE - j % SIDE;
                    if (mask[j] && dy * dy + dx * dx < nearest)
                        nearest = dy * dy + dx * dx;
                }
                if (nearest <= reach * reach)
                    assert_true(squared[i] == (float)nearest);
                else
                    assert_true((double)squared[i] > reach * reach);
            }
        }
}

/* A Gaussian's own blur of x [n], edges replicated. */
static void blur_exactly(const float *x, int n, double sigma, double *y)
{
    for (int i = 0; i < n; i++) {
        double sum = 0, weights = 0;
        for (int k = -(int)(8 * sigma) - 1; k <= (int)(8 * sigma) + 1; k++) {
            int at = i + k < 0 ? 0 : i + k >= n ? n - 1 : i + k;
            double weight = exp(-0.5 * k * k / (sigma * sigma));
            sum += weight * (double)x[at];
            weights += weight;
        }
        y[i] = sum / weights;
    }
}

static void test_blur_is_nearly_a_gaussian(void **state)
{
    (void)state;
    enum { N = 500 };
    static const double sigmas[] = {0.25, 0.5, 1, 1.7, 3, 10, 47, 200, 2048};
    for (size_t k = 0; k < sizeof sigmas / sizeof *sigmas; k++)
        for (int along = 0; along < 2; along++) {
            float alpha[N * 3], line[N];
            double expected[N], worst = 0;
            for (int i = 0; i < N; i++)
                line[i] = (i >= 130 && i < 300) || (i >= 310 && i < 312);
            for (int i = 0; i < 3 * N; i++)
                alpha[i] = line[along ? i / 3 : i % N];
            assert_int_equal(de_blur(alpha, along ? N : 3, along ? 3 : N, sigmas[k], &work, NULL),
                             DIFFEDIT_OK);
            blur_exactly(line, N, sigmas[k], expected);
            for (int i = 0; i < N; i++) {
                float found = alpha[along ? 3 * i + 1 : N + i];
                worst = fmax(worst, fabs((double)found - expected[i]));
                if (i < 120 - 4 * sigmas[k])
                    assert_true(found == 0);
                if (i > 140 + 4 * sigmas[k] && i < 290 - 4 * sigmas[k])
                    assert_true(found == 1);
            }
            if (worst > 0.015)
                fail_msg("sigma %g: off by %g", sigmas[k], worst);
        }
}

static diffedit_status stop_at(void *at, int done, int total, diffedit_error *error)
{
    assert_in_range(done, 1, total);
    return done == *(int *)at ? de_fail(error, DIFFEDIT_ERROR_CANCELLED, "stopped") : DIFFEDIT_OK;
}

static void test_every_step_of_a_composite_can_be_the_last(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8), *result;
    uint8_t rgb[W * H * 3], mask[W * H];
    const de_edited edited = {rgb, W, H, {0, 0, W, H}};
    float alpha[W * H];
    fill(rgb, W * H * 3, 8, 5);
    for (int i = 0; i < W * H; i++)
        mask[i] = i % 5 == 0;
    int total = DE_WORK_BANDS * (de_mask_alpha_loops(2) + 1);
    for (int at = 1; at <= total + 1; at++) {
        de_work stopped = {.threads = 2, .step = stop_at, .user = &at, .total = total};
        diffedit_status status = de_mask_alpha(mask, H, W, 3, 2, alpha, &stopped, NULL);
        if (status == DIFFEDIT_OK)
            status = de_picture_composite(&result, picture, &edited, alpha, &stopped, NULL);
        assert_int_equal(status, at <= total ? DIFFEDIT_ERROR_CANCELLED : DIFFEDIT_OK);
        assert_int_equal(stopped.done, at <= total ? at : total);
    }
    diffedit_picture_free(result);
    diffedit_picture_free(picture);
}

static void test_cells_and_pixels(void **state)
{
    (void)state;
    static const int sizes[][4] = {{2, 3, 8, 12}, {3, 5, 10, 13}, {7, 4, 16, 24}, {5, 6, 3, 4}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int h = sizes[s][0], w = sizes[s][1], height = sizes[s][2], width = sizes[s][3];
        uint8_t cells[64], mask[H * W], back[64];
        for (int i = 0; i < h * w; i++)
            cells[i] = (uint8_t)(i * 7 % 3 == 0);
        de_mask_from_cells(cells, h, w, height, width, mask);
        de_mask_to_cells(mask, height, width, h, w, back);
        if (height >= h && width >= w)
            assert_memory_equal(back, cells, (size_t)(h * w));
    }
    uint8_t mask[8 * 8] = {0}, cells[4];
    mask[7 * 8 + 0] = 1; /* one pixel makes its cell */
    de_mask_to_cells(mask, 8, 8, 2, 2, cells);
    assert_true(!cells[0] && !cells[1] && cells[2] && !cells[3]);
}

static void test_a_picture_as_a_mask(void **state)
{
    (void)state;
    const uint8_t grey[4] = {0, 127, 128, 255};
    diffedit_picture *picture;
    uint8_t mask[4];
    de_mask_range range;
    diffedit_error error;
    assert_int_equal(diffedit_picture_new(&picture, 4, 1, 1, 8, grey, 4, NULL), DIFFEDIT_OK);
    assert_int_equal(de_mask_from_picture(picture, 4, 1, mask, &range, NULL), DIFFEDIT_OK);
    assert_true(!mask[0] && !mask[1] && mask[2] && mask[3]);
    assert_true(range.darkest == 0 && range.brightest == 255);
    memset(mask, 7, sizeof mask);
    assert_int_equal(diffedit_picture_to_mask(mask, picture, NULL), DIFFEDIT_OK);
    assert_memory_equal(mask, ((uint8_t[]){0, 0, 1, 1}), 4);
    assert_int_equal(de_mask_from_picture(picture, 5, 1, mask, &range, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "the mask is 4x1 pixels, but the picture is 5x1");
    diffedit_picture_free(picture);
}

static void test_a_mask_on_a_clear_layer(void **state)
{
    (void)state;
    /* pairs of grey and alpha, and what is to be changed */
    static const struct {
        uint8_t pixels[4][2], mask[4], brightest;
    } cases[] = {
        {{{0, 0}, {255, 255}, {255, 200}, {255, 60}}, {0, 1, 1, 0}, 255},    /* white paint */
        {{{255, 0}, {255, 255}, {255, 255}, {90, 0}}, {0, 1, 1, 0}, 255},    /* on a white one */
        {{{255, 0}, {0, 255}, {0, 200}, {0, 60}}, {1, 0, 0, 1}, 255},        /* black paint */
        {{{0, 255}, {0, 255}, {255, 0}, {0, 255}}, {0, 0, 1, 0}, 255},       /* hole in black */
        {{{255, 255}, {255, 255}, {255, 0}, {255, 255}}, {1, 1, 0, 1}, 255}, /* hole in white */
        {{{0, 255}, {255, 255}, {127, 255}, {128, 255}}, {0, 1, 0, 1}, 255}, /* opaque */
        {{{0, 90}, {255, 90}, {127, 90}, {128, 90}}, {0, 1, 0, 1}, 255},     /* one alpha */
        {{{0, 0}, {0, 0}, {0, 0}, {0, 0}}, {0, 0, 0, 0}, 0},                 /* an empty layer */
        {{{0, 0}, {255, 90}, {255, 10}, {0, 0}}, {0, 0, 0, 0}, 90},          /* faint paint */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int bits = 8; bits <= 16; bits += 8) {
            uint16_t wide[8];
            uint8_t mask[4];
            de_mask_range range;
            diffedit_picture *picture;
            for (int j = 0; j < 8; j++)
                wide[j] = (uint16_t)(257 * cases[i].pixels[j / 2][j % 2]);
            assert_int_equal(diffedit_picture_new(&picture, 4, 1, 2, bits,
                                                  bits == 8 ? (const void *)cases[i].pixels : wide,
                                                  (size_t)bits, NULL),
                             DIFFEDIT_OK);
            assert_int_equal(de_mask_from_picture(picture, 4, 1, mask, &range, NULL), DIFFEDIT_OK);
            assert_memory_equal(mask, cases[i].mask, 4);
            assert_int_equal(range.brightest, cases[i].brightest);
            diffedit_picture_free(picture);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lossless_files_come_back),
        cmocka_unit_test(test_a_record_is_not_carried_over),
        cmocka_unit_test(test_jpeg_is_close),
        cmocka_unit_test(test_orientation_is_applied),
        cmocka_unit_test(test_what_was_turned_is_not_turned_again),
        cmocka_unit_test(test_a_profile_is_converted_and_kept),
        cmocka_unit_test(test_the_composite_keeps_what_it_must),
        cmocka_unit_test(test_the_composite_of_a_part),
        cmocka_unit_test(test_the_networks_see_the_picture_as_it_is),
        cmocka_unit_test(test_cmyk_becomes_srgb),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_the_largest_size_is_checked),
        cmocka_unit_test(test_outputs_are_checked_first),
        cmocka_unit_test(test_growth_against_brute_force),
        cmocka_unit_test(test_holes_are_what_has_no_way_out),
        cmocka_unit_test(test_specks_are_small_parts),
        cmocka_unit_test(test_alpha_follows_the_formula),
        cmocka_unit_test(test_distances_are_exact_up_to_their_reach),
        cmocka_unit_test(test_blur_is_nearly_a_gaussian),
        cmocka_unit_test(test_every_step_of_a_composite_can_be_the_last),
        cmocka_unit_test(test_cells_and_pixels),
        cmocka_unit_test(test_a_picture_as_a_mask),
        cmocka_unit_test(test_a_mask_on_a_clear_layer),
    };
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
