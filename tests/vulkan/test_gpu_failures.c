/* Every call of Vulkan fails, each in its turn: one sentence, nothing leaks, and the next run is
 * right. */
#include "fake_vulkan.h"
#include "base/half.h"
#include "ops/ops.h"
#include "ops/vulkan/gpu_device.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 2, PIXELS = 3, CHANNELS = 5, MOST_CALLS = 2000 };

/* ---- a small network ---- */

typedef struct network {
    de_device *device;
    de_context context;
    de_tensor in, kept, out;
    de_program *program;
} network;

/* out [2, 1, 3, 10] = in [1, 1, 3, 5] twice, beside what is kept */
static void forward(de_context *context, void *user)
{
    const network *self = user;
    de_tensor both = de_tensor_new(context, IMAGES, 1, PIXELS, CHANNELS);
    de_repeat(context, self->in, both);
    de_concatenate(context, both, self->kept, self->out);
}

static void fill(float *values, int count, int seed)
{
    for (int i = 0; i < count; i++)
        values[i] = (float)((i * 37 + seed * 11) % 101) / 64;
}

static diffedit_status upload(network *self, diffedit_error *error)
{
    float values[PIXELS * CHANNELS];
    uint16_t halves[PIXELS * CHANNELS];
    bool wide = self->device->element == sizeof *values;
    fill(values, PIXELS * CHANNELS, 2);
    for (int i = 0; i < PIXELS * CHANNELS; i++)
        halves[i] = de_float_to_half(values[i]);
    return de_gpu_upload(de_vulkan_of(self->device)->gpu, self->kept.data.at,
                         wide ? (void *)values : halves, wide ? sizeof values : sizeof halves,
                         error);
}

static diffedit_status prepare(network *self, diffedit_error *error)
{
    const de_tensor shape = de_tensor_at((de_array){0}, 1, 1, PIXELS, CHANNELS),
                    wider = de_tensor_at((de_array){0}, IMAGES, 1, PIXELS, 2 * CHANNELS);
    diffedit_status status = de_tensor_keep(&self->kept, self->device, shape, error);
    if (status == DIFFEDIT_OK)
        status = de_tensor_share(&self->in, self->device, shape, error);
    if (status == DIFFEDIT_OK)
        status = de_tensor_share(&self->out, self->device, wider, error);
    if (status == DIFFEDIT_OK)
        status = upload(self, error);
    self->context = (de_context){.device = self->device, .threads = 1};
    return status == DIFFEDIT_OK
               ? de_program_new(&self->program, &self->context, forward, self, error)
               : status;
}

static void check_result(const float *found)
{
    float in[PIXELS * CHANNELS], kept[PIXELS * CHANNELS];
    fill(in, PIXELS * CHANNELS, 1);
    fill(kept, PIXELS * CHANNELS, 2);
    for (int row = 0; row < IMAGES * PIXELS; row++, found += 2 * CHANNELS) {
        int from = row % PIXELS * CHANNELS;
        assert_memory_equal(found, in + from, CHANNELS * sizeof *in);
        assert_memory_equal(found + CHANNELS, kept + from, CHANNELS * sizeof *kept);
    }
}

static diffedit_status run(network *self, diffedit_error *error)
{
    float in[PIXELS * CHANNELS], found[IMAGES * PIXELS * 2 * CHANNELS];
    diffedit_status status = DIFFEDIT_OK;
    fill(in, PIXELS * CHANNELS, 1);
    de_write(&self->context, in, self->in);
    for (int i = 0; i < 2 && status == DIFFEDIT_OK; i++)
        status = de_program_run(self->program, error);
    if (status == DIFFEDIT_OK) {
        de_read(&self->context, self->out, found);
        check_result(found);
    }
    return status;
}

static void drop(network *self)
{
    de_context_release(&self->context);
    de_program_free(self->program);
    de_tensor_drop(&self->in, self->device);
    de_tensor_drop(&self->kept, self->device);
    de_tensor_drop(&self->out, self->device);
    de_device_close(self->device);
}

/* Opens, prepares, runs and closes. */
static diffedit_status use(diffedit_device which, diffedit_arithmetic arithmetic,
                           diffedit_error *error)
{
    network self = {0};
    diffedit_status status = de_device_open(&self.device, which, arithmetic, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = prepare(&self, error);
    if (status == DIFFEDIT_OK)
        status = run(&self, error);
    drop(&self);
    return status;
}

static diffedit_status use_gpu(diffedit_arithmetic arithmetic, diffedit_error *error)
{
    return use(1, arithmetic, error);
}

/* ---- tests ---- */

static void check_sentence(diffedit_status status, const diffedit_error *error)
{
    assert_true(status == DIFFEDIT_ERROR_DEVICE || status == DIFFEDIT_ERROR_MEMORY);
    assert_int_equal(error->code, status);
    if (!strstr(error->message, "gpu:0 (Fake discrete)"))
        fail_msg("%s failed: %s", fake_vulkan_failed(), error->message);
}

/* Each call in turn; those that make the list of GPUs are over. */
static void fail_each(diffedit_arithmetic arithmetic, VkResult result)
{
    diffedit_error error;
    int n = 1;
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    assert_int_equal(use_gpu(arithmetic, &error), DIFFEDIT_OK);
    for (; n < MOST_CALLS; n++) {
        fake_vulkan_fail(NULL, n, result);
        diffedit_status status = use_gpu(arithmetic, &error);
        assert_int_equal(fake_vulkan_live(), 0);
        if (!fake_vulkan_failed()) {
            assert_int_equal(status, DIFFEDIT_OK);
            break;
        }
        if (status != DIFFEDIT_OK)
            check_sentence(status, &error);
        fake_vulkan_fail(NULL, 0, VK_SUCCESS);
        assert_int_equal(use_gpu(arithmetic, &error), DIFFEDIT_OK);
        assert_int_equal(fake_vulkan_live(), 0);
    }
    assert_true(n > 30 && n < MOST_CALLS);
}

static void test_every_call_fails(void **state)
{
    (void)state;
    fail_each(DIFFEDIT_ARITHMETIC_EXACT, VK_ERROR_DEVICE_LOST);
    fail_each(DIFFEDIT_ARITHMETIC_EXACT, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    fail_each(DIFFEDIT_ARITHMETIC_QUICK, VK_ERROR_OUT_OF_HOST_MEMORY);
}

/* A GPU that is lost is nothing to the other. */
static void test_two_gpus(void **state)
{
    (void)state;
    network first = {0}, second = {0};
    diffedit_error error;
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    assert_int_equal(de_device_open(&first.device, 1, DIFFEDIT_ARITHMETIC_EXACT, &error),
                     DIFFEDIT_OK);
    assert_int_equal(de_device_open(&second.device, 2, DIFFEDIT_ARITHMETIC_QUICK, &error),
                     DIFFEDIT_OK);
    assert_int_equal(prepare(&first, &error), DIFFEDIT_OK);
    assert_int_equal(prepare(&second, &error), DIFFEDIT_OK);
    assert_int_equal(run(&second, &error), DIFFEDIT_OK);
    assert_int_equal(run(&first, &error), DIFFEDIT_OK);
    fake_vulkan_fail("QueueSubmit", 1, VK_ERROR_DEVICE_LOST);
    assert_int_equal(run(&first, &error), DIFFEDIT_ERROR_DEVICE);
    assert_int_equal(run(&second, &error), DIFFEDIT_OK);
    assert_true(de_device_is_lost(first.device) && !de_device_is_lost(second.device));
    drop(&first);
    assert_int_equal(run(&second, &error), DIFFEDIT_OK);
    drop(&second);
    assert_int_equal(fake_vulkan_live(), 0);
    assert_int_equal(use(3, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_ERROR_DEVICE);
    assert_string_equal(error.message, "gpu:2 is not there: this machine has 2 that can be used, "
                                       "from gpu:0 on");
}

/* Opens, records, runs, uploads and closes while others do, on either GPU. */
static void *use_often(void *wrong)
{
    diffedit_error error;
    for (int i = 0; i < 20; i++)
        if (use(1 + i / 2 % 2, i % 2 ? DIFFEDIT_ARITHMETIC_QUICK : DIFFEDIT_ARITHMETIC_EXACT,
                &error) != DIFFEDIT_OK)
            atomic_fetch_add((atomic_int *)wrong, 1);
    return NULL;
}

static void test_threads_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    atomic_int wrong = 0;
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_often, &wrong), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(wrong, 0);
    assert_int_equal(fake_vulkan_live(), 0);
}

/* The last test, because what such a GPU may still use stays alive; the fake aborts where it is
 * destroyed. No pipelines are compiled, in which AddressSanitizer would miss a pointer. */
static void test_a_gpu_that_never_ends(void **state)
{
    (void)state;
    network first = {0}, second = {0};
    diffedit_error error;
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    fake_vulkan_idle(true);
    for (int i = 0; i < 2; i++) {
        network *one = i ? &second : &first;
        assert_int_equal(de_device_open(&one->device, 1, (diffedit_arithmetic)i, &error),
                         DIFFEDIT_OK);
        assert_int_equal(prepare(one, &error), DIFFEDIT_OK);
    }
    fake_vulkan_fail("WaitForFences", 2, VK_TIMEOUT);
    assert_int_equal(run(&first, &error), DIFFEDIT_ERROR_DEVICE);
    assert_string_equal(error.message, "gpu:0 (Fake discrete): computing: the GPU did not finish "
                                       "within many minutes and was given up");
    assert_int_equal(run(&second, &error), DIFFEDIT_ERROR_DEVICE);
    assert_true(de_device_is_lost(first.device) && de_device_is_lost(second.device));
    drop(&first);
    drop(&second);
    assert_true(fake_vulkan_live() > 0);
    fake_vulkan_idle(false);
    assert_int_equal(use_gpu(DIFFEDIT_ARITHMETIC_QUICK, &error), DIFFEDIT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_fails),
        cmocka_unit_test(test_two_gpus),
        cmocka_unit_test(test_threads_at_once),
        cmocka_unit_test(test_a_gpu_that_never_ends),
    };
    setenv("FAKE_VULKAN", "gpu=discrete,8192,times=2", true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
