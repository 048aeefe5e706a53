/* A model's networks on a GPU that fails: at each call, for lack of memory, lost in mid-run; and
 * what stays the same over many models and edits. */
#include "fake_vulkan.h"
#include "ops/vulkan/gpu_device.h"
#include "recorder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { GPU = 1, MIB = 1024 * 1024 };

static results on_cpu[2], found;
static const double small_job = 6e6;
/* Where they are not the usual ones: operations of a job, bytes of a block of arrays; 0: they are
 */
static double job;
static size_t largest;

/* ---- one model on one GPU ---- */

static void set_limits(de_vulkan_device *device)
{
    if (job > 0)
        device->job = job;
    if (largest > 0)
        device->base.largest = largest;
}

/* Opens the model on gpu:0; none is there after a failure. */
static diffedit_status open_model(diffedit_model **model, diffedit_arithmetic arithmetic,
                                  diffedit_error *error)
{
    const diffedit_model_settings settings = {0};
    de_device *device;
    diffedit_status status = de_device_open(&device, GPU, arithmetic, error);
    if (status != DIFFEDIT_OK)
        return status;
    set_limits((de_vulkan_device *)device);
    set_limits((de_vulkan_device *)de_device_wide(device));
    assert_int_equal(de_model_read(model, GOLDEN "/tiny-odd/model", &settings, NULL, NULL),
                     DIFFEDIT_OK);
    (*model)->device = device;
    const de_network_sources sources = de_model_sources(*model);
    status = de_networks_new(&(*model)->networks, &sources, false, error);
    if (status != DIFFEDIT_OK)
        de_model_close(*model);
    return status;
}

static diffedit_status run_model(const diffedit_model *model, diffedit_error *error)
{
    memset(&found, 0, sizeof found);
    return run_networks(model, NULL, &found, (de_log){0}, error);
}

static diffedit_status use_model(diffedit_arithmetic arithmetic, diffedit_error *error)
{
    diffedit_model *model;
    diffedit_status status = open_model(&model, arithmetic, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = run_model(model, error);
    de_model_close(model);
    return status;
}

/* Reached: exact 3e-6, quick 5e-3, where the largest value is 3.8 */
static void check_found(diffedit_arithmetic arithmetic)
{
    const float *a = (const float *)&on_cpu[arithmetic], *b = (const float *)&found;
    const float allowed = arithmetic == DIFFEDIT_ARITHMETIC_EXACT ? 1e-5f : 1e-2f;
    for (size_t i = 0; i < offsetof(results, computed) / sizeof *a; i++)
        assert_true(fabsf(a[i] - b[i]) <= allowed);
}

/* Nothing is left, and everything works. */
static void check_works(diffedit_arithmetic arithmetic)
{
    diffedit_error error;
    assert_int_equal(fake_vulkan_live(), 0);
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    fake_vulkan_idle(false);
    if (use_model(arithmetic, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    check_found(arithmetic);
    assert_int_equal(fake_vulkan_live(), 0);
}

static int measure(void **state)
{
    (void)state;
    for (diffedit_arithmetic i = 0; i < 2; i++) {
        diffedit_model *model = open_on(open_cpu(i));
        assert_int_equal(run_model(model, NULL), DIFFEDIT_OK);
        de_model_close(model);
        on_cpu[i] = found;
    }
    return 0;
}

/* ---- calls that fail ---- */

static void check_sentence(diffedit_status status, const diffedit_error *error)
{
    if (status == DIFFEDIT_OK)
        return;
    assert_int_equal(error->code, status);
    if ((status != DIFFEDIT_ERROR_DEVICE && status != DIFFEDIT_ERROR_MEMORY) ||
        !strstr(error->message, "gpu:0 (Fake discrete)"))
        fail_msg("%s failed: %s", fake_vulkan_failed(), error->message);
}

/* Calls from the first, with those of one layer, to the last. Of those in between, which prepare
 * one layer after another, a few. */
static int next_call(int n, int prepared)
{
    enum { FIRST = 40, STEP = 211, LAST = 7 };
    return n < FIRST || n >= prepared - LAST ? n + 1
           : n + STEP < prepared - LAST      ? n + STEP
                                             : prepared - LAST;
}

static void fail_each(VkResult result)
{
    diffedit_error error;
    diffedit_model *model;
    fake_vulkan_idle(true);
    fake_vulkan_fail(NULL, 0, result);
    assert_int_equal(open_model(&model, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
    int prepared = fake_vulkan_calls();
    de_model_close(model);
    for (int n = 1;; n = next_call(n, prepared)) {
        fake_vulkan_fail(NULL, n, result);
        diffedit_status status = use_model(DIFFEDIT_ARITHMETIC_EXACT, &error);
        assert_int_equal(fake_vulkan_live(), 0);
        if (!fake_vulkan_failed()) {
            assert_int_equal(status, DIFFEDIT_OK);
            assert_true(n > prepared + 100);
            break;
        }
        check_sentence(status, &error);
    }
    check_works(DIFFEDIT_ARITHMETIC_EXACT);
}

static void test_calls_fail(void **state)
{
    (void)state;
    fail_each(VK_ERROR_DEVICE_LOST);
    job = small_job;
    fail_each(VK_ERROR_OUT_OF_DEVICE_MEMORY);
    job = 0;
}

/* ---- networks in several jobs ---- */

/* Submissions of a run */
static int count_submissions(void)
{
    diffedit_error error;
    diffedit_model *model;
    assert_int_equal(open_model(&model, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
    fake_vulkan_fail("QueueSubmit", 0, VK_SUCCESS);
    assert_int_equal(run_model(model, &error), DIFFEDIT_OK);
    de_model_close(model);
    return fake_vulkan_calls();
}

static void refuse_each_submission(int count)
{
    diffedit_error error;
    diffedit_model *model;
    for (int n = 1; n <= count; n++) {
        assert_int_equal(open_model(&model, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
        fake_vulkan_fail("QueueSubmit", n, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        check_sentence(run_model(model, &error), &error);
        assert_non_null(fake_vulkan_failed());
        assert_false(de_model_is_lost(model));
        de_model_close(model);
        assert_int_equal(fake_vulkan_live(), 0);
    }
}

static void test_jobs(void **state)
{
    (void)state;
    fake_vulkan_idle(false);
    int few = count_submissions();
    const results expected = found;
    job = small_job;
    int many = count_submissions();
    print_message("# %d submissions, %d of small jobs\n", few, many);
    assert_true(many > 2 * few);
    assert_memory_equal(&found, &expected, offsetof(results, computed));
    assert_true(found.computed.operations == expected.computed.operations);
    fake_vulkan_idle(true);
    refuse_each_submission(many);
    job = 0;
    check_works(DIFFEDIT_ARITHMETIC_EXACT);
}

/* ---- arrays in several blocks ---- */

/* At 32 KiB there are three. */
static void test_blocks(void **state)
{
    (void)state;
    enum { LEAST = 8 * 1024, MOST_BYTES = 1024 * 1024 };
    de_device *keeper; /* of the GPU, and with it of its compiled shaders */
    diffedit_error error;
    int small = 0, right = 0;
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    fake_vulkan_idle(false);
    assert_int_equal(de_device_open(&keeper, GPU, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
    assert_int_equal(use_model(DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
    const results expected = found;
    for (largest = LEAST; largest < MOST_BYTES; largest *= 2)
        if (use_model(DIFFEDIT_ARITHMETIC_EXACT, &error) != DIFFEDIT_OK) {
            assert_int_equal(error.code, DIFFEDIT_ERROR_MEMORY);
            assert_non_null(strstr(error.message, "an array has at most 0.0 MB on gpu:0 (Fake "
                                                  "discrete), and one of 0."));
            small++;
        } else {
            assert_memory_equal(&found, &expected, offsetof(results, computed));
            right++;
        }
    largest = 0;
    assert_true(small > 0 && right > 1);
    de_device_close(keeper);
    assert_int_equal(fake_vulkan_live(), 0);
}

/* ---- too little memory ---- */

/* The finding, or -1 where it cannot be opened or run */
static int use_little(uint64_t bytes, diffedit_error *error)
{
    diffedit_model *model;
    fake_vulkan_limit(bytes);
    diffedit_status status = open_model(&model, DIFFEDIT_ARITHMETIC_EXACT, error);
    int one_at_a_time = -1;
    if (status == DIFFEDIT_OK) {
        status = run_model(model, error);
        if (status == DIFFEDIT_OK)
            one_at_a_time = de_networks_found(model->networks, DE_ONE_AT_A_TIME);
        de_model_close(model);
    }
    fake_vulkan_limit(0);
    if (status != DIFFEDIT_OK) {
        assert_int_equal(status, DIFFEDIT_ERROR_MEMORY);
        assert_non_null(strstr(error->message, "gpu:0 (Fake discrete)"));
    }
    assert_int_equal(fake_vulkan_live(), 0);
    return one_at_a_time;
}

static void test_little_memory(void **state)
{
    (void)state;
    enum { FROM = 8 * MIB, TO = 13 * MIB, STEP = 100 * 1000 };
    diffedit_error error;
    uint64_t one = 0;
    int seen[3] = {0};
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    fake_vulkan_idle(true);
    for (uint64_t bytes = FROM; bytes < TO; bytes += STEP) {
        int how = use_little(bytes, &error);
        seen[1 + how]++;
        if (how == true)
            one = bytes;
    }
    for (int i = 0; i < 3; i++)
        assert_true(seen[i] > 0);
    fake_vulkan_idle(false);
    assert_int_equal(use_little(one, &error), true);
    check_found(DIFFEDIT_ARITHMETIC_EXACT);
}

/* ---- lost ---- */

static void test_lost_in_mid_run(void **state)
{
    (void)state;
    static const char *const calls[] = {"QueueSubmit", "WaitForFences"};
    diffedit_model *model, *next;
    diffedit_error error;
    for (int i = 0; i < 6; i++) {
        fake_vulkan_idle(i > 0);
        fake_vulkan_fail(NULL, 0, VK_SUCCESS);
        assert_int_equal(open_model(&model, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
        fake_vulkan_fail(calls[i % 2], 1 + i, VK_ERROR_DEVICE_LOST);
        for (int run = 0; run < 2; run++) {
            assert_int_equal(run_model(model, &error), DIFFEDIT_ERROR_DEVICE);
            assert_string_equal(error.message,
                                "gpu:0 (Fake discrete): computing: the GPU was lost (its driver "
                                "reset it, or it was taken away)");
            assert_true(de_model_is_lost(model));
        }
        /* another may be opened before this one is closed */
        assert_int_equal(open_model(&next, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
        assert_int_equal(run_model(next, &error), DIFFEDIT_OK);
        assert_true(!de_model_is_lost(next) && de_model_is_lost(model));
        if (i == 0)
            check_found(DIFFEDIT_ARITHMETIC_EXACT);
        de_model_close(i % 2 ? model : next);
        de_model_close(i % 2 ? next : model);
        assert_int_equal(fake_vulkan_live(), 0);
    }
}

/* ---- over and over ---- */

static void test_memory_stays_flat(void **state)
{
    (void)state;
    enum { CYCLES = 100, EDITS = 200 };
    diffedit_model *model;
    diffedit_error error;
    fake_vulkan_idle(true);
    fake_vulkan_fail(NULL, 0, VK_SUCCESS);
    for (int i = 0; i < CYCLES; i++) {
        assert_int_equal(use_model(DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
        assert_int_equal(fake_vulkan_live(), 0);
    }
    assert_int_equal(open_model(&model, DIFFEDIT_ARITHMETIC_EXACT, &error), DIFFEDIT_OK);
    assert_int_equal(run_model(model, &error), DIFFEDIT_OK);
    int live = fake_vulkan_live();
    uint64_t bytes = fake_vulkan_bytes();
    for (int i = 0; i < EDITS; i++) {
        assert_int_equal(run_model(model, &error), DIFFEDIT_OK);
        assert_int_equal(fake_vulkan_live(), live);
        assert_true(fake_vulkan_bytes() == bytes);
    }
    de_model_close(model);
    assert_int_equal(fake_vulkan_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_fail),      cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_blocks),          cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_lost_in_mid_run), cmocka_unit_test(test_memory_stays_flat),
    };
    return cmocka_run_group_tests(tests, measure, NULL);
}
