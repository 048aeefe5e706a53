/* PIE-Bench's mapping file as a list, and its masks. */
#include "batch/lines.h"
#include "batch/pie_mask.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- masks ---- */

enum { PIXELS = PIE_SIDE * PIE_SIDE, BORDER = 4 * PIE_SIDE - 4 };

static uint8_t mask[PIXELS];

static int64_t count(void)
{
    int64_t found = 0;
    for (int i = 0; i < PIXELS; i++) {
        assert_true(mask[i] <= 1);
        found += mask[i];
    }
    return found;
}

static void test_runs(void **state)
{
    (void)state;
    assert_int_equal(pie_mask_read(mask, "[1025, 3, 2000, 0, 262143, 1]", NULL), DIFFEDIT_OK);
    assert_int_equal(count(), BORDER + 3);
    assert_true(mask[1025] && mask[1026] && mask[1027] && !mask[1028] && !mask[2000]);
}

/* The outermost pixels are part of every mask. */
static void test_the_border(void **state)
{
    (void)state;
    assert_int_equal(pie_mask_read(mask, "[]", NULL), DIFFEDIT_OK);
    assert_int_equal(count(), BORDER);
    assert_true(mask[0] && mask[PIE_SIDE - 1] && mask[PIE_SIDE] && mask[PIXELS - 1]);
    assert_false(mask[PIE_SIDE + 1]);
}

static void test_a_run_behind_the_last_pixel(void **state)
{
    (void)state;
    assert_int_equal(pie_mask_read(mask, "[0, 9223372036854775807]", NULL), DIFFEDIT_OK);
    assert_int_equal(count(), PIXELS);
    assert_int_equal(pie_mask_read(mask, "[261000, 2000]", NULL), DIFFEDIT_OK);
    assert_int_equal(mask[260999], 0);
}

static void test_masks_that_are_wrong(void **state)
{
    static const char *const texts[] = {"[1]",         "[1, 2, 3]", "[-1, 2]",    "[1, -2]",
                                        "[262144, 1]", "[1.5, 2]",  "[\"1\", 2]", "{}",
                                        "[1, 2",       "[1e99, 2]", "",           "[[1, 2]]"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        diffedit_error error = {.message = ""};
        assert_int_equal(pie_mask_read(mask, texts[i], &error), DIFFEDIT_ERROR_ARGUMENT);
        assert_true(error.message[0]);
    }
}

/* ---- lists ---- */

typedef struct heard {
    int lines;
    char picture[200], from[200], to[200], truth[200], category[200];
} heard;

static void keep(char to[200], const char *text)
{
    strncpy(to, text ? text : "(none)", 199);
}

static diffedit_status listen(void *user, batch_line *line, diffedit_error *error)
{
    heard *to = user;
    (void)error;
    assert_int_equal(line->number, ++to->lines);
    keep(to->picture, line->values[LINE_PICTURE]);
    keep(to->from, line->values[line_field("from")]);
    keep(to->to, line->values[line_field("to")]);
    keep(to->truth, line->values[LINE_TRUE_MASK]);
    keep(to->category, line->values[LINE_CATEGORY]);
    return DIFFEDIT_OK;
}

static heard *read_list(const char *text, diffedit_status expected, diffedit_error *error)
{
    static heard found;
    found = (heard){.lines = 0};
    scratch_write_text("mapping_file.json", text);
    assert_int_equal(lines_read("mapping_file.json", NULL, listen, &found, error), expected);
    return &found;
}

static const char *const published =
    "{\n  \"000000000000\": {\n"
    "    \"image_path\": \"0_random_140/000000000000.jpg\",\n"
    "    \"original_prompt\": \"a slanted mountain bicycle on the road\",\n"
    "    \"editing_prompt\": \"a slanted [rusty] mountain bicycle on the [wet] road\",\n"
    "    \"editing_instruction\": \"Make the frame of the bike rusty\",\n"
    "    \"editing_type_id\": \"0\",\n"
    "    \"blended_word\": \"bicycle bicycle\",\n"
    "    \"mask\": [513, 4, 1025, 4]\n  },\n"
    "  \"611000000000\": {\"image_path\": \"6_change_attribute_color_40/1_artificial/\\u00e9.jpg\","
    "\"original_prompt\": \"a [red] heart\", \"editing_prompt\": \"a [pink] heart\","
    "\"editing_type_id\": 6, \"mask\": []}\n}\n";

static void test_the_published_form(void **state)
{
    (void)state;
    heard *found = read_list(published, DIFFEDIT_OK, NULL);
    assert_int_equal(found->lines, 2);
    assert_string_equal(found->picture,
                        "annotation_images/6_change_attribute_color_40/1_artificial/\xc3\xa9.jpg");
    assert_string_equal(found->from, "a red heart");
    assert_string_equal(found->to, "a pink heart");
    assert_string_equal(found->category, "6. change sth's color");
    assert_string_equal(found->truth, "[]");
}

static void test_the_first_entry(void **state)
{
    char text[1024];
    (void)state;
    strncpy(text, published, sizeof text - 1);
    strcpy(strstr(text, "},\n") + 1, "}");
    heard *found = read_list(text, DIFFEDIT_OK, NULL);
    assert_int_equal(found->lines, 1);
    assert_string_equal(found->to, "a slanted rusty mountain bicycle on the wet road");
    assert_string_equal(found->category, "0. random editing");
    assert_string_equal(found->truth, "[513,4,1025,4]");
}

/* Neither a type nor a mask is needed for an edit. */
static void test_less_than_published(void **state)
{
    (void)state;
    heard *found = read_list("{\"1\":{\"image_path\":\"a\\\"b.png\",\"original_prompt\":\"\","
                             "\"editing_prompt\":\"b\"}}",
                             DIFFEDIT_OK, NULL);
    assert_string_equal(found->picture, "annotation_images/a\"b.png");
    assert_string_equal(found->category, "(none)");
    assert_string_equal(found->truth, "(none)");
}

#define PROMPTS "\"image_path\":\"a\",\"original_prompt\":\"b\",\"editing_prompt\":\"c\""

static void test_lists_that_are_wrong(void **state)
{
    static const char *const rows[][2] = {
        {"{\"k\":{\"original_prompt\":\"b\",\"editing_prompt\":\"c\"}}",
         "line 1: \"k\": expected a text \"image_path\""},
        {"{\"k\":{\"image_path\":7,\"original_prompt\":\"b\",\"editing_prompt\":\"c\"}}",
         "expected a text \"image_path\""},
        {"{\"k\":{" PROMPTS "}, \"l\":{" PROMPTS ",\"editing_type_id\":\"10\"}}",
         "line 2: \"l\": expected an \"editing_type_id\" from \"0\" to \"9\""},
        {"{\"k\":{" PROMPTS ",\"editing_type_id\":-1}}", "editing_type_id"},
        {"{\"k\":{" PROMPTS ",\"mask\":[1]}}", "\"mask\": expected run lengths"},
        {"{\"k\":{" PROMPTS ",\"mask\":{\"a\":1}}}", "found no array"},
        {"{\"k\":{" PROMPTS ",\"mask\":[262144,1]}}", "run 1: expected a start below 262144"},
        {"{\"k\":{" PROMPTS "}", "expected a comma or the end of the object"},
        {"{\"k\":{" PROMPTS "},}", "line 2: expected a name in quotes"},
        {"{\"k\":{" PROMPTS "}} x", "something stands behind the end"},
        {"{\"k\":{" PROMPTS "},\"l\":[]}", "line 2: expected an object"},
        {"{\"k\":{" PROMPTS "},\"l\" {}}", "expected a name in quotes and a colon"},
        {"{\"k\":{" PROMPTS "},l:{}}", "expected a name in quotes"},
        {"{\"k\":{\"image_path\":\"a\",\"image_path\":\"b\"}}", "expected an object"},
        {"{\"k\":{\"image_path\":", "expected an object"},
        {"{\"k\":{\"image_path\":\"a\\u0000b\",\"original_prompt\":\"b\",\"editing_prompt\":\"c\"}"
         "}",
         "line 1"},
        {"{\"k\":{\"\xff\":1}}", "expected an object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        diffedit_error error = {.message = ""};
        read_list(rows[i][0], DIFFEDIT_ERROR_FILE, &error);
        if (!strstr(error.message, rows[i][1]) || !strstr(error.message, "mapping_file.json: "))
            fail_msg("%s: %s", rows[i][0], error.message);
    }
}

/* A value of some hundred kilobytes is read, one of some megabytes is refused. */
static void test_the_length_of_an_entry(void **state)
{
    enum { LONG = 4 << 20 };
    static char text[LONG + 256];
    static const char before[] = "{\"k\":{" PROMPTS ",\"mask\":[1,1";
    diffedit_error error;
    (void)state;
    for (int length = LONG / 16; length <= LONG; length += LONG - LONG / 16) {
        strcpy(text, before);
        memset(text + strlen(before), ' ', (size_t)length);
        strcpy(text + strlen(before) + length, "]}}");
        bool refused = length == LONG;
        read_list(text, refused ? DIFFEDIT_ERROR_FILE : DIFFEDIT_OK, &error);
        if (refused)
            assert_non_null(strstr(error.message, "is longer than 1048576 bytes"));
    }
}

/* Deep nesting is the parser's to refuse. */
static void test_a_deep_entry(void **state)
{
    enum { DEPTH = 100000 };
    static char text[DEPTH + 64] = "{\"k\":{\"mask\":";
    diffedit_error error;
    (void)state;
    memset(text + strlen(text), '[', DEPTH);
    read_list(text, DIFFEDIT_ERROR_FILE, &error);
}

/* Objects of JSON lines are not taken for one. */
static void test_json_lines(void **state)
{
    (void)state;
    heard *found = read_list("{\"picture\": \"a.png\", \"from\": \"b\", \"to\": \"c\"}\n",
                             DIFFEDIT_OK, NULL);
    assert_string_equal(found->picture, "a.png");
    assert_string_equal(found->to, "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_the_border),
        cmocka_unit_test(test_a_run_behind_the_last_pixel),
        cmocka_unit_test(test_masks_that_are_wrong),
        cmocka_unit_test(test_the_published_form),
        cmocka_unit_test(test_the_first_entry),
        cmocka_unit_test(test_less_than_published),
        cmocka_unit_test(test_lists_that_are_wrong),
        cmocka_unit_test(test_the_length_of_an_entry),
        cmocka_unit_test(test_a_deep_entry),
        cmocka_unit_test(test_json_lines),
    };
    scratch_make();
    scratch_enter();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
