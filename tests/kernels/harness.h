/* What the kernel tests share: random data, and running an op on every table, thread count and on
 * an arena that is exactly as large as its measuring run says. */
#ifndef DE_TEST_HARNESS_H
#define DE_TEST_HARNESS_H

#include "kernels/kernels.h"
#include "ops/ops.h"

/* The kernel tables by name, the fastest last; a machine may lack one. */
enum { TEST_TABLES = 5 };
extern const char *const test_tables[TEST_TABLES];

/* A random integer of [low, high], the same sequence in every run. */
int64_t random_between(int64_t low, int64_t high);
/* count values of roughly [-1, 1]; free() them */
float *random_floats(int64_t count);
float *copy_floats(const float *values, int64_t count);
/* A dense tensor of random floats; free(floats_of()) it */
de_tensor random_tensor(int64_t n, int64_t h, int64_t w, int64_t c);
static inline float *floats_of(de_tensor tensor)
{
    return (float *)tensor.data.at;
}
/* A shape alone */
static inline de_tensor shape_of(int64_t n, int64_t h, int64_t w, int64_t c)
{
    return de_tensor_at((de_array){0}, n, h, w, c);
}
/* 1 to `most` images, sides of low to high. (One by one: the arguments of a call are drawn in an
 * order that is the compiler's.) */
de_tensor random_shape(int64_t most, int64_t low, int64_t high, int64_t channels);
/* A convolution of k x k, of any stride and padding */
de_convolution_shape random_convolution(int64_t k);
/* One of 3x3 that keeps a picture's size */
static const de_convolution_shape same_size = {
    .stride = 1, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
double activated(double x, de_activation activation);
/* NaN where one of them is */
double larger(double a, double b);
/* count zeros; free() them */
double *new_doubles(int64_t count);
/* The CPU */
de_device *test_device(diffedit_arithmetic arithmetic);

/* A random weight whose data stand at an odd address. `values` is what it means. */
typedef struct test_weight {
    de_weight weight;
    void *memory;
    double *values;
} test_weight;

test_weight test_weight_new(de_dtype dtype, int rank, const int64_t *shape);
void test_weight_free(test_weight *weight);

/* An op under test: run() writes y [count], which holds `before` when it starts (NULL: garbage). */
typedef struct op_case {
    const char *name;
    bool quick;                                 /* what it was prepared for */
    bool (*applies)(const de_kernels *kernels); /* to which tables; NULL: to all */
    void (*run)(de_context *context, void *user);
    void *user;
    float *y;
    const float *before;
    int64_t count;
    const double *expected;
    double tolerance; /* of |y - expected|, as a share of the largest |expected| */
} op_case;

/* Runs the op with every table, with 1, 2 and 3 threads: right, and the same bits for any number of
 * threads. */
void check_op(const op_case *test);
/* The largest error that check_op has seen of each name, as comment lines. */
void print_errors(void);
/* The same as the end of a group of tests. */
int print_errors_at_end(void **state);

#endif
