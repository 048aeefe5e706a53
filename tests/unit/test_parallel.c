/* Loops shared among threads: every item once, whoever calls, however many threads there are. */
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_ITEMS = 1000, MOST_THREADS = 1100, PATIENCE = 60 /* seconds, of a busy machine */ };

/* ---- every item once ---- */

/* What one loop does. Chunks run on other threads, where an assertion of cmocka must not fail: they
 * count, and the test looks at the counts. */
typedef struct record {
    int64_t count, grain;
    int threads;
    atomic_int visits[MOST_ITEMS], chunks, wrong;
    atomic_bool busy[MOST_THREADS]; /* by thread */
} record;

static void visit(void *user, int64_t begin, int64_t end, int thread)
{
    record *r = user;
    bool alone = begin == 0 && end == r->count && thread == 0;
    bool in_range = 0 <= begin && begin < end && end <= r->count && 0 <= thread &&
                    thread < de_max_i64(r->threads, 1);
    atomic_fetch_add(&r->chunks, 1);
    if (!in_range ||
        (!alone && (begin % r->grain || end != de_min_i64(begin + r->grain, r->count))))
        atomic_fetch_add(&r->wrong, 1);
    if (!in_range)
        return;
    if (atomic_exchange(&r->busy[thread], true)) /* a thread's scratch is its own */
        atomic_fetch_add(&r->wrong, 1);
    for (int64_t i = begin; i < end; i++)
        atomic_fetch_add(&r->visits[i], 1);
    atomic_store(&r->busy[thread], false);
}

static void run(record *r, int threads, int64_t count, int64_t grain)
{
    memset(r, 0, sizeof *r);
    r->threads = threads;
    r->count = count;
    r->grain = de_max_i64(grain, 1);
    de_parallel_for(threads, count, grain, visit, r);
}

static bool is_right(const record *r)
{
    bool right = atomic_load(&r->wrong) == 0;
    for (int64_t i = 0; i < MOST_ITEMS; i++)
        right = right && atomic_load(&r->visits[i]) == (i < r->count);
    return right;
}

static void test_every_item_once(void **state)
{
    static const int threads[] = {-1, 0, 1, 2, 3, 7, 64, 256, 257, MOST_THREADS};
    static const int64_t counts[] = {1, 2, 5, 63, 64, 65, MOST_ITEMS};
    static const int64_t grains[] = {-1, 0, 1, 2, 7, 63, 64, 65, MOST_ITEMS, MOST_ITEMS + 1};
    static record r;
    (void)state;
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
                run(&r, threads[t], counts[c], grains[g]);
                if (!is_right(&r))
                    fail_msg("%d threads, %jd items in chunks of %jd", threads[t],
                             (intmax_t)counts[c], (intmax_t)grains[g]);
            }
}

static void test_nothing_to_do(void **state)
{
    static record r;
    (void)state;
    for (int threads = 0; threads < 4; threads++)
        for (int64_t grain = 0; grain < 3; grain++) {
            run(&r, threads, 0, grain);
            assert_int_equal(atomic_load(&r.chunks), 0);
            run(&r, threads, -5, grain);
            assert_int_equal(atomic_load(&r.chunks), 0);
        }
}

/* The largest grain there is, and loops whose last item is the largest number there is. */
static void test_numbers_at_their_limit(void **state)
{
    static record r;
    (void)state;
    run(&r, 4, 10, INT64_MAX);
    assert_true(is_right(&r));
    assert_int_equal(atomic_load(&r.chunks), 1);
}

static void add_length(void *user, int64_t begin, int64_t end, int thread)
{
    _Atomic int64_t *sum = user;
    (void)thread;
    atomic_fetch_add(sum, end - begin);
}

static void test_more_items_than_memory(void **state)
{
    static const int64_t grains[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2, INT64_MAX / 7};
    (void)state;
    for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
        _Atomic int64_t sum = 0;
        de_parallel_for(3, INT64_MAX, grains[g], add_length, &sum);
        assert_true(atomic_load(&sum) == INT64_MAX);
    }
}

/* ---- results ---- */

enum { OUTPUTS = 997, TERMS = 200 };

static void sum_terms(void *user, int64_t begin, int64_t end, int thread)
{
    float *outputs = user;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        outputs[i] = 0;
        for (int j = 1; j <= TERMS; j++)
            outputs[i] += 1.0f / (float)(i * j + 1);
    }
}

static void test_results_do_not_depend_on_threads(void **state)
{
    static float expected[OUTPUTS], found[OUTPUTS];
    (void)state;
    sum_terms(expected, 0, OUTPUTS, 0);
    for (int threads = 1; threads <= 9; threads++)
        for (int grain = 1; grain <= 64; grain *= 4) {
            memset(found, 0xff, sizeof found);
            de_parallel_for(threads, OUTPUTS, grain, sum_terms, found);
            assert_memory_equal(found, expected, sizeof expected);
        }
}

/* ---- who works ---- */

/* Whether something came about before the patience of the test ended. */
static bool wait_for(atomic_int *number, int wanted)
{
    double limit = de_seconds() + PATIENCE;
    while (atomic_load(number) < wanted && de_seconds() < limit)
        sched_yield();
    return atomic_load(number) >= wanted;
}

typedef struct meeting {
    atomic_int arrived, missed;
    int members;
} meeting;

static void meet(void *user, int64_t begin, int64_t end, int thread)
{
    meeting *m = user;
    (void)begin, (void)end, (void)thread;
    atomic_fetch_add(&m->arrived, 1);
    if (!wait_for(&m->arrived, m->members))
        atomic_fetch_add(&m->missed, 1);
}

/* Chunks that wait for each other end only if each has a thread of its own. */
static void test_as_many_threads_as_asked_for(void **state)
{
    (void)state;
    for (int members = 1; members <= 8; members++) {
        meeting m = {.members = members};
        de_parallel_for(members, members, 1, meet, &m);
        assert_int_equal(atomic_load(&m.missed), 0);
        assert_int_equal(atomic_load(&m.arrived), members);
    }
}

/* ---- loops within loops ---- */

enum { ROWS = 24, COLUMNS = 40 };

typedef struct table {
    atomic_int visits[ROWS * COLUMNS], others;
    int inner_threads;
} table;

typedef struct row {
    table *table;
    int64_t number;
    pthread_t caller;
} row;

static void visit_columns(void *user, int64_t begin, int64_t end, int thread)
{
    row *r = user;
    if (thread != 0 || !pthread_equal(pthread_self(), r->caller))
        atomic_fetch_add(&r->table->others, 1);
    for (int64_t i = begin; i < end; i++)
        atomic_fetch_add(&r->table->visits[r->number * COLUMNS + i], 1);
}

static void visit_rows(void *user, int64_t begin, int64_t end, int thread)
{
    table *t = user;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        row r = {.table = t, .number = i, .caller = pthread_self()};
        de_parallel_for(t->inner_threads, COLUMNS, 3, visit_columns, &r);
    }
}

static void test_nested_loops(void **state)
{
    (void)state;
    for (int outer = 1; outer <= 4; outer++)
        for (int inner = 1; inner <= 4; inner++) {
            table t = {.inner_threads = inner};
            de_parallel_for(outer, ROWS, 1, visit_rows, &t);
            for (int i = 0; i < ROWS * COLUMNS; i++)
                assert_int_equal(atomic_load(&t.visits[i]), 1);
            if (outer > 1) /* a thread that works on a loop runs another by itself */
                assert_int_equal(atomic_load(&t.others), 0);
        }
}

/* ---- many callers ---- */

enum { CALLERS = 5, LOOPS = 300 };

static void *call_often(void *user)
{
    atomic_int *wrong = user;
    record r;
    for (int i = 0; i < LOOPS; i++) {
        run(&r, 1 + i % 4, 1 + i % 97, 1 + i % 5);
        if (!is_right(&r))
            atomic_fetch_add(wrong, 1);
    }
    return NULL;
}

static void test_callers_at_the_same_time(void **state)
{
    pthread_t callers[CALLERS];
    atomic_int wrong = 0;
    (void)state;
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, call_often, &wrong), 0);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    assert_int_equal(atomic_load(&wrong), 0);
}

typedef struct pair_of_loops {
    atomic_int first_began, second_ended, missed;
    bool second_is_right;
} pair_of_loops;

static void wait_for_the_second(void *user, int64_t begin, int64_t end, int thread)
{
    pair_of_loops *loops = user;
    (void)begin, (void)end, (void)thread;
    atomic_fetch_add(&loops->first_began, 1);
    if (!wait_for(&loops->second_ended, 1))
        atomic_fetch_add(&loops->missed, 1);
}

static void *run_the_first(void *user)
{
    de_parallel_for(2, 2, 1, wait_for_the_second, user);
    return NULL;
}

/* A loop that takes all threads there are keeps no other caller waiting. */
static void test_a_second_caller_does_not_wait(void **state)
{
    static record r;
    pair_of_loops loops = {0};
    pthread_t first;
    (void)state;
    assert_int_equal(pthread_create(&first, NULL, run_the_first, &loops), 0);
    assert_true(wait_for(&loops.first_began, 2));
    run(&r, 4, MOST_ITEMS, 10);
    assert_true(is_right(&r));
    assert_int_equal(atomic_load(&r.chunks), 1);
    atomic_store(&loops.second_ended, 1);
    assert_int_equal(pthread_join(first, NULL), 0);
    assert_int_equal(atomic_load(&loops.missed), 0);
}

/* A child process has none of its parent's helpers, and starts its own. */
static void test_after_a_fork(void **state)
{
    static record r;
    int ended;
    (void)state;
    run(&r, 4, MOST_ITEMS, 1); /* starts helpers */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(PATIENCE);
        meeting m = {.members = 4};
        run(&r, 4, MOST_ITEMS, 1);
        de_parallel_for(m.members, m.members, 1, meet, &m);
        _exit(is_right(&r) && atomic_load(&m.missed) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
}

static void test_cores(void **state)
{
    (void)state;
    assert_true(de_core_count() >= 1);
    assert_true(de_core_count() <= sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_item_once),
                                       cmocka_unit_test(test_nothing_to_do),
                                       cmocka_unit_test(test_numbers_at_their_limit),
                                       cmocka_unit_test(test_more_items_than_memory),
                                       cmocka_unit_test(test_results_do_not_depend_on_threads),
                                       cmocka_unit_test(test_as_many_threads_as_asked_for),
                                       cmocka_unit_test(test_nested_loops),
                                       cmocka_unit_test(test_callers_at_the_same_time),
                                       cmocka_unit_test(test_a_second_caller_does_not_wait),
                                       cmocka_unit_test(test_after_a_fork),
                                       cmocka_unit_test(test_cores)};
    if (getenv("EMULATED")) { /* qemu-user aborts when a forked child starts threads */
        fputs("test_after_a_fork is left out under qemu\n", stderr);
        cmocka_set_skip_filter("test_after_a_fork");
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
