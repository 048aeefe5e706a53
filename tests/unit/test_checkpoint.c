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
        cmocka_unit_test(test_a_program_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
