/* Array files: what is written is what NumPy would write, and reads back; what each other file is
 * refused for. */
#include "cli/npy.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEADER = 128 }; /* where NumPy's data begins, after a header of a usual length */

/* ---- writing ---- */

/* The whole of a file that is not longer than the buffer. */
static size_t read_file(const char *name, unsigned char *bytes, size_t size)
{
    FILE *file = fopen(scratch_path(name), "rb");
    assert_non_null(file);
    size_t count = fread(bytes, 1, size, file);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    return count;
}

static void write_array(const diffedit_array *array)
{
    diffedit_error error;
    if (cli_npy_write(scratch_path("a.npy"), array, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
}

/* numpy.save's header: magic, version 1.0, a length that makes the data begin at a multiple of 64,
 * and a dict that is filled up with spaces and a line's end. */
static void expect_header(const unsigned char *bytes, size_t length, const char *dict)
{
    static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    assert_memory_equal(bytes, magic, sizeof magic);
    assert_int_equal(bytes[8] | bytes[9] << 8, length - 10);
    assert_memory_equal(bytes + 10, dict, strlen(dict));
    for (size_t i = 10 + strlen(dict); i < length - 1; i++)
        assert_int_equal(bytes[i], ' ');
    assert_int_equal(bytes[length - 1], '\n');
}

static void test_headers(void **state)
{
    static const struct {
        int dimensions;
        int64_t shape[4];
        bool tokens;
        const char *dict;
    } cases[] = {
        {1, {6}, true, "{'descr': '<i4', 'fortran_order': False, 'shape': (6,), }"},
        {1, {6}, false, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"},
        {2, {2, 3}, false, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"},
        {3, {1, 6, 1}, false, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 6, 1), }"},
        {4,
         {1, 2, 3, 1},
         true,
         "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2, 3, 1), }"},
    };
    static const float values[] = {0, -1.5f, 1e30f, INFINITY, 3, 0.1f};
    static const int32_t tokens[] = {49406, 1, 2, -3, INT32_MAX, 49407};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        diffedit_array array = {.struct_size = sizeof array,
                                .dimensions = cases[i].dimensions,
                                .data = cases[i].tokens ? NULL : values,
                                .tokens = cases[i].tokens ? tokens : NULL};
        memcpy(array.shape, cases[i].shape, sizeof cases[i].shape);
        write_array(&array);
        unsigned char bytes[512];
        assert_int_equal(read_file("a.npy", bytes, sizeof bytes), HEADER + sizeof values);
        expect_header(bytes, HEADER, cases[i].dict);
        const void *data = cases[i].tokens ? (const void *)tokens : values;
        assert_memory_equal(bytes + HEADER, data, sizeof values);
    }
    assert_int_equal(scratch_count(), 1); /* nothing beside it */
}

/* The longest dict there can be still fits, and moves the data on. */
static void test_the_largest_shape(void **state)
{
    diffedit_array array = {.struct_size = sizeof array, .dimensions = 4, .data = &(float){0}};
    (void)state;
    for (int i = 0; i < 4; i++)
        array.shape[i] = i < 3 ? 1000000000000000000 : 0; /* no values at all */
    write_array(&array);
    unsigned char bytes[512];
    size_t size = read_file("a.npy", bytes, sizeof bytes);
    assert_int_equal(size, 192);
    expect_header(bytes, size,
                  "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000000, "
                  "1000000000000000000, 1000000000000000000, 0), }");
}

static void test_a_place_that_cannot_be_written(void **state)
{
    diffedit_array array = {
        .struct_size = sizeof array, .dimensions = 1, .shape = {1}, .data = &(float){0}};
    diffedit_error error;
    (void)state;
    assert_int_equal(cli_npy_write("/no/such/folder/a.npy", &array, &error), DIFFEDIT_ERROR_FILE);
    assert_string_equal(error.message,
                        "/no/such/folder/a.npy: cannot be written: No such file or directory");
}

/* ---- reading ---- */

static void test_a_map_and_back(void **state)
{
    enum { HEIGHT = 37, WIDTH = 53 };
    static float values[HEIGHT * WIDTH];
    float *map = NULL;
    int height, width;
    diffedit_error error;
    (void)state;
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        values[i] = (float)i / 7;
    values[5] = NAN; /* its values are the library's matter */
    write_array(&(diffedit_array){.struct_size = sizeof(diffedit_array),
                                  .dimensions = 2,
                                  .shape = {HEIGHT, WIDTH},
                                  .data = values});
    if (cli_npy_read_map(&map, &height, &width, scratch_path("a.npy"), &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(height, HEIGHT);
    assert_int_equal(width, WIDTH);
    assert_memory_equal(map, values, sizeof values);
    free(map);
}

/* A header under its own length, and `count` zeros. */
static const char *write_npy(const char *dict, size_t count)
{
    static unsigned char bytes[4096];
    size_t length = strlen(dict);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "\x93NUMPY\1\0", 8);
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + 10, dict, length);
    return scratch_write("m.npy", bytes, 10 + length + 4 * count);
}

#define DICT(shape) "{'descr': '<f4', 'fortran_order': False, 'shape': (" shape ")"

/* Spaces and commas as NumPy, and others, write them. */
static void test_other_writers(void **state)
{
    static const char *const dicts[] = {DICT("2, 3") ", }\n", DICT("2, 3") ", }        \n",
                                        DICT("2, 3") "}", DICT("2,3") ",}"};
    (void)state;
    for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++) {
        float *map = NULL;
        int height, width;
        diffedit_error error;
        if (cli_npy_read_map(&map, &height, &width, write_npy(dicts[i], 6), &error) != DIFFEDIT_OK)
            fail_msg("%s", error.message);
        assert_true(height == 2 && width == 3);
        free(map);
    }
}

static void expect_refused(const char *path, const char *sentence)
{
    float *map = NULL;
    int height, width;
    diffedit_error error = {.message = ""};
    char expected[600];
    assert_int_equal(cli_npy_read_map(&map, &height, &width, path, &error), DIFFEDIT_ERROR_FILE);
    snprintf(expected, sizeof expected, "%s: %s", path, sentence);
    assert_string_equal(error.message, expected);
    assert_null(map);
}

static void test_other_arrays(void **state)
{
    static const char *const dicts[] = {
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
        "{'shape': (2, 3), 'descr': '<f4', 'fortran_order': False, }",
        DICT("6,") ", }",
        DICT("") ", }",
        DICT("1, 2, 3") ", }",
        DICT("0, 3") ", }",
        DICT("2, -3") ", }",
        DICT("2, 1048577") ", }",
        DICT("99999999999999999999, 3") ", }",
        DICT("2, 3") ", 'more': 1}",
        DICT("2, 3") ", } and more",
        DICT("2, 3"),
        "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++) {
        char sentence[300];
        snprintf(sentence, sizeof sentence,
                 "expected a map, float32 [height, width] in C order, found %s", dicts[i]);
        expect_refused(write_npy(dicts[i], 6), sentence);
    }
    expect_refused(
        write_npy(DICT("2, 3, 4") ", }      \n", 6),
        "expected a map, float32 [height, width] in C order, found " DICT("2, 3, 4") ", }");
    expect_refused(write_npy("{'\x1b[31m\n'}", 6),
                   "expected a map, float32 [height, width] in C order, found {'?[31m?'}");
}

static void test_damaged_files(void **state)
{
    static const char dict[] = DICT("2, 3") ", }\n";
    (void)state;
    write_npy(dict, 6);
    unsigned char whole[512];
    size_t size = read_file("m.npy", whole, sizeof whole), header = 10 + strlen(dict);
    for (size_t length = 0; length < size; length++)
        expect_refused(scratch_write("cut.npy", whole, length),
                       length < 10       ? "not a .npy file of version 1.0"
                       : length < header ? "truncated in its header"
                                         : "contains fewer values than 2 x 3");
    whole[size] = 0;
    expect_refused(scratch_write("m.npy", whole, size + 1), "contains more values than 2 x 3");
    whole[6] = 2; /* the version */
    expect_refused(scratch_write("m.npy", whole, size), "not a .npy file of version 1.0");
    expect_refused("/no/such/m.npy", "cannot be opened: No such file or directory");
}

/* Four terabytes that are not there cost no memory. */
static void test_a_header_that_promises(void **state)
{
    (void)state;
    expect_refused(write_npy(DICT("1048576, 1048576") ", }\n", 100),
                   "contains fewer values than 1048576 x 1048576");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_headers),
                                       cmocka_unit_test(test_the_largest_shape),
                                       cmocka_unit_test(test_a_place_that_cannot_be_written),
                                       cmocka_unit_test(test_a_map_and_back),
                                       cmocka_unit_test(test_other_writers),
                                       cmocka_unit_test(test_other_arrays),
                                       cmocka_unit_test(test_damaged_files),
                                       cmocka_unit_test(test_a_header_that_promises)};
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
