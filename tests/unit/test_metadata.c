/* What a file says beside its pixels: what is kept, what is corrected, what the networks see. */
#include "picture/exif.h"
#include "picture/image.h"
#include "picture/jpeg_segments.h"
#include "picture/png_chunks.h"
#include "picture/text_chunks.h"
#include "picture/xmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { W = 24, H = 16, FORMATS = 4, ROOM = 1 << 16 };

static const char *const FORMAT[FORMATS] = {".png", ".jpg", ".webp", ".tif"};

typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

static file file_of(const diffedit_picture *picture, const char *format)
{
    void *bytes;
    size_t size;
    const diffedit_save_options options = {.struct_size = sizeof options, .format = format};
    assert_int_equal(diffedit_picture_encode(&bytes, &size, picture, &options, NULL), DIFFEDIT_OK);
    return (file){bytes, size};
}

static diffedit_picture *picture_of(file from)
{
    diffedit_picture *picture;
    diffedit_error error = {.message = ""};
    diffedit_status status = diffedit_picture_decode(&picture, from.bytes, from.size, "it", 0,
                                                     &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, DIFFEDIT_OK);
    return picture;
}

static diffedit_picture *new_picture(int channels, int bits)
{
    uint8_t pixels[W * H * 8];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37 + i / 64);
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_new(&picture, W, H, channels, bits, pixels,
                                          (size_t)(W * channels * bits / 8), NULL),
                     DIFFEDIT_OK);
    return picture;
}

static file new_file(int channels, int bits, const char *format)
{
    diffedit_picture *picture = new_picture(channels, bits);
    file made = file_of(picture, format);
    diffedit_picture_free(picture);
    return made;
}

static file read_file(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", PICTURES, name);
    FILE *from = fopen(path, "rb");
    assert_non_null(from);
    file read = {malloc(ROOM), 0};
    read.size = fread(read.bytes, 1, ROOM, from);
    fclose(from);
    return read;
}

/* Puts bytes into a file, which it may move. */
static void insert(file *into, size_t at, const void *bytes, size_t size)
{
    into->bytes = realloc(into->bytes, into->size + size);
    memmove(into->bytes + at + size, into->bytes + at, into->size - at);
    memcpy(into->bytes + at, bytes, size);
    into->size += size;
}

static const uint8_t *find_bytes(file in, const void *bytes, size_t size)
{
    for (size_t i = 0; i + size <= in.size; i++)
        if (memcmp(in.bytes + i, bytes, size) == 0)
            return in.bytes + i;
    return NULL;
}

static bool has_text(file in, const char *text)
{
    return find_bytes(in, text, strlen(text)) != NULL;
}

/* ---- PNG ---- */

enum { BEHIND_HEAD = 33 };

static void add_chunk_at(file *png, size_t at, const char *type, const void *data, size_t size)
{
    uint8_t chunk[ROOM];
    insert(png, at, chunk, de_png_write(chunk, type, data, size));
}

static void add_chunk(file *png, const char *type, const void *data, size_t size)
{
    add_chunk_at(png, BEHIND_HEAD, type, data, size);
}

/* Removes the first chunk of a type, if there is one. */
static void remove_chunk(file *png, const char *type)
{
    de_png_chunk chunk;
    for (size_t at = 0; de_png_next(png->bytes, png->size, &at, &chunk);)
        if (de_png_has_type(&chunk, type)) {
            memmove(png->bytes + at - chunk.whole_size, png->bytes + at, png->size - at);
            png->size -= chunk.whole_size;
            return;
        }
}

/* How many chunks of a type hold just these bytes. */
static int count_chunks(file png, const char *type, const void *data, size_t size)
{
    de_png_chunk chunk;
    int count = 0;
    for (size_t at = 0; de_png_next(png.bytes, png.size, &at, &chunk);)
        if (de_png_has_type(&chunk, type) &&
            (!data || (chunk.size == size && memcmp(chunk.data, data, size) == 0)))
            count += de_png_is_sound(&chunk);
    return count;
}

static void test_colour_chunks_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *type, *data;
        size_t size;
        const char *warning;
        bool is_srgb;
    } cases[] = {
        {"gAMA", "\0\1\x86\xa0", 4, NULL, false},
        {"gAMA", "\0\0\xb1\x8f", 4, NULL, true},
        {"sRGB", "\2", 1, NULL, true},
        {"cICP", "\x0c\x0d\0\1", 4, NULL, false},
        {"cICP", "\x01\x0d\0\1", 4, NULL, true},
        {"cICP", "\x0c\x10\0\1", 4, "PQ", true},
        {"cICP", "\x09\x12\0\1", 4, "HLG", true},
        {"cICP", "\x63\x0d\0\1", 4, "cICP", true},
        {"mDCV", "123456789012345678901234", 24, NULL, true},
        {"gAMA", "\0\0\0\1", 4, "gAMA", true},
        {"gAMA", "\0\0\0\0", 4, NULL, true},
        {"cHRM", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32, "cHRM",
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int channels = 1; channels <= 4; channels++)
            for (int bits = 8; bits <= 16; bits += 8) {
                bool grey = channels < 3;
                if (grey && (cases[i].type[0] == 'c')) /* of primaries, which grey has not */
                    continue;
                file in = new_file(channels, bits, ".png");
                add_chunk(&in, cases[i].type, cases[i].data, cases[i].size);
                diffedit_picture *picture = picture_of(in), *copy;
                assert_int_equal(picture->is_srgb, cases[i].is_srgb);
                const char *warning = diffedit_picture_warning(picture);
                if (cases[i].warning)
                    assert_non_null(strstr(warning, cases[i].warning));
                else
                    assert_null(warning);
                file out = file_of(picture, ".png");
                assert_int_equal(count_chunks(out, cases[i].type, cases[i].data, cases[i].size), 1);
                assert_int_equal(count_chunks(out, "iCCP", NULL, 0), 0);
                copy = picture_of(out);
                assert_memory_equal(diffedit_picture_pixels(copy), diffedit_picture_pixels(picture),
                                    (size_t)(W * H * channels * bits / 8));
                diffedit_picture_free(picture);
                diffedit_picture_free(copy);
                free(in.bytes);
                free(out.bytes);
            }
}

/* What the networks see of one colour under a chunk, and that the edit comes back from it. */
static void check_seen(int channels, int bits, const char *type, const char *data, size_t size,
                       const uint8_t colour[3], const uint8_t expected[3])
{
    uint16_t wide[3];
    uint8_t narrow[3], seen[3];
    diffedit_picture *picture, *back;
    for (int i = 0; i < 3; i++) {
        narrow[i] = colour[i];
        wide[i] = (uint16_t)(colour[i] * 257);
    }
    assert_int_equal(diffedit_picture_new(&picture, 1, 1, channels, bits,
                                          bits == 8 ? (void *)narrow : (void *)wide, 6, NULL),
                     DIFFEDIT_OK);
    file in = file_of(picture, ".png");
    diffedit_picture_free(picture);
    add_chunk(&in, type, data, size);
    picture = picture_of(in);
    assert_int_equal(de_picture_network_input(picture, 1, 1, seen, NULL), DIFFEDIT_OK);
    for (int i = 0; i < 3; i++)
        assert_true(abs(seen[i] - expected[channels < 3 ? 0 : i]) <= 1);
    de_work work = {.threads = 1};
    const de_edited edited = {seen, 1, 1, {0, 0, 1, 1}};
    assert_int_equal(de_picture_composite(&back, picture, &edited, NULL, &work, NULL), DIFFEDIT_OK);
    for (int i = 0; i < channels; i++) {
        const void *pixels = diffedit_picture_pixels(back);
        int value = bits == 8 ? ((const uint8_t *)pixels)[i] : ((const uint16_t *)pixels)[i] / 257;
        assert_true(abs(value - colour[i]) <= 2);
    }
    /* a file that has no chunks holds a profile that says the same */
    file tiff = file_of(picture, ".tif");
    diffedit_picture_free(back);
    back = picture_of(tiff);
    assert_int_equal(de_picture_network_input(back, 1, 1, seen, NULL), DIFFEDIT_OK);
    for (int i = 0; i < 3; i++)
        assert_true(abs(seen[i] - expected[channels < 3 ? 0 : i]) <= 1);
    diffedit_picture_free(picture);
    diffedit_picture_free(back);
    free(in.bytes);
    free(tiff.bytes);
}

static void test_the_networks_see_what_the_chunks_say(void **state)
{
    (void)state;
    static const uint8_t light[] = {128, 64, 200}, light_seen[] = {188, 137, 229},
                         pink[] = {200, 128, 128}, pink_seen[] = {212, 124, 126};
    static const char gamma[] = "\0\1\x86\xa0", p3[] = "\x0c\x0d\0\1",
                      p3_primaries[] = "\0\0\x7a\x26\0\0\x80\x84\0\1\x09\xa0\0\0\x7d\0"
                                       "\0\0\x67\x84\0\1\x0d\x88\0\0\x3a\x98\0\0\x17\x70";
    for (int channels = 1; channels <= 3; channels += 2)
        for (int bits = 8; bits <= 16; bits += 8)
            check_seen(channels, bits, "gAMA", gamma, 4, light, light_seen);
    check_seen(3, 8, "cICP", p3, 4, pink, pink_seen);
    check_seen(3, 16, "cHRM", p3_primaries, 32, pink, pink_seen);
}

static void test_the_order_of_precedence(void **state)
{
    (void)state;
    file in = new_file(3, 8, ".png");
    add_chunk(&in, "gAMA", "\0\1\x86\xa0", 4);
    add_chunk(&in, "sRGB", "\0", 1);
    diffedit_picture *picture = picture_of(in);
    assert_true(picture->is_srgb);
    file out = file_of(picture, ".png");
    assert_int_equal(count_chunks(out, "gAMA", NULL, 0), 1);
    assert_int_equal(count_chunks(out, "sRGB", NULL, 0), 1);
    diffedit_picture_free(picture);
    free(out.bytes);
    /* a chunk whose checksum is wrong is none */
    in.bytes[BEHIND_HEAD + 8] ^= 1;
    picture = picture_of(in);
    assert_false(picture->is_srgb);
    diffedit_picture_free(picture);
    free(in.bytes);
}

static void test_a_profile_and_cicp(void **state)
{
    (void)state;
    /* a file with a profile, which cICP overrules: both are kept */
    file linear = new_file(3, 8, ".png");
    add_chunk(&linear, "gAMA", "\0\1\x86\xa0", 4);
    diffedit_picture *picture = picture_of(linear);
    file tiff = file_of(picture, ".tif");
    diffedit_picture_free(picture);
    picture = picture_of(tiff);
    file png = file_of(picture, ".png");
    assert_int_equal(count_chunks(png, "iCCP", NULL, 0), 1);
    diffedit_picture_free(picture);
    add_chunk(&png, "cICP", "\x0c\x0d\0\1", 4);
    picture = picture_of(png);
    assert_null(diffedit_picture_warning(picture));
    file out = file_of(picture, ".png");
    assert_int_equal(count_chunks(out, "iCCP", NULL, 0), 1);
    assert_int_equal(count_chunks(out, "cICP", NULL, 0), 1);
    de_png_chunk before, after;
    size_t at = BEHIND_HEAD, to = BEHIND_HEAD;
    while (de_png_next(png.bytes, png.size, &at, &before) && !de_png_has_type(&before, "iCCP"))
        continue;
    while (de_png_next(out.bytes, out.size, &to, &after) && !de_png_has_type(&after, "iCCP"))
        continue;
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    diffedit_picture_free(picture);
    free(linear.bytes);
    free(tiff.bytes);
    free(png.bytes);
    free(out.bytes);
}

static void test_texts_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *type, *data;
        size_t size;
        const char *comment; /* in a JPEG */
    } texts[] = {
        {"tEXt", "parameters\0a horse, steps: 20", 29, "parameters: a horse, steps: 20"},
        {"tEXt", "Copyright\0(c) J\xfcrgen", 20, "Copyright: (c) J\xc3\xbcrgen"},
        {"iTXt", "Title\0\0\0en\0\0M\xc3\xbcll", 17, "Title: M\xc3\xbcll"},
        {"zTXt", "Comment\0\0x\x9c\xcbH\xcd\xc9\xc9\x07\0\x06,\x02\x15", 22, "hello"},
        {"tEXt", "Comment\0plain", 13, "plain"},
    };
    enum { COUNT = sizeof texts / sizeof *texts };
    const diffedit_save_options options = {.struct_size = sizeof options, .record = "{\"a\": 1}"};
    for (int behind = 0; behind < 2; behind++) {
        file in = new_file(3, 8, ".png");
        for (size_t i = COUNT; i-- > 0;)
            if (texts[i].type[0] != 'z' || !behind) /* libvips unpacks what stands in front */
                add_chunk_at(&in, behind ? in.size - DE_PNG_FRAME : BEHIND_HEAD, texts[i].type,
                             texts[i].data, texts[i].size);
        diffedit_picture *picture = picture_of(in), *again;
        file png = {NULL, 0}, jpeg = file_of(picture, ".jpg");
        void *bytes;
        assert_int_equal(diffedit_picture_encode(&bytes, &png.size, picture, &options, NULL),
                         DIFFEDIT_OK);
        png.bytes = bytes;
        for (size_t i = 0; i < COUNT; i++)
            if (texts[i].type[0] != 'z' || !behind) {
                assert_int_equal(count_chunks(png, texts[i].type, texts[i].data, texts[i].size), 1);
                assert_true(has_text(jpeg, texts[i].comment));
            }
        again = picture_of(png);
        assert_string_equal(diffedit_picture_record(again), "{\"a\": 1}");
        file last = file_of(again, ".png"); /* without a record */
        assert_false(has_text(last, "diffedit"));
        assert_true(has_text(last, "parameters"));
        diffedit_picture_free(picture);
        diffedit_picture_free(again);
        free(in.bytes);
        free(png.bytes);
        free(jpeg.bytes);
        free(last.bytes);
    }
}

static void test_comments_are_kept(void **state)
{
    (void)state;
    static const char one[] = "\xff\xfe\0\x07hello", two[] = "\xff\xfe\0\x06M\xc3\xbc\0";
    file in = new_file(3, 8, ".jpg");
    insert(&in, 2, two, sizeof two - 1);
    insert(&in, 2, one, sizeof one - 1);
    diffedit_picture *picture = picture_of(in);
    file jpeg = file_of(picture, ".jpg"), png = file_of(picture, ".png");
    const uint8_t *first = find_bytes(jpeg, one, sizeof one - 1);
    assert_non_null(first);
    assert_memory_equal(first + sizeof one - 1, two, sizeof two - 1);
    assert_int_equal(count_chunks(png, "tEXt", "Comment\0hello", 13), 1);
    assert_int_equal(count_chunks(png, "iTXt", "Comment\0\0\0\0\0M\xc3\xbc", 15), 1);
    diffedit_picture_free(picture);
    picture = picture_of(png);
    file back = file_of(picture, ".jpg");
    assert_non_null(find_bytes(back, one, sizeof one - 1));
    diffedit_picture_free(picture);
    free(in.bytes);
    free(jpeg.bytes);
    free(png.bytes);
    free(back.bytes);
}

/* ---- previews ---- */

/* The picture data of the first JPEG within a JPEG: what no result may hold. */
static const uint8_t *preview_data(file jpeg, size_t *size)
{
    file rest = {jpeg.bytes + 2, jpeg.size - 2};
    const uint8_t *start = find_bytes(rest, "\xff\xd8\xff", 3);
    assert_non_null(start);
    de_jpeg_survey survey = de_jpeg_look(start, (size_t)(jpeg.bytes + jpeg.size - start));
    assert_true(survey.ends);
    *size = 32;
    return start + survey.length - 40;
}

/* Opens a file and checks what is written in each format. */
static void check_without(file in, const void *data, size_t size, const char *kept)
{
    diffedit_picture *picture = picture_of(in);
    assert_non_null(find_bytes(in, data, size));
    for (int i = 0; i < FORMATS; i++) {
        file out = file_of(picture, FORMAT[i]);
        assert_null(find_bytes(out, data, size));
        file rest = {out.bytes + 2, out.size - 2};
        assert_null(find_bytes(rest, "\xff\xd8\xff", 3));
        if (kept && i < 3 && !has_text(out, kept)) /* libvips writes no EXIF into a TIFF */
            fail_msg("%s: \"%s\" is gone", FORMAT[i], kept);
        free(out.bytes);
    }
    diffedit_picture_free(picture);
}

static void test_thumbnails_are_dropped(void **state)
{
    (void)state;
    size_t size;
    file in = read_file("exif-thumbnail.jpg");
    const uint8_t *preview = preview_data(in, &size);
    check_without(in, preview, size, NULL);
    /* the same block in a PNG, in front of the pixels and behind them */
    const uint8_t *exif = find_bytes(in, "Exif\0", 6) + 6;
    size_t length = ((size_t)exif[-8] << 8 | exif[-7]) - 8;
    for (int behind = 0; behind < 2; behind++) {
        file png = new_file(3, 8, ".png");
        add_chunk_at(&png, behind ? png.size - DE_PNG_FRAME : BEHIND_HEAD, "eXIf", exif, length);
        check_without(png, preview, size, NULL);
        diffedit_picture *picture = picture_of(png);
        file out = file_of(picture, ".png");
        assert_int_equal(count_chunks(out, "eXIf", NULL, 0), 1);
        diffedit_picture_free(picture);
        free(out.bytes);
        free(png.bytes);
    }
    free(in.bytes);
}

/* A little-endian block: a maker, a maker's note that holds a JPEG, and strips as the thumbnail. */
static size_t make_exif(uint8_t *exif, const file *jpeg)
{
    enum { NOTE = 120, NOTE_HEAD = 8 };
    static const uint8_t head[NOTE] = "II*\0\x08\0\0\0"
                                      "\2\0"
                                      "\x0f\1\2\0\6\0\0\0\x70\0\0\0"
                                      "\x69\x87\4\0\1\0\0\0\x26\0\0\0"
                                      "\x38\0\0\0"
                                      "\1\0"
                                      "\x7c\x92\7\0\0\0\0\0\x78\0\0\0"
                                      "\0\0\0\0"
                                      "\2\0"
                                      "\x11\1\4\0\1\0\0\0\x68\0\0\0"
                                      "\x17\1\4\0\1\0\0\0\x08\0\0\0"
                                      "\0\0\0\0"
                                      "                  "
                                      "STRIPSIN"
                                      "Maker\0";
    memcpy(exif, head, NOTE);
    memcpy(exif + NOTE, "NOTEHEAD", NOTE_HEAD);
    memcpy(exif + NOTE + NOTE_HEAD, jpeg->bytes, jpeg->size);
    memcpy(exif + NOTE + NOTE_HEAD + jpeg->size, "NOTETAIL", NOTE_HEAD);
    size_t note = jpeg->size + 2 * NOTE_HEAD;
    exif[0x26 + 2 + 4] = (uint8_t)note;
    exif[0x26 + 2 + 5] = (uint8_t)(note >> 8);
    return NOTE + note;
}

static void test_previews_of_makers_are_dropped(void **state)
{
    (void)state;
    uint8_t exif[ROOM] = "\xff\xe1\0\0Exif\0";
    file preview = new_file(3, 8, ".jpg"), in = new_file(1, 8, ".jpg");
    size_t size = make_exif(exif + 10, &preview) + 8;
    exif[2] = (uint8_t)(size >> 8);
    exif[3] = (uint8_t)size;
    insert(&in, 2, exif, size + 2);
    check_without(in, preview.bytes + preview.size - 40, 32, "Maker");
    check_without(in, "STRIPSIN", 8, "NOTEHEAD");
    /* what stands behind the preview stays where it was */
    size_t left = de_exif_correct(exif + 4, size - 2);
    assert_int_equal(left, size - 2);
    file block = {exif + 10, left - 6};
    assert_ptr_equal(find_bytes(block, "NOTETAIL", 8), exif + 10 + left - 6 - 8);
    free(preview.bytes);
    free(in.bytes);
}

static void test_photoshops_resources(void **state)
{
    (void)state;
    static const char whole[] = "Photoshop 3.0\0"
                                "8BIM\4\4\0\0\0\0\0\6\x1c\2\x19\0\1k"
                                "8BIM\4\x0c\0\0\0\0\0\5thumb\0"
                                "8BIM\4\x09\3abc\0\0\0\4nail"
                                "8BIM\4\x0a\0\0\0\0\0\2ok",
                      rest[] = "Photoshop 3.0\0"
                               "8BIM\4\4\0\0\0\0\0\6\x1c\2\x19\0\1k"
                               "8BIM\4\x0a\0\0\0\0\0\2ok";
    uint8_t bytes[sizeof whole];
    memcpy(bytes, whole, sizeof whole);
    assert_int_equal(de_photoshop_correct(bytes, sizeof whole - 1), sizeof rest - 1);
    assert_memory_equal(bytes, rest, sizeof rest - 1);
    for (size_t size = 0; size < sizeof whole; size++) { /* cut anywhere */
        memcpy(bytes, whole, sizeof whole);
        assert_true(de_photoshop_correct(bytes, size) <= size);
    }
    memcpy(bytes, "\x1c\2\x19\0\1k", 6); /* IPTC without resources */
    assert_int_equal(de_photoshop_correct(bytes, 6), 6);
    uint8_t segment[sizeof whole + 4] = {0xff, 0xed, 0, sizeof whole + 1};
    memcpy(segment + 4, whole, sizeof whole);
    file in = new_file(3, 8, ".jpg");
    insert(&in, 2, segment, sizeof whole + 3);
    diffedit_picture *picture = picture_of(in);
    file out = file_of(picture, ".jpg");
    assert_non_null(find_bytes(out, rest, sizeof rest - 1));
    assert_false(has_text(out, "thumb"));
    diffedit_picture_free(picture);
    free(in.bytes);
    free(out.bytes);
}

static void test_profiles_as_text(void **state)
{
    (void)state;
    static const char exif[] = "Raw profile type exif\0\nexif\n  40\n"
                               "4d4d002a00000008\n00020100000400000001\n00000018"
                               "011200030000000100060000\n000000000000",
                      resources[] =
                          "Raw profile type 8bim\0\n8bim\n  30\n3842494d040400000000000261"
                          "62\n3842494d040c00000000000474687562";
    file in = new_file(3, 8, ".png");
    remove_chunk(&in, "eXIf"); /* libvips 8.16 writes one, which would count more than the text */
    add_chunk(&in, "tEXt", exif, sizeof exif - 1);
    add_chunk(&in, "tEXt", resources, sizeof resources - 1);
    diffedit_picture *picture = picture_of(in);
    assert_int_equal(diffedit_picture_width(picture), H); /* turned as it says */
    file out = file_of(picture, ".png");
    assert_int_equal(count_chunks(out, "eXIf", NULL, 0), 1);
    assert_false(has_text(out, "type exif"));
    assert_true(has_text(out, "\n8bim\n      14\n3842494d0404000000000002"));
    assert_false(has_text(out, "0474687562")); /* the thumbnail */
    const uint8_t *block = find_bytes(out, "eXIf", 4) + 4;
    uint32_t width, orientation;
    assert_true(de_exif_find(block, 40, 0x100, &width));
    assert_true(de_exif_find(block, 40, DE_EXIF_ORIENTATION, &orientation));
    assert_int_equal(width, H);
    assert_int_equal(orientation, 1);
    diffedit_picture_free(picture);
    free(in.bytes);
    free(out.bytes);
}

/* ---- XMP ---- */

static void test_xmp_of_a_turned_picture(void **state)
{
    (void)state;
    file in = read_file("xmp-orientation-6.jpg");
    assert_true(has_text(in, "tiff:Orientation"));
    diffedit_picture *picture = picture_of(in);
    for (int i = 0; i < FORMATS; i++) {
        file out = file_of(picture, FORMAT[i]);
        assert_true(has_text(out, "tiff:Orientation=\"1\""));
        assert_true(has_text(out, "dc:title"));
        free(out.bytes);
    }
    diffedit_picture_free(picture);
    free(in.bytes);
}

static void test_a_gain_map_that_is_gone(void **state)
{
    (void)state;
    file in = read_file("ultra-hdr-claim.jpg");
    assert_true(has_text(in, "hdrgm:Version"));
    diffedit_picture *picture = picture_of(in);
    assert_non_null(strstr(diffedit_picture_warning(picture), "gain map"));
    for (int i = 0; i < FORMATS; i++) {
        file out = file_of(picture, FORMAT[i]);
        assert_false(has_text(out, "hdrgm"));
        assert_false(has_text(out, "Container"));
        free(out.bytes);
    }
    diffedit_picture_free(picture);
    free(in.bytes);
}

#define PACKET(attributes, content) \
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF " \
    "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" " \
    "xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:tiff=\"http://ns.adobe.com/tiff/1.0/\" " \
    "xmlns:xmpNote=\"http://ns.adobe.com/xmp/note/\" " \
    "xmlns:xmpGImg=\"http://ns.adobe.com/xap/1.0/g/img/\" " attributes ">" content \
    "</rdf:Description></rdf:RDF></x:xmpmeta>"

static de_xmp_result correct(const char *xmp, bool turned, char **corrected)
{
    size_t size;
    bool gain_map;
    *corrected = NULL;
    const de_xmp_size upright = {48, 64};
    return de_xmp_correct(xmp, strlen(xmp), turned ? &upright : NULL, corrected, &size, &gain_map);
}

static void test_xmp(void **state)
{
    (void)state;
    static const char thumbnail[] = PACKET(
        "xmp:CreatorTool=\"T\" tiff:Orientation=\"6\" xmpNote:HasExtendedXMP=\"A\"",
        "<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType=\"Resource\"><xmpGImg:format>JPEG"
        "</xmpGImg:format><xmpGImg:image>/9j/4AAQ</xmpGImg:image></rdf:li></rdf:Alt>"
        "</xmp:Thumbnails>");
    char *text;
    assert_int_equal(correct(thumbnail, false, &text), DE_XMP_CORRECTED);
    assert_null(strstr(text, "Thumbnails"));
    assert_null(strstr(text, "/9j/"));
    assert_null(strstr(text, "HasExtended"));
    assert_non_null(strstr(text, "CreatorTool"));
    assert_non_null(strstr(text, "tiff:Orientation=\"6\"")); /* nobody turned it */
    free(text);
    assert_int_equal(correct(PACKET("xmp:CreatorTool=\"T\"", ""), true, &text), DE_XMP_SAME);
    assert_int_equal(correct(PACKET("tiff:Orientation=\"6\"", ""), false, &text), DE_XMP_SAME);
    assert_int_equal(
        correct(PACKET("tiff:Orientation=\"6\" tiff:ImageWidth=\"64\"", ""), true, &text),
        DE_XMP_CORRECTED);
    assert_non_null(strstr(text, "tiff:Orientation=\"1\""));
    assert_non_null(strstr(text, "tiff:ImageWidth=\"48\""));
    free(text);
    assert_int_equal(correct(PACKET("xmpNote:HasExtendedXMP=\"A\"", ""), false, &text),
                     DE_XMP_EMPTY);
}

static void test_xmp_that_cannot_be_read(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    char *text, *deep = malloc(3 * DEEP + 1);
    for (int i = 0; i < DEEP; i++)
        memcpy(deep + 3 * i, "<a>", 3);
    deep[3 * DEEP] = 0;
    assert_int_equal(correct(deep, true, &text), DE_XMP_BROKEN);
    assert_int_equal(correct("<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", true, &text), DE_XMP_BROKEN);
    assert_int_equal(correct("<x:xmpmeta", true, &text), DE_XMP_BROKEN);
    free(deep);
    /* such a packet is left out, and that is said */
    file in = new_file(3, 8, ".png");
    add_chunk(&in, "iTXt", "XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta /9j/", 37);
    diffedit_picture *picture = picture_of(in);
    assert_non_null(strstr(diffedit_picture_warning(picture), "XMP"));
    file out = file_of(picture, ".png");
    assert_false(has_text(out, "/9j/"));
    diffedit_picture_free(picture);
    free(in.bytes);
    free(out.bytes);
}

/* ---- several pictures, and files that end early ---- */

static void expect_warning(file in, const char *part)
{
    diffedit_picture *picture = picture_of(in);
    const char *warning = diffedit_picture_warning(picture);
    if (part ? !warning || !strstr(warning, part) : warning != NULL)
        fail_msg("expected a warning of \"%s\", found \"%s\"", part ? part : "nothing",
                 warning ? warning : "");
    diffedit_picture_free(picture);
}

static void test_several_pictures(void **state)
{
    (void)state;
    static const char several[] = "several pictures",
                      index[] = "\xff\xe2\0\x20MPF\0MM\0*\0\0\0\x08\0\1\xb0\1\0\4\0\0\0\1\0\0\0\2"
                                "\0\0\0\0";
    file png = new_file(3, 8, ".png");
    add_chunk(&png, "acTL", "\0\0\0\1\0\0\0\0", 8);
    expect_warning(png, NULL); /* an animation of one picture */
    add_chunk(&png, "acTL", "\0\0\0\2\0\0\0\0", 8);
    expect_warning(png, several);
    file jpeg = new_file(3, 8, ".jpg"), two = new_file(3, 8, ".jpg");
    insert(&two, two.size, "\0\0", 2);
    insert(&two, two.size, jpeg.bytes, jpeg.size);
    expect_warning(two, several);
    insert(&jpeg, jpeg.size, "ABCD", 4);
    expect_warning(jpeg, NULL);
    insert(&jpeg, 2, index, 2 + 0x20);
    expect_warning(jpeg, several);
    free(png.bytes);
    free(jpeg.bytes);
    free(two.bytes);
}

/* A picture as JPEG, progressive or not. */
static file new_jpeg(bool progressive)
{
    diffedit_picture *picture = new_picture(3, 8);
    void *bytes;
    size_t size;
    assert_int_equal(vips_jpegsave_buffer(picture->image, &bytes, &size, "interlace", progressive,
                                          "Q", 95, NULL),
                     0);
    file made = {malloc(size), size};
    memcpy(made.bytes, bytes, size);
    g_free(bytes);
    diffedit_picture_free(picture);
    return made;
}

static void test_a_missing_end_marker(void **state)
{
    (void)state;
    file given = read_file("jpeg-without-eoi.jpg");
    expect_warning(given, "lacks its end marker");
    free(given.bytes);
    for (int progressive = 0; progressive < 2; progressive++) {
        file whole = new_jpeg(progressive);
        diffedit_picture *expected = picture_of(whole), *picture;
        diffedit_error error;
        for (size_t missing = 1; missing < whole.size - 2; missing++) {
            file cut = {malloc(whole.size - missing), whole.size - missing};
            memcpy(cut.bytes, whole.bytes, cut.size);
            error = (diffedit_error){.message = ""};
            diffedit_status status = diffedit_picture_decode(&picture, cut.bytes, cut.size, "cut",
                                                             0, &error);
            /* the last byte of the pixels may be padding only */
            if (missing <= 2)
                assert_int_equal(status, DIFFEDIT_OK);
            if (missing > 3)
                assert_int_equal(status, DIFFEDIT_ERROR_PICTURE);
            if (status == DIFFEDIT_OK) {
                assert_non_null(strstr(diffedit_picture_warning(picture), "lacks its end marker"));
                assert_memory_equal(diffedit_picture_pixels(picture),
                                    diffedit_picture_pixels(expected), W * H * 3);
                diffedit_picture_free(picture);
            } else {
                assert_int_not_equal(error.message[0], 0);
            }
            free(cut.bytes);
        }
        diffedit_picture_free(expected);
        free(whole.bytes);
    }
}

/* ---- hostile bytes ---- */

static void test_cut_and_changed_files(void **state)
{
    (void)state;
    static const char *const names[] = {"exif-thumbnail.jpg", "xmp-orientation-6.jpg",
                                        "ultra-hdr-claim.jpg"};
    unsigned seed = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file in = read_file(names[i]);
        const uint8_t *found = find_bytes(in, "Exif\0", 6);
        size_t size = ((size_t)found[-2] << 8 | found[-1]) - 2;
        for (int round = 0; round < 20000; round++) {
            uint8_t *exif = malloc(size);
            memcpy(exif, found, size);
            for (int change = 0; change < 3; change++) {
                seed = seed * 1664525u + 1013904223u;
                exif[6 + (seed >> 8) % (round % 2       ? size - 6
                                        : 60 < size - 6 ? 60
                                                        : size - 6)] = (uint8_t)(seed >> 24);
            }
            assert_true(de_exif_correct(exif, size - (seed >> 4) % 8) <= size);
            free(exif);
        }
        free(in.bytes);
    }
}

int main(void)
{
    setenv("VIPS_WARNING", "1", 1); /* libvips keeps its remarks to itself */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colour_chunks_are_kept),
        cmocka_unit_test(test_the_networks_see_what_the_chunks_say),
        cmocka_unit_test(test_the_order_of_precedence),
        cmocka_unit_test(test_a_profile_and_cicp),
        cmocka_unit_test(test_texts_are_kept),
        cmocka_unit_test(test_comments_are_kept),
        cmocka_unit_test(test_thumbnails_are_dropped),
        cmocka_unit_test(test_previews_of_makers_are_dropped),
        cmocka_unit_test(test_photoshops_resources),
        cmocka_unit_test(test_profiles_as_text),
        cmocka_unit_test(test_xmp_of_a_turned_picture),
        cmocka_unit_test(test_a_gain_map_that_is_gone),
        cmocka_unit_test(test_xmp),
        cmocka_unit_test(test_xmp_that_cannot_be_read),
        cmocka_unit_test(test_several_pictures),
        cmocka_unit_test(test_a_missing_end_marker),
        cmocka_unit_test(test_cut_and_changed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
