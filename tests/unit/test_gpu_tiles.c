/* How attention is divided among the subgroups of GPUs whose matrices no driver for tests has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ops/vulkan/gpu_matrix.h"

static const de_gpu_info nvidia = {
    .subgroup = 32, .shared_memory = 48 << 10, .matrix = {16, 16, 16}};
static const de_gpu_info amd = {.subgroup = 64, .shared_memory = 64 << 10, .matrix = {16, 16, 16}};
static const de_gpu_info intel = {.subgroup = 16, .shared_memory = 48 << 10, .matrix = {8, 16, 16}};
static const de_gpu_info least = {.subgroup = 8, .shared_memory = 32 << 10, .matrix = {8, 8, 8}};
static const de_gpu_info largest = {
    .subgroup = 32, .shared_memory = 64 << 10, .matrix = {32, 32, 32}};

/* Bytes of the arrays that shaders/attention_matrix.comp shares */
static uint32_t shared_bytes(const de_gpu_info *gpu, const de_attention_tile *tile, uint32_t d)
{
    uint32_t subgroups = tile->invocations / gpu->subgroup;
    uint32_t queries = subgroups / tile->parts * tile->rows;
    uint32_t depth = (d + gpu->matrix.k - 1) / gpu->matrix.k * gpu->matrix.k;
    return 2 * (queries * (depth + 8) + tile->keys * (tile->piece + 8) +
                queries * (tile->keys + 8)) +
           4 * (subgroups * gpu->matrix.m * gpu->matrix.n + 3 * subgroups * tile->rows + 1);
}

/* Every part of a tile is of whole matrices, and it fits. */
static void test_whole_matrices(void **state)
{
    (void)state;
    static const de_gpu_info *const gpus[] = {&nvidia, &amd, &intel, &least, &largest};
    for (size_t i = 0; i < sizeof gpus / sizeof *gpus; i++)
        for (uint32_t d = 1; d <= 1200; d++) {
            const de_matrix_shape *matrix = &gpus[i]->matrix;
            de_attention_tile tile = de_attention_tile_choose(gpus[i], d);
            if (gpus[i] != &largest && d <= 512)
                assert_true(tile.rows > 0);
            if (!tile.rows)
                continue;
            assert_int_equal(tile.rows % matrix->m, 0);
            assert_int_equal(tile.keys % (tile.parts * matrix->n), 0);
            assert_int_equal(tile.keys % matrix->k, 0);
            assert_int_equal(tile.piece % (tile.parts * matrix->n), 0);
            assert_int_equal(tile.piece % matrix->k, 0);
            assert_true(tile.invocations <= 256);
            assert_true(shared_bytes(gpus[i], &tile, d) <= gpus[i]->shared_memory);
        }
}

/* The heads of Stable Diffusion on what most cards have */
static void test_usual_heads(void **state)
{
    (void)state;
    static const struct {
        uint32_t d, parts, keys, piece;
    } expected[] = {
        {40, 1, 32, 48}, {64, 1, 32, 80}, {80, 1, 32, 96}, {160, 2, 32, 96}, {512, 4, 64, 64}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        de_attention_tile tile = de_attention_tile_choose(&nvidia, expected[i].d);
        assert_int_equal(tile.invocations, 128);
        assert_int_equal(tile.rows, 16);
        assert_int_equal(tile.parts, expected[i].parts);
        assert_int_equal(tile.keys, expected[i].keys);
        assert_int_equal(tile.piece, expected[i].piece);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_matrices),
        cmocka_unit_test(test_usual_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
