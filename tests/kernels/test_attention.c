/* Attention against its definition in double precision: exact, and quick, whose products are of
 * int16 or of floats, as the table has it. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"

typedef struct attention_case {
    int heads;
    bool causal;
    de_tensor q, k, v, y; /* of one row of tokens */
} attention_case;

static void run_attention(de_context *context, void *user)
{
    attention_case *test = user;
    de_attention(context, test->heads, test->causal, test->q, test->k, test->v, test->y);
}

/* ---- the reference ---- */

static const float *token(de_tensor tensor, int64_t image, int64_t token, int64_t channel)
{
    return floats_of(tensor) + (image * tensor.w + token) * tensor.stride + channel;
}

static double score(const float *q, const float *k, int64_t d)
{
    double sum = 0;
    for (int64_t i = 0; i < d; i++)
        sum += q[i] * k[i] / (sqrt((double)d) * log(2));
    return sum;
}

/* One query of one head */
static void attend(const attention_case *test, int64_t image, int64_t query, int64_t head,
                   double *weights, double *expected)
{
    int64_t d = test->q.c / test->heads, first = head * d;
    int64_t keys = test->causal ? de_min_i64(query + 1, test->k.w) : test->k.w;
    const float *q = token(test->q, image, query, first);
    double total = 0, highest = -INFINITY;
    for (int64_t key = 0; key < keys; key++) {
        weights[key] = score(q, token(test->k, image, key, first), d);
        highest = fmax(highest, weights[key]);
    }
    for (int64_t key = 0; key < keys; key++)
        total += weights[key] = exp2(weights[key] - highest);
    double *y = expected + (image * test->q.w + query) * test->q.c + first;
    for (int64_t key = 0; key < keys; key++) {
        const float *v = token(test->v, image, key, first);
        for (int64_t i = 0; i < d; i++)
            y[i] += weights[key] / total * v[i];
    }
}

static double *expect(const attention_case *test)
{
    double *expected = new_doubles(test->q.n * test->q.w * test->q.c),
           *weights = new_doubles(test->k.w);
    for (int64_t image = 0; image < test->q.n; image++)
        for (int64_t query = 0; query < test->q.w; query++)
            for (int64_t head = 0; head < test->heads; head++)
                attend(test, image, query, head, weights, expected);
    free(weights);
    return expected;
}

/* ---- cases ---- */

/* Rows of q, k and v are so many elements longer than they need be. */
typedef struct attention_shape {
    int64_t n, tq, tk;
    int heads;
    int64_t d;
    bool causal;
    int64_t more_q, more_k, more_v;
} attention_shape;

/* The first columns of rows that are `stride` wide */
static de_tensor random_columns(int64_t n, int64_t tokens, int64_t c, int64_t stride)
{
    de_tensor wide = random_tensor(n, 1, tokens, stride);
    wide.c = c;
    return wide;
}

/* `sharpness` scales the queries: large scores, of which few keys win */
static attention_case new_case(attention_shape shape, float sharpness)
{
    int64_t c = shape.heads * shape.d;
    attention_case test = {
        .heads = shape.heads,
        .causal = shape.causal,
        .q = random_columns(shape.n, shape.tq, c, c + shape.more_q),
        .k = random_columns(shape.n, shape.tk, c, c + shape.more_k),
        .v = random_columns(shape.n, shape.tk, c, c + shape.more_v),
        .y = random_tensor(shape.n, 1, shape.tq, c),
    };
    for (int64_t i = 0; i < shape.n * shape.tq * test.q.stride; i++)
        floats_of(test.q)[i] *= sharpness;
    return test;
}

static void free_case(attention_case *test)
{
    free(floats_of(test->q));
    free(floats_of(test->k));
    free(floats_of(test->v));
    free(floats_of(test->y));
}

static bool has_i16(const de_kernels *kernels)
{
    return kernels->attention_quick;
}

static bool has_floats(const de_kernels *kernels)
{
    return !kernels->attention_quick;
}

/* What rounding the operands makes of averages of values in [-1, 1]: its rms, of theirs. */
static void check_rounding(const attention_case *test, const double *expected, int64_t count,
                           double allowed)
{
    double errors = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double error = floats_of(test->y)[i] - expected[i];
        errors += error * error;
        squares += expected[i] * expected[i];
    }
    if (!(errors <= squares * allowed * allowed))
        fail_msg("quick attention: error %g (rms)", sqrt(errors / squares));
}

static void check_attention(attention_shape shape, float sharpness)
{
    attention_case test = new_case(shape, sharpness);
    int64_t count = shape.n * shape.tq * test.q.c;
    double *expected = expect(&test);
    op_case check = {.name = "attention",
                     .run = run_attention,
                     .user = &test,
                     .y = floats_of(test.y),
                     .count = count,
                     .expected = expected,
                     .tolerance = 1e-6 + 1e-6 * sharpness};
    check_op(&check);
    check.quick = true;
    check.applies = shape.causal ? NULL : has_floats;
    check_op(&check);
    if (!shape.causal) {
        check.applies = has_i16;
        check.name = "attention, int16";
        check.tolerance = 1.5e-3 + 2e-5 * sharpness;
        check_op(&check);
        if (sharpness <= 1)
            check_rounding(&test, expected, count, 1.5e-3);
    }
    free(expected);
    free_case(&test);
}

static void test_attention(void **state)
{
    (void)state;
    static const int64_t widths[] = {1, 5, 8, 16, 24, 37, 40, 64, 80, 160};
    for (int i = 0; i < 30; i++) {
        attention_shape shape = {.n = random_between(1, 2),
                                 .tq = random_between(1, 70),
                                 .tk = random_between(1, 70),
                                 .heads = (int)random_between(1, 4),
                                 .d = widths[i % 10],
                                 .causal = i % 3 == 1};
        int64_t width = shape.heads * shape.d;
        shape.more_q = width * random_between(0, 2);
        shape.more_k = random_between(0, 9);
        shape.more_v = width * random_between(0, 2);
        check_attention(shape, i % 4 == 0 ? 20.0f : 1.0f);
    }
    /* every number of keys and of columns that a tile has */
    for (int64_t few = 1; few <= 26; few++) {
        check_attention((attention_shape){.n = 1, .tq = 3, .tk = few, .heads = 1, .d = 6}, 1.0f);
        check_attention((attention_shape){.n = 1, .tq = few, .tk = 5, .heads = 1, .d = few}, 1.0f);
    }
    /* several blocks of queries and of keys */
    check_attention((attention_shape){.n = 1, .tq = 250, .tk = 777, .heads = 2, .d = 40}, 8.0f);
    check_attention(
        (attention_shape){.n = 2, .tq = 401, .tk = 401, .heads = 1, .d = 8, .causal = true}, 8.0f);
    check_attention((attention_shape){.n = 1, .tq = 33, .tk = 290, .heads = 1, .d = 512}, 1.0f);
    /* equal scores */
    check_attention((attention_shape){.n = 1, .tq = 40, .tk = 300, .heads = 2, .d = 9}, 0);
    /* scores that differ by hundreds and by thousands: what weights are relative to has to rise,
     * and all before is nothing */
    for (int i = 0; i < 4; i++)
        check_attention(
            (attention_shape){
                .n = 1, .tq = 50, .tk = 400, .heads = 2, .d = 24, .causal = i % 2 == 1},
            i < 2 ? 100.0f : 10000.0f);
}

/* ---- what is not finite, or nearly so ---- */

static void attend_with(attention_case *test, diffedit_arithmetic arithmetic, float *y)
{
    de_context context = {.device = test_device(arithmetic), .threads = 1};
    assert_int_equal(de_program_run_once(&context, run_attention, test, NULL), DIFFEDIT_OK);
    memcpy(y, floats_of(test->y), (size_t)(test->q.w * test->q.c) * sizeof *y);
    de_context_release(&context);
}

enum { STRANGE_QUERIES = 40, STRANGE_KEYS = 301, STRANGE_D = 7, STRANGE_QUERY = 5 };

/* Whether int16 may make no number of value `column` of a query: one that is not finite, or as
 * large as floats are, takes the others that have the same scale with it. */
static bool may_be_lost(int query, int column, float in_q, float in_k, float in_v)
{
    const float large = 1e38f;
    return !(fabsf(in_k) < large) || (!(fabsf(in_q) < large) && query == STRANGE_QUERY) ||
           (!(fabsf(in_v) < large) && (column == 4 || column == STRANGE_D - 1));
}

/* Nothing becomes a NaN, or infinite, that exact arithmetic leaves a number, but for
 * what int16 may lose. */
static void check_strange(float sharpness, float in_q, float in_k, float in_v)
{
    attention_case test = new_case(
        (attention_shape){
            .n = 1, .tq = STRANGE_QUERIES, .tk = STRANGE_KEYS, .heads = 1, .d = STRANGE_D},
        sharpness);
    float exact[STRANGE_QUERIES * STRANGE_D], quick[STRANGE_QUERIES * STRANGE_D];
    floats_of(test.q)[STRANGE_QUERY * STRANGE_D + 3] = in_q;
    floats_of(test.k)[200 * STRANGE_D + 3] = in_k;
    floats_of(test.v)[100 * STRANGE_D + 4] = in_v;
    floats_of(test.v)[STRANGE_KEYS * STRANGE_D - 1] = in_v;
    for (int table = 0; table < TEST_TABLES; table++) {
        const de_kernels *kernels = de_kernels_find(test_tables[table]);
        if (!kernels)
            continue;
        de_kernels_use(kernels);
        attend_with(&test, DIFFEDIT_ARITHMETIC_EXACT, exact);
        attend_with(&test, DIFFEDIT_ARITHMETIC_QUICK, quick);
        for (int i = 0; i < STRANGE_QUERIES * STRANGE_D; i++) {
            if (has_i16(kernels) && may_be_lost(i / STRANGE_D, i % STRANGE_D, in_q, in_k, in_v))
                continue;
            assert_true(isnan(exact[i]) || !isnan(quick[i]));
            assert_true(!isfinite(exact[i]) || isfinite(quick[i]));
        }
    }
    free_case(&test);
}

static void test_strange_numbers(void **state)
{
    (void)state;
    static const float strange[] = {0,       -0.0f,    1e30f,     -1e30f,   1e20f,     -1e6f, NAN,
                                    0x1p64f, INFINITY, -INFINITY, 0x1p-60f, 0x1p-120f, 3e5f};
    enum { COUNT = sizeof strange / sizeof *strange };
    for (int i = 0; i < COUNT; i++) {
        check_strange(4, strange[i], 1, 1);
        check_strange(4, 1, strange[i], 1);
        check_strange(4, 1, 1, strange[i]);
        check_strange(4, FLT_TRUE_MIN, 0x1p-140f, strange[i]);
        check_strange(0, 0, strange[i], FLT_MAX);
        for (int j = 0; j < COUNT; j++)
            check_strange(4, strange[i], strange[j], strange[(i + j) % COUNT]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_strange_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, print_errors_at_end);
}
