/* What torch.save() wrote, in each of its formats, holds the same tensors as a safetensors file of
 * them. */
#include "weights/checkpoint.h"
#include "weights/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EXPECTED TORCH_FILES "/expected.safetensors"

static de_weight_file *open_file(const char *path)
{
    de_weight_file *file = NULL;
    diffedit_error error;
    if (de_weight_file_open(&file, path, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return file;
}

static void expect_same_entry(const de_table_entry *found, const de_table_entry *expected)
{
    assert_string_equal(found->name, expected->name);
    assert_string_equal(found->type, expected->type);
    assert_int_equal(found->readable, expected->readable);
    assert_int_equal(found->rank, expected->rank);
    assert_memory_equal(found->shape, expected->shape, sizeof found->shape);
    assert_int_equal(found->bytes, expected->bytes);
    assert_memory_equal(found->data, expected->data, expected->bytes);
}

static void test_same_tensors(void **state)
{
    const char *path = *state;
    de_weight_file *found = open_file(path), *expected = open_file(EXPECTED);
    const de_table *table = de_weight_file_table(found), *wanted = de_weight_file_table(expected);
    assert_int_equal(table->count, wanted->count);
    for (size_t i = 0; i < wanted->count; i++)
        expect_same_entry(&table->entries[i], &wanted->entries[i]);
    /* only what does not stand in order is a copy */
    assert_true(de_table_find(table, "whole")->mapped);
    assert_true(de_table_find(table, "tied")->data == de_table_find(table, "whole")->data);
    assert_true(de_table_find(table, "last third")->mapped);
    assert_false(de_table_find(table, "transposed")->mapped);
    de_weight_file_release(found);
    de_weight_file_release(expected);
}

static void test_a_program_is_refused(void **state)
{
    de_weight_file *file;
    diffedit_error error;
    (void)state;
    assert_int_equal(de_weight_file_open(&file, TORCH_FILES "/program.pt", &error),
                     DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "TorchScript program"));
}

/* The file in memory of exactly its size, so that AddressSanitizer sees a step too far. */
static unsigned char *read_whole(const char *path, size_t *size)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    fseek(stream, 0, SEEK_END);
    *size = (size_t)ftell(stream);
    rewind(stream);
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, stream), *size);
    fclose(stream);
    return bytes;
}

static void test_every_length(void **state)
{
    size_t size;
    unsigned char *bytes = read_whole(*state, &size);
    for (size_t length = 0; length < size; length++) {
        unsigned char *part = malloc(length + 1);
        memcpy(part + 1, bytes, length);
        de_table table;
        diffedit_error error = {.message = ""};
        assert_int_equal(de_checkpoint_read(&table, "cut", part + 1, length, &error),
                         DIFFEDIT_ERROR_MODEL);
        assert_non_null(strstr(error.message, "cut: "));
        free(part);
    }
    free(bytes);
}

/* ---- the format before 2020, made by hand ---- */

/* Its magic number, its version, the machine it was written on, and one tensor `w` of the four
 * numbers of storage "0". */
#define OLD_HEAD \
    "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8P\x19.\x80\x02M\xe9\x03." \
    "\x80\x02}U\x0dlittle_endian\x88s."
#define OLD_TENSOR \
    "\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\n" \
    "U\0010U\003cpuK\x04NtQK\x00K\x04\x85K\x01\x85\x89}tRs."
#define OLD_DATA \
    "\x04\0\0\0\0\0\0\0" \
    "0123456789abcdef"
#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
    const char *keys; /* the list of storages and what follows it */
    size_t size;
    const char *sentence; /* NULL: a good one */
} OLD_FILES[] = {
    {BYTES("](U\0010e." OLD_DATA), NULL},
    {BYTES("]."), "old: storage `0` is missing"},
    {BYTES("}."), "old: expected a list of storages, found none"},
    {BYTES("](U\0011e." OLD_DATA), "old: the list of storages has an unknown or repeated entry"},
    {BYTES("](U\0010U\0010e." OLD_DATA OLD_DATA),
     "old: the list of storages has an unknown or repeated entry"},
    /* no texts, which must not be compared with any */
    {BYTES("](K\x01\205e." OLD_DATA), "old: the list of storages has an unknown or repeated entry"},
    {BYTES("](K\001e." OLD_DATA), "old: the list of storages has an unknown or repeated entry"},
    {BYTES("](N"
           "e." OLD_DATA),
     "old: the list of storages has an unknown or repeated entry"},
    {BYTES("](U\0010e.\x04\0\0"), "old: storage `0` is missing; the file is truncated"},
    {BYTES("](U\0010e.\x05\0\0\0\0\0\0\0"
           "0123456789abcdef0123"),
     "old: storage `0`: expected 4 values, found 5"},
    {BYTES("](U\0010e.\x04\0\0\0\0\0\0\0"
           "0123456789abcde"),
     "old: storage `0`: expected 4 values of 4 bytes, but only 15 bytes follow; the file is "
     "truncated"},
};

static void test_lists_of_storages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof OLD_FILES / sizeof *OLD_FILES; i++) {
        size_t head = sizeof OLD_HEAD OLD_TENSOR - 1, size = head + OLD_FILES[i].size;
        unsigned char *bytes = malloc(size);
        memcpy(bytes, OLD_HEAD OLD_TENSOR, head);
        memcpy(bytes + head, OLD_FILES[i].keys, OLD_FILES[i].size);
        de_table table;
        diffedit_error error = {.message = ""};
        diffedit_status status = de_checkpoint_read(&table, "old", bytes, size, &error);
        assert_string_equal(error.message, OLD_FILES[i].sentence ? OLD_FILES[i].sentence : "");
        assert_int_equal(status, OLD_FILES[i].sentence ? DIFFEDIT_ERROR_MODEL : DIFFEDIT_OK);
        if (status == DIFFEDIT_OK) {
            assert_memory_equal(de_table_find(&table, "w")->data, "0123456789abcdef", 16);
            de_table_free(&table);
        }
        free(bytes);
    }
}

/* Some changes make another good file; none may do harm. */
static void test_every_byte(void **state)
{
    static const unsigned char changes[] = {0x00, 0xff, 0x01, 0x80};
    size_t size, refused = 0;
    unsigned char *bytes = read_whole(*state, &size);
    for (size_t at = 0; at < size; at++)
        for (size_t i = 0; i < sizeof changes; i++) {
            unsigned char kept = bytes[at];
            bytes[at] = i < 2 ? changes[i] : kept ^ changes[i];
            de_table table;
            diffedit_error error = {.message = ""};
            if (de_checkpoint_read(&table, "changed", bytes, size, &error) == DIFFEDIT_OK)
                de_table_free(&table);
            else
                refused += strstr(error.message, "changed: ") != NULL;
            bytes[at] = kept;
        }
    assert_true(refused > size / 4);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_same_tensors, TORCH_FILES "/plain.bin"),
        cmocka_unit_test_prestate(test_same_tensors, TORCH_FILES "/protocol-4.bin"),
        cmocka_unit_test_prestate(test_same_tensors, TORCH_FILES "/training.ckpt"),
        cmocka_unit_test_prestate(test_same_tensors, TORCH_FILES "/training-2019.ckpt"),
        cmocka_unit_test_prestate(test_same_tensors, TORCH_FILES "/plain-2019-protocol-4.bin"),
        cmocka_unit_test_prestate(test_every_length, TORCH_FILES "/training.ckpt"),
        cmocka_unit_test_prestate(test_every_length, TORCH_FILES "/training-2019.ckpt"),
        cmocka_unit_test_prestate(test_every_byte, TORCH_FILES "/training.ckpt"),
        cmocka_unit_test_prestate(test_every_byte, TORCH_FILES "/training-2019.ckpt"),
        cmocka_unit_test(test_lists_of_storages),
        cmocka_unit_test(test_a_program_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
