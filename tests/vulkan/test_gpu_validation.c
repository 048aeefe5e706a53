/* The validation layer watches whole networks of a model, in either arithmetic, and reports
 * nothing; that it watches, a deliberate mistake shows. */
#include "fake_vulkan.h"
#include "ops/vulkan/gpu_device.h"
#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static de_device *open_gpu(diffedit_arithmetic arithmetic)
{
    de_device *device;
    diffedit_error error;
    if (de_device_open(&device, 1, arithmetic, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return device;
}

static void test_networks(void **state)
{
    (void)state;
    static results found;
    for (diffedit_arithmetic arithmetic = 0; arithmetic < 2; arithmetic++) {
        diffedit_model *model = open_on(open_gpu(arithmetic));
        assert_int_equal(run_networks(model, NULL, &found, (de_log){0}, NULL), DIFFEDIT_OK);
        de_model_close(model);
    }
    assert_int_equal(fake_vulkan_live(), 0);
    assert_int_equal(fake_vulkan_messages(), 0);
}

/* A buffer of no bytes is none. */
static void test_a_mistake_is_seen(void **state)
{
    (void)state;
    de_device *device = open_gpu(DIFFEDIT_ARITHMETIC_EXACT);
    const de_gpu *gpu = de_vulkan_of(device)->gpu;
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
    VkBuffer buffer;
    int before = fake_vulkan_messages();
    if (gpu->vk.CreateBuffer(gpu->device, &info, NULL, &buffer) == VK_SUCCESS)
        gpu->vk.DestroyBuffer(gpu->device, buffer, NULL);
    assert_true(fake_vulkan_messages() > before);
    de_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_a_mistake_is_seen),
    };
    setenv("FAKE_VULKAN", "validate", true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
