/* Weight files: what a good one gives, and the sentence that each kind of bad one gets. */
#include "base/half.h"
#include "scratch.h"
#include "weights/file_set.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DATA_BYTES = 64 };

/* Header length, header, DATA_BYTES bytes 0, 1, 2, ... */
static const char *write_file(const char *header)
{
    static unsigned char file[4096];
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)(length >> (8 * i));
    memcpy(file + 8, header, length);
    for (size_t i = 0; i < DATA_BYTES; i++)
        file[8 + length + i] = (unsigned char)i;
    return scratch_write("w.safetensors", file, 8 + length + DATA_BYTES);
}

static void expect_refused(const char *path, const char *part)
{
    de_weights *weights;
    diffedit_error error = {.message = ""};
    assert_int_not_equal(de_file_set_open(&weights, path, NULL, &error), DIFFEDIT_OK);
    if (!strstr(error.message, part) || !strstr(error.message, path))
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void test_a_good_file(void **state)
{
    (void)state;
    const char *path = write_file(
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"a\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
        "\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[12,20]}}");
    de_weights *weights;
    de_weight weight;
    diffedit_error error;
    assert_int_equal(de_file_set_open(&weights, path, NULL, &error), DIFFEDIT_OK);
    assert_int_equal(de_weights_get(weights, "a", 2, (int64_t[]){2, 3}, &weight, &error),
                     DIFFEDIT_OK);
    assert_int_equal(weight.dtype, DE_F16);
    assert_int_equal(((const unsigned char *)weight.data)[5], 5);
    assert_int_equal(de_weights_get(weights, "a", 2, (int64_t[]){3, 2}, &weight, &error),
                     DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "[2, 3]"));
    assert_non_null(strstr(error.message, "[3, 2]"));
    assert_int_equal(de_weights_get(weights, "b", 1, (int64_t[]){1}, &weight, &error),
                     DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "b"));
    assert_int_equal(de_weights_get(weights, "ids", 1, (int64_t[]){1}, &weight, &error),
                     DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "I64"));
    de_weights_close(weights);
}

static void test_precisions(void **state)
{
    (void)state;
    /* 1.5 and the smallest subnormal in f16; 1.5 and -2 in bf16; unaligned */
    const unsigned char bytes[] = {0, 0x00, 0x3e, 0x01, 0x00, 0xc0, 0x3f, 0x00, 0xc0};
    float values[2];
    de_weight_to_f32(&(de_weight){.data = bytes + 1, .dtype = DE_F16, .rank = 1, .shape = {2}}, 0,
                     2, values);
    assert_true(values[0] == 1.5f && values[1] == 0x1p-24f);
    de_weight_to_f32(&(de_weight){.data = bytes + 5, .dtype = DE_BF16, .rank = 1, .shape = {2}}, 0,
                     2, values);
    assert_true(values[0] == 1.5f && values[1] == -2.0f);
}

static float f8(const unsigned char *byte, de_dtype dtype, float scale)
{
    const de_weight weight = {
        .data = byte, .dtype = dtype, .rank = 1, .shape = {1}, .scale = scale};
    float value;
    de_weight_to_f32(&weight, 0, 1, &value);
    return value;
}

static void test_8_bits(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        unsigned char byte = (unsigned char)i;
        int sign = i & 0x80 ? -1 : 1, exponent = i >> 3 & 15, mantissa = i & 7;
        float expected = (float)sign * (exponent ? ldexpf((float)(8 + mantissa), exponent - 10)
                                                 : ldexpf((float)mantissa, -9));
        float value = f8(&byte, DE_F8_E4M3, 1);
        if ((i & 0x7f) == 0x7f)
            assert_true(isnan(value));
        else
            assert_true(value == expected && signbit(value) == signbit(expected));
        assert_true((i & 0x7f) == 0x7f || f8(&byte, DE_F8_E4M3, 0.37f) == expected * 0.37f);
        value = f8(&byte, DE_F8_E5M2, 1);
        expected = de_half_to_float((uint16_t)(i << 8));
        assert_true(isnan(expected) ? isnan(value) : value == expected);
        assert_true(isnan(expected) || signbit(value) == signbit(expected));
    }
    const unsigned char largest[] = {0x7e, 0x7b, 0xfc};
    assert_true(f8(largest, DE_F8_E4M3, 1) == 448 && f8(largest + 1, DE_F8_E5M2, 1) == 57344);
    assert_true(f8(largest + 2, DE_F8_E5M2, 1) == -INFINITY);
}

static void test_doubles(void **state)
{
    (void)state;
    /* unaligned; the first is rounded to the nearest float, the last is too large for one */
    const double doubles[] = {1 + 0x1.8p-24, -0.1, 1e300};
    unsigned char bytes[1 + sizeof doubles];
    float values[2], first;
    memcpy(bytes + 1, doubles, sizeof doubles);
    const de_weight weight = {.data = bytes + 1, .dtype = DE_F64, .rank = 1, .shape = {3}};
    de_weight_to_f32(&weight, 1, 2, values);
    de_weight_to_f32(&weight, 0, 1, &first);
    assert_true(first == 1 + 0x1p-23f && values[0] == -0.1f && isinf(values[1]));
}

static void test_halves(void **state)
{
    (void)state;
    for (int half = 0; half < 0x10000; half++) {
        uint16_t back = de_float_to_half(de_half_to_float((uint16_t)half));
        if ((half & 0x7fff) > 0x7c00)
            assert_true((back & 0x7fff) > 0x7c00); /* some number that is none */
        else
            assert_int_equal(back, half);
    }
    /* a tie goes to the even neighbour, the rest to the nearer one */
    static const struct {
        float value;
        uint16_t half;
    } cases[] = {{1 + 0x1p-11f, 0x3c00},    {1 + 3 * 0x1p-11f, 0x3c02},
                 {1 + 0x1.02p-11f, 0x3c01}, {-65519, 0xfbff},
                 {65520, 0x7c00},           {1e30f, 0x7c00},
                 {0x1p-25f, 0x0000},        {0x1.02p-25f, 0x0001},
                 {3 * 0x1p-25f, 0x0002},    {0x1.ffep-15f, 0x0400},
                 {-0x1p-40f, 0x8000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(de_float_to_half(cases[i].value), cases[i].half);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *header, *part;
    } cases[] = {
        {"{]", "JSON"},
        {"[]", "unknown format"},
        {"{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}", "F99"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,400]}}", "a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", "a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}",
         "a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]}}", "a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "a"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
         "overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(write_file(cases[i].header), cases[i].part);
    expect_refused(scratch_write("short", "abc", 3), "");
    expect_refused(scratch_write("huge", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10), "");
    expect_refused(scratch_write("empty", "", 0), "");
    expect_refused(scratch_path("nothing"), "");
    expect_refused("/tmp", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_file), cmocka_unit_test(test_precisions),
        cmocka_unit_test(test_8_bits),      cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_halves),      cmocka_unit_test(test_bad_files)};
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
