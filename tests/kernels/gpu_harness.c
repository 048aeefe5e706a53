#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/half.h"
#include "gpu_harness.h"
#include "ops/vulkan/gpu_device.h"

enum { MAX_NAMES = 32 };

/* In what arithmetic a case is run */
typedef struct way {
    const char *name;
    diffedit_arithmetic device, layers;
    bool wide; /* on the wide device of the device that the layers are made for */
} way;

static const way ways[] = {
    {"exact", DIFFEDIT_ARITHMETIC_EXACT, DIFFEDIT_ARITHMETIC_EXACT, false},
    {"quick", DIFFEDIT_ARITHMETIC_QUICK, DIFFEDIT_ARITHMETIC_QUICK, false},
    {"quick, exact layers", DIFFEDIT_ARITHMETIC_QUICK, DIFFEDIT_ARITHMETIC_EXACT, false},
    {"wide", DIFFEDIT_ARITHMETIC_QUICK, DIFFEDIT_ARITHMETIC_QUICK, true},
};
enum { WAYS = sizeof ways / sizeof *ways };

static de_device *cpu, *gpus[2]; /* by arithmetic */

static struct reached {
    const char *name;
    double error[WAYS];
} reached[MAX_NAMES];

int open_gpus(void **state)
{
    (void)state;
    setenv("DIFFEDIT_VULKAN_SOFTWARE", "1", 1);
    cpu = test_device(DIFFEDIT_ARITHMETIC_EXACT);
    for (int i = 0; i < 2; i++) {
        diffedit_error error = {0};
        if (de_device_open(&gpus[i], 1, (diffedit_arithmetic)i, &error) != DIFFEDIT_OK) {
            fprintf(stderr, "This test needs a Vulkan driver (Debian's mesa-vulkan-drivers): %s\n",
                    error.message);
            return 1;
        }
    }
    return 0;
}

int close_gpus(void **state)
{
    (void)state;
    for (const struct reached *entry = reached; entry->name; entry++) {
        printf("# %-24s largest error:", entry->name);
        for (int i = 0; i < WAYS; i++)
            printf(" %s %.1e%s", ways[i].name, entry->error[i], i + 1 < WAYS ? "," : "\n");
    }
    for (int i = 0; i < 2; i++)
        de_device_close(gpus[i]);
    de_device_close(cpu);
    return 0;
}

void rescale(de_tensor x, float factor, float offset)
{
    for (int64_t i = 0; i < de_tensor_count(x); i++)
        floats_of(x)[i] = de_half_to_float(de_float_to_half(factor * floats_of(x)[i] + offset));
}

de_tensor half_tensor(int64_t n, int64_t h, int64_t w, int64_t c)
{
    de_tensor made = random_tensor(n, h, w, c);
    rescale(made, 1, 0);
    return made;
}

int64_t random_width(void)
{
    static const int64_t widths[] = {1, 3, 4, 5, 20, 64, 77, 132};
    return widths[random_between(0, sizeof widths / sizeof *widths - 1)];
}

void free_inputs(gpu_case *test)
{
    for (int i = 0; i < GPU_INPUTS; i++)
        free(floats_of(test->in[i]));
}

/* ---- running ---- */

/* A case on a device */
typedef struct running {
    const gpu_case *test;
    gpu_layers layers;
    de_tensor in[GPU_INPUTS], out;
} running;

static void forward(de_context *context, void *user)
{
    running *run = user;
    run->test->forward(context, run->test, &run->layers, run->in, run->out);
}

static void share(de_tensor *tensor, de_device *device, de_tensor shape)
{
    assert_int_equal(de_tensor_share(tensor, device, shape, NULL), DIFFEDIT_OK);
}

static void write_inputs(de_context *context, const running *run)
{
    for (int i = 0; i < GPU_INPUTS; i++)
        if (run->in[i].data.at)
            de_write(context, floats_of(run->test->in[i]), run->in[i]);
}

/* Gives what it computed. */
static double run_program(de_context *context, running *run, float *y)
{
    diffedit_error error = {0};
    de_program *program;
    if (de_program_new(&program, context, forward, run, &error) != DIFFEDIT_OK)
        fail_msg("%s: %s", run->test->name, error.message);
    write_inputs(context, run);
    if (de_program_run(program, &error) != DIFFEDIT_OK)
        fail_msg("%s: %s", run->test->name, error.message);
    de_read(context, run->out, y);
    double operations = de_program_computed(program).operations;
    de_program_free(program);
    return operations;
}

/* The same bits when it is run again, and that in several jobs. */
static void run_again(de_context *context, running *run, const float *y, double operations)
{
    enum { JOBS = 5 };
    de_vulkan_device *gpu = (de_vulkan_device *)context->device;
    size_t bytes = (size_t)de_tensor_count(run->out) * sizeof *y;
    float *again = malloc(bytes);
    double job = gpu->job;
    assert_non_null(again);
    gpu->job = 1 + operations / JOBS;
    run_program(context, run, again);
    gpu->job = job;
    assert_memory_equal(y, again, bytes);
    free(again);
}

/* y = what the case makes on `device`, whose layers are made for `maker` */
static void run_case(const gpu_case *test, de_device *device, de_device *maker,
                     diffedit_arithmetic arithmetic, float *y)
{
    de_context context = {.device = device, .threads = 2};
    running run = {.test = test};
    if (test->make)
        test->make(test, &run.layers, maker, arithmetic);
    for (int i = 0; i < GPU_INPUTS; i++)
        if (test->in[i].data.at)
            share(&run.in[i], device, test->in[i]);
    if (test->in_place >= 0)
        run.out = run.in[test->in_place];
    else
        share(&run.out, device, test->out);
    double operations = run_program(&context, &run, y);
    if (device != cpu)
        run_again(&context, &run, y, operations);
    for (int i = 0; i < GPU_INPUTS; i++)
        if (i != test->in_place)
            de_tensor_drop(&run.in[i], device);
    de_tensor_drop(&run.out, device);
    de_context_release(&context);
    de_linear_free(run.layers.linear);
    de_convolution_free(run.layers.convolution);
    de_vector_free(run.layers.scale);
    de_vector_free(run.layers.shift);
}

de_device *gpu_device(diffedit_arithmetic arithmetic)
{
    return gpus[arithmetic];
}

void run_gpu(const gpu_case *test, diffedit_arithmetic arithmetic, float *y)
{
    run_case(test, gpus[arithmetic], gpus[arithmetic], arithmetic, y);
}

/* ---- comparing ---- */

static double largest_error(const float *y, const float *expected, int64_t count)
{
    double error = 0, scale = 1e-30;
    for (int64_t i = 0; i < count; i++) {
        error = larger(error, fabs((double)y[i] - expected[i]));
        scale = larger(scale, fabs((double)expected[i]));
    }
    return error / scale;
}

static void note_error(const char *name, int which, double error)
{
    struct reached *entry = reached;
    while (entry->name && strcmp(entry->name, name) != 0)
        entry++;
    assert_true(entry < reached + MAX_NAMES - 1);
    entry->name = name;
    if (error > entry->error[which])
        entry->error[which] = error;
}

void check_gpu(const gpu_case *test)
{
    int64_t count = de_tensor_count(test->out);
    float *expected = malloc((size_t)count * sizeof *expected);
    float *y = malloc((size_t)count * sizeof *y);
    assert_true(expected && y);
    run_case(test, cpu, cpu, DIFFEDIT_ARITHMETIC_EXACT, expected);
    for (int i = 0; i < WAYS; i++) {
        de_device *device = gpus[ways[i].device];
        run_case(test, ways[i].wide ? de_device_wide(device) : device, device, ways[i].layers, y);
        double error = largest_error(y, expected, count);
        bool exact = ways[i].device == DIFFEDIT_ARITHMETIC_EXACT;
        note_error(test->name, i, error);
        if (!(error <= (exact ? test->exact : test->quick)))
            fail_msg("%s, %s: error %g", test->name, ways[i].name, error);
    }
    free(expected);
    free(y);
}
