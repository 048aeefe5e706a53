#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"

enum { GUARD = 64, MAX_NAMES = 32 };
const char *const test_tables[TEST_TABLES] = {"ref", "neon", "avx2", "avxvnni", "avx512"};

static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

int64_t random_between(int64_t low, int64_t high)
{
    return low + (int64_t)(random_bits() % (uint32_t)(high - low + 1));
}

static float random_float(void)
{
    return (float)(int32_t)random_bits() * 0x1p-31f;
}

float *random_floats(int64_t count)
{
    float *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = random_float();
    return values;
}

float *copy_floats(const float *values, int64_t count)
{
    float *copy = malloc((size_t)count * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

/* The bits of a floating-point number: a sign, then these */
static const struct layout {
    int bytes, fraction_bits, bias;
    int lowest; /* exponent of a random value; 0: it may be subnormal */
} layouts[] = {[DE_F16] = {2, 10, 15, 0},
               [DE_BF16] = {2, 7, 127, 110},
               [DE_F8_E4M3] = {1, 3, 7, 0},
               [DE_F8_E5M2] = {1, 2, 15, 0}};

/* Random bits of one value of `dtype`, up to 2, and the value, decoded without the program's help.
 */
static double random_value(de_dtype dtype, void *out)
{
    bool negative = random_between(0, 1);
    if (dtype == DE_F32) {
        float value = random_float();
        memcpy(out, &value, sizeof value);
        return value;
    }
    if (dtype == DE_F64) {
        double value = random_float() + random_float() * 0x1p-31;
        memcpy(out, &value, sizeof value);
        return value;
    }
    const struct layout *of = &layouts[dtype];
    int exponent = (int)random_between(of->lowest, of->bias);
    int fraction = (int)random_between(0, (1 << of->fraction_bits) - 1);
    unsigned bits = (unsigned)(negative << (8 * of->bytes - 1) | exponent << of->fraction_bits |
                               fraction);
    for (int i = 0; i < of->bytes; i++)
        ((uint8_t *)out)[i] = (uint8_t)(bits >> 8 * i);
    int whole = exponent ? 1 << of->fraction_bits : 0;
    double value = ldexp(whole + fraction,
                         (exponent ? exponent : 1) - of->bias - of->fraction_bits);
    return negative ? -value : value;
}

test_weight test_weight_new(de_dtype dtype, int rank, const int64_t *shape)
{
    test_weight made = {.weight = {.dtype = dtype, .rank = rank, .scale = 0.375f}};
    int64_t count = 1, size = (int64_t)de_dtype_bytes(dtype);
    double scale = de_dtype_is_f8(dtype) ? made.weight.scale : 1;
    for (int i = 0; i < rank; i++) {
        made.weight.shape[i] = shape[i];
        count *= shape[i];
    }
    made.memory = malloc((size_t)(count * size) + 1);
    made.values = malloc((size_t)count * sizeof *made.values);
    assert_true(made.memory && made.values);
    made.weight.data = (char *)made.memory + 1;
    for (int64_t i = 0; i < count; i++)
        made.values[i] = scale * random_value(dtype, (char *)made.memory + 1 + i * size);
    return made;
}

de_tensor random_tensor(int64_t n, int64_t h, int64_t w, int64_t c)
{
    float *values = random_floats(n * h * w * c);
    return de_tensor_at((de_array){(uintptr_t)values}, n, h, w, c);
}

de_tensor random_shape(int64_t most, int64_t low, int64_t high, int64_t channels)
{
    int64_t w = random_between(low, high), h = random_between(low, high);
    return shape_of(random_between(1, most), h, w, channels);
}

de_convolution_shape random_convolution(int64_t k)
{
    de_convolution_shape shape;
    shape.stride = (int)random_between(1, 2);
    shape.pad_top = (int)random_between(0, k / 2);
    shape.pad_left = (int)random_between(0, k / 2);
    shape.pad_bottom = (int)random_between(0, 2);
    shape.pad_right = (int)random_between(0, 2);
    shape.up_h = shape.up_w = 0;
    return shape;
}

void test_weight_free(test_weight *weight)
{
    free(weight->memory);
    free(weight->values);
}

/* ---- references ---- */

double activated(double x, de_activation activation)
{
    switch (activation) {
    case DE_SILU: return x / (1 + exp(-x));
    case DE_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case DE_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case DE_NONE: break;
    }
    return x;
}

double larger(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

double *new_doubles(int64_t count)
{
    double *values = calloc((size_t)count, sizeof *values);
    assert_non_null(values);
    return values;
}

/* ---- errors reached ---- */

static struct reached {
    const char *name;
    bool quick;
    double error[TEST_TABLES];
} reached[MAX_NAMES];

static void note_error(const char *name, bool quick, int table, double error)
{
    struct reached *entry = reached;
    while (entry->name && (entry->quick != quick || strcmp(entry->name, name) != 0))
        entry++;
    assert_true(entry < reached + MAX_NAMES);
    entry->name = name;
    entry->quick = quick;
    if (error > entry->error[table])
        entry->error[table] = error;
}

void print_errors(void)
{
    for (struct reached *entry = reached; entry < reached + MAX_NAMES && entry->name; entry++) {
        printf("# %-5s %-24s largest error:", entry->quick ? "quick" : "exact", entry->name);
        for (int table = 0; table < TEST_TABLES; table++)
            if (de_kernels_find(test_tables[table]))
                printf(" %s %.1e", test_tables[table], entry->error[table]);
        printf("\n");
    }
}

/* ---- running ---- */

de_device *test_device(diffedit_arithmetic arithmetic)
{
    de_device *device;
    assert_int_equal(de_device_open(&device, DIFFEDIT_DEVICE_CPU, arithmetic, NULL), DIFFEDIT_OK);
    return device;
}

/* Runs the op on an arena with nothing to spare and a guard behind it. */
static void run_measured(const op_case *test, int threads)
{
    de_context context = {.device = test_device((diffedit_arithmetic)test->quick),
                          .arena = {.measuring = true},
                          .threads = threads};
    test->run(&context, test->user);
    assert_int_equal(context.arena.used, 0);

    size_t peak = context.arena.peak;
    unsigned char *memory = de_aligned_alloc(peak + GUARD);
    assert_non_null(memory);
    memset(memory, 0xff, peak + GUARD); /* not a number: what is read unwritten shows */
    context.arena = (de_arena){.blocks = {(uintptr_t)memory}, .capacity = peak};
    if (test->before)
        memcpy(test->y, test->before, (size_t)test->count * sizeof *test->y);
    else
        memset(test->y, 0xff, (size_t)test->count * sizeof *test->y);
    test->run(&context, test->user);
    assert_int_equal(context.arena.used, 0);
    for (size_t i = 0; i < GUARD; i++)
        assert_int_equal(memory[peak + i], 0xff);
    free(memory);
}

static double largest_error(const op_case *test)
{
    double error = 0, scale = 1e-30;
    for (int64_t i = 0; i < test->count; i++) {
        error = larger(error, fabs(test->y[i] - test->expected[i]));
        scale = larger(scale, fabs(test->expected[i]));
    }
    return error / scale;
}

void check_op(const op_case *test)
{
    float *first = malloc((size_t)test->count * sizeof *first);
    assert_non_null(first);
    for (int table = 0; table < TEST_TABLES; table++) {
        const de_kernels *kernels = de_kernels_find(test_tables[table]);
        if (!kernels || (test->applies && !test->applies(kernels)))
            continue;
        de_kernels_use(kernels);
        for (int threads = 1; threads <= 3; threads++) {
            run_measured(test, threads);
            if (threads > 1) {
                assert_memory_equal(test->y, first, (size_t)test->count * sizeof *first);
                continue;
            }
            memcpy(first, test->y, (size_t)test->count * sizeof *first);
            double error = largest_error(test);
            note_error(test->name, test->quick, table, error);
            if (!(error <= test->tolerance))
                fail_msg("%s, %s: error %g", test->name, test_tables[table], error);
        }
    }
    free(first);
}

int print_errors_at_end(void **state)
{
    (void)state;
    print_errors();
    return 0;
}
