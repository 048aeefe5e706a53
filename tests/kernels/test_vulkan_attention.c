/* Attention of the Vulkan backend on odd shapes and hard inputs.
 *
 * What is allowed: with f32 throughout, the sums' other order and the GPU's exponentials. With f16,
 * half a unit in the last place of the result, 2.4e-4 to 4.9e-4 of it; matrices have weights of f16
 * too, whose roundings nearly cancel out (5.6e-4 reached). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/half.h"
#include "gpu_harness.h"

enum { Q, K, V }; /* inputs */

typedef struct attention_case {
    int heads;
    bool causal;
    int64_t first, c; /* columns of the tensors */
} attention_case;

static void run_attention(de_context *context, const gpu_case *test, const gpu_layers *layers,
                          const de_tensor *in, de_tensor out)
{
    const attention_case *attention = test->user;
    de_tensor part[3];
    (void)layers;
    for (int i = 0; i < 3; i++)
        part[i] = de_tensor_columns(context, in[i], attention->first, attention->c);
    de_attention(context, attention->heads, attention->causal, part[Q], part[K], part[V], out);
}

/* q, k and v are columns of tensors that are `beside` columns wider on both sides. */
static void check_attention(const char *name, int64_t n, int64_t queries, int64_t keys, int heads,
                            int64_t d, bool causal, int64_t beside, float size)
{
    int64_t c = heads * d, width = c + 2 * beside;
    attention_case attention = {heads, causal, beside, c};
    gpu_case test = {.name = name,
                     .in = {half_tensor(n, 1, queries, width), half_tensor(n, 1, keys, width),
                            half_tensor(n, 1, keys, width)},
                     .out = shape_of(n, 1, queries, c),
                     .in_place = -1,
                     .forward = run_attention,
                     .user = &attention,
                     .exact = size > 1 ? 1e-3 : 4e-6, /* scores of 1e4 are off by 1e-3 */
                     .quick = 6e-4};
    rescale(test.in[Q], size, 0);
    rescale(test.in[K], size, 0);
    check_gpu(&test);
    free_inputs(&test);
}

static void test_attention(void **state)
{
    (void)state;
    static const int64_t heads_of[] = {1, 5, 31, 40, 64, 77, 80, 128, 161, 512, 1100};
    for (size_t i = 0; i < sizeof heads_of / sizeof *heads_of; i++)
        check_attention("attention", random_between(1, 2), random_between(1, 80),
                        random_between(1, 140), (int)random_between(1, 3), heads_of[i], false,
                        random_between(0, 1) * random_between(1, 8), 1);
    /* more than a workgroup's queries, and tiles of keys of which the last is short */
    check_attention("attention", 2, 256, 77, 8, 40, false, 0, 1);
    check_attention("attention", 1, 300, 270, 2, 40, false, 3, 1);
    check_attention("attention", 1, 150, 150, 2, 80, false, 4, 1);
    check_attention("attention", 1, 70, 260, 2, 160, false, 0, 1);
    check_attention("attention", 1, 150, 550, 1, 512, false, 8, 1);
    check_attention("attention", 1, 1, 1, 3, 40, false, 0, 1);
}

static void test_hard_attention(void **state)
{
    (void)state;
    check_attention("causal", 2, 77, 77, 3, 64, true, 0, 1);
    check_attention("causal", 1, 70, 67, 2, 5, true, 3, 1);
    check_attention("causal", 1, 150, 150, 2, 40, true, 0, 1);
    check_attention("causal", 1, 1, 1, 2, 40, true, 0, 1);
    check_attention("one key", 2, 19, 1, 2, 40, false, 0, 1);
    check_attention("large scores", 1, 33, 65, 2, 40, false, 0, 100);
    check_attention("large scores", 1, 70, 70, 2, 40, true, 0, 100);
    check_attention("large scores", 1, 33, 300, 1, 160, false, 0, 100);
}

/* Scores that rise along the keys, by some units a key or by less than one, and fall then: what
 * weights are relative to has to rise with them, at times, and what was summed to shrink. */
static void test_rising_scores(void **state)
{
    (void)state;
    enum { QUERIES = 40, KEYS = 300, D = 40, HEADS = 2 };
    static const float rises[] = {4, 0.5f, 0.02f};
    for (size_t i = 0; i < sizeof rises / sizeof *rises; i++) {
        attention_case attention = {HEADS, false, 0, HEADS * D};
        gpu_case test = {.name = "rising scores",
                         .in = {half_tensor(1, 1, QUERIES, HEADS * D),
                                half_tensor(1, 1, KEYS, HEADS * D),
                                half_tensor(1, 1, KEYS, HEADS * D)},
                         .out = shape_of(1, 1, QUERIES, HEADS * D),
                         .in_place = -1,
                         .forward = run_attention,
                         .user = &attention,
                         .exact = 3e-4, /* scores of 1e3 are off by 1e-4 */
                         .quick = 6e-4};
        for (int64_t row = 0; row < QUERIES; row++) /* queries go by their first column most */
            for (int head = 0; head < HEADS; head++)
                floats_of(test.in[Q])[(row * HEADS + head) * D] = (float)(4 + row % 4);
        for (int64_t key = 0; key < KEYS; key++)
            for (int head = 0; head < HEADS; head++) {
                float height = rises[i] * (float)(key < 250 ? key : 500 - key);
                floats_of(test.in[K])[(key * HEADS + head) * D] = de_half_to_float(
                    de_float_to_half(height));
            }
        check_gpu(&test);
        free_inputs(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_hard_attention),
        cmocka_unit_test(test_rising_scores),
    };
    return cmocka_run_group_tests(tests, open_gpus, close_gpus);
}
