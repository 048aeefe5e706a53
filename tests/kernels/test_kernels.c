/* The choice of kernels, and what ops do not show of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"

/* ---- the choice of kernels ---- */

/* What DIFFEDIT_CPU=`value` leads to, in a process of its own, because the choice is made once: 0
 * if the table is `name` and there is a problem or not, as expected. */
static int choose_in_child(const char *value, const char *name, bool problem)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("DIFFEDIT_CPU", value, 1);
        bool right = strcmp(de_kernels_get()->name, name) == 0 &&
                     (de_kernels_problem() != NULL) == problem;
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* The first of the tests: nothing has asked for kernels yet. */
static void test_choice(void **state)
{
    (void)state;
    const char *fastest = "ref";
    for (int table = 0; table < TEST_TABLES; table++) {
        const char *name = test_tables[table];
        bool there = de_kernels_find(name);
        if (there)
            fastest = name;
        assert_int_equal(choose_in_child(name, there ? name : "ref", !there), 0);
    }
    assert_int_equal(choose_in_child("", fastest, false), 0);
    assert_int_equal(choose_in_child("sse9", "ref", true), 0);
}

/* A query of causal attention sees the same sums whoever comes after it in the same call. */
static void test_attention_prefix(void **state)
{
    (void)state;
    enum { D = 5, KEYS = 300, QUERIES = 20 };
    float q[QUERIES * D];
    float *scratch = de_aligned_alloc((size_t)de_attention_scratch(D) * sizeof *scratch);
    assert_non_null(scratch);
    for (int i = 0; i < QUERIES * D; i++)
        q[i] = (float)random_between(-100, 100) / 10;
    float *k = random_floats(KEYS * D), *v = random_floats(KEYS * D);
    float *all = random_floats(QUERIES * D), *some = random_floats(QUERIES * D);
    for (int table = 0; table < TEST_TABLES; table++) {
        const de_kernels *kernels = de_kernels_find(test_tables[table]);
        if (!kernels)
            continue;
        de_attention_block block = {.queries = QUERIES,
                                    .keys = KEYS,
                                    .d = D,
                                    .q = q,
                                    .q_stride = D,
                                    .scale = 1,
                                    .k = k,
                                    .v = v,
                                    .causal = true,
                                    .first_query = KEYS - QUERIES - 3,
                                    .scratch = scratch,
                                    .y = all,
                                    .y_stride = D};
        kernels->attention(&block);
        block.y = some;
        for (block.queries = 1; block.queries < QUERIES; block.queries++) {
            kernels->attention(&block);
            assert_memory_equal(some, all, (size_t)(block.queries * D) * sizeof *all);
        }
    }
    free(scratch);
    free(k);
    free(v);
    free(all);
    free(some);
}

/* ---- activations ---- */

typedef struct activation_case {
    const float *x;
    float *y;
    int64_t count;
    de_activation activation;
} activation_case;

static void run_activation(de_context *context, void *user)
{
    activation_case *test = user;
    if (!context->arena.measuring)
        de_kernels_get()->activate(test->x, test->count, test->activation, test->y);
}

static void test_activations(void **state)
{
    (void)state;
    static const char *const names[] = {"no activation", "SiLU", "GELU", "quick GELU"};
    int64_t count = 40003; /* -12.5..12.5 densely, and what overflows if one is careless */
    float *x = malloc((size_t)count * sizeof *x), *y = malloc((size_t)count * sizeof *y);
    double *expected = new_doubles(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(i - 20001) * 0.000625f;
    x[0] = -1000.0f;
    x[1] = -88.5f;
    for (int activation = DE_NONE; activation <= DE_QUICK_GELU; activation++) {
        activation_case test = {
            .x = x, .y = y, .count = count, .activation = (de_activation)activation};
        for (int64_t i = 0; i < count; i++)
            expected[i] = activated(x[i], test.activation);
        op_case check = {.name = names[activation],
                         .run = run_activation,
                         .user = &test,
                         .y = y,
                         .count = count,
                         .expected = expected,
                         .tolerance = 1e-7};
        check_op(&check);
        float *values = copy_floats(x, count); /* in place */
        test.x = test.y = check.y = values;
        check.before = x;
        check_op(&check);
        free(values);
    }
    free(x);
    free(y);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_attention_prefix),
        cmocka_unit_test(test_activations),
    };
    return cmocka_run_group_tests(tests, NULL, print_errors_at_end);
}
