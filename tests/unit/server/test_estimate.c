/* How far a job is. */
#include "server/estimate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A stage counts its steps, and then the bands of a large picture. */
static void test_a_share_never_goes_back(void **state)
{
    static const double parts[] = {0, 0.5, 1, 0, 1 / 24.0, 0.5, 1};
    struct estimate estimate = {.costs = {[DIFFEDIT_STAGE_MAP] = 2, [DIFFEDIT_STAGE_DENOISE] = 6},
                                .rates = {[DIFFEDIT_STAGE_MAP] = 1, [DIFFEDIT_STAGE_DENOISE] = 1}};
    double share, left, before = 0;
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        estimate_at(&share, &left, &estimate, DIFFEDIT_STAGE_MAP, parts[i]);
        assert_true(share >= before);
        before = share;
    }
    assert_true(share == 0.25);
    estimate_at(&share, &left, &estimate, DIFFEDIT_STAGE_DENOISE, 0);
    assert_true(share == 0.25);
    estimate_at(&share, &left, &estimate, DIFFEDIT_STAGE_DENOISE, 0.5);
    assert_true(share == 0.625);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_share_never_goes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
