/* A pool of threads for loops of some tens of microseconds and more.
 *
 * The caller of a loop works on it too, and never waits for a thread that has not begun: on a busy
 * machine a helper that gets no processor costs nothing, where a barrier among all threads would
 * wait for it. */
#define _GNU_SOURCE
#include "base.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { SPINS = 2000 };

/* The loop that runs now. Its fields stand still while a chunk of it is claimed and not finished.
 */
typedef struct loop {
    de_parallel_fn fn;
    void *user;
    int64_t count, grain, chunks;
} loop;

static struct {
    pthread_mutex_t owner; /* held by the thread whose loop runs */
    loop loop;
    /* chunks not claimed yet, above them the number of threads that may claim: changed in one */
    _Atomic uint64_t unclaimed;
    _Atomic int64_t unfinished;
    int helpers;

    pthread_mutex_t sleep;
    pthread_cond_t work, done;
    atomic_int sleepers;
    atomic_bool owner_sleeps;
    pthread_once_t prepared; /* for forks */
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .sleep = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER,
          .prepared = PTHREAD_ONCE_INIT};

enum { CHUNK_BITS = 48 };
static const uint64_t CHUNK_MASK = (UINT64_C(1) << CHUNK_BITS) - 1;

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static bool is_work(int thread)
{
    uint64_t state = atomic_load(&pool.unclaimed);
    return (state & CHUNK_MASK) > 0 && (uint64_t)thread < state >> CHUNK_BITS;
}

/* Runs chunks until none is left that this thread may claim. */
static void run_chunks(int thread)
{
    uint64_t state = atomic_load(&pool.unclaimed);
    while ((state & CHUNK_MASK) > 0 && (uint64_t)thread < state >> CHUNK_BITS) {
        if (!atomic_compare_exchange_weak(&pool.unclaimed, &state, state - 1))
            continue;
        const loop *now = &pool.loop;
        int64_t begin = (now->chunks - (int64_t)(state & CHUNK_MASK)) * now->grain;
        int64_t end = begin + de_min_i64(now->grain, now->count - begin);
        now->fn(now->user, begin, end, thread);
        if (atomic_fetch_sub(&pool.unfinished, 1) == 1 && atomic_load(&pool.owner_sleeps)) {
            pthread_mutex_lock(&pool.sleep);
            pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.sleep);
        }
        state = atomic_load(&pool.unclaimed);
    }
}

static void sleep_until_work(int thread)
{
    pthread_mutex_lock(&pool.sleep);
    atomic_fetch_add(&pool.sleepers, 1);
    while (!is_work(thread))
        pthread_cond_wait(&pool.work, &pool.sleep);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.sleep);
}

static void *help(void *user)
{
    int thread = (int)(intptr_t)user;
    for (;;) {
        for (int spin = 0; spin < SPINS && !is_work(thread); spin++)
            relax();
        if (!is_work(thread))
            sleep_until_work(thread);
        run_chunks(thread);
    }
    return NULL;
}

/* A forked child has none of its parent's helpers, though they seem to sleep, and perhaps to hold a
 * lock: it begins with an empty pool. */
static void empty_pool(void)
{
    static const pthread_mutex_t open = PTHREAD_MUTEX_INITIALIZER;
    static const pthread_cond_t awaited_by_none = PTHREAD_COND_INITIALIZER;
    pool.owner = pool.sleep = open;
    pool.work = pool.done = awaited_by_none;
    pool.helpers = 0;
    atomic_store(&pool.unclaimed, 0);
    atomic_store(&pool.unfinished, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.owner_sleeps, false);
}

static void prepare_for_forks(void)
{
    pthread_atfork(NULL, NULL, empty_pool);
}

/* Fewer helpers than wanted, where the system gives no more, only make loops slower. */
static void start_helpers(int wanted)
{
    pthread_attr_t attributes;
    pthread_once(&pool.prepared, prepare_for_forks);
    if (pool.helpers >= wanted || pthread_attr_init(&attributes) != 0)
        return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    while (pool.helpers < wanted &&
           pthread_create(&thread, &attributes, help, (void *)(intptr_t)(pool.helpers + 1)) == 0)
        pool.helpers++;
    pthread_attr_destroy(&attributes);
}

static void wait_until_done(void)
{
    for (int spin = 0; spin < SPINS && atomic_load(&pool.unfinished) > 0; spin++)
        relax();
    if (atomic_load(&pool.unfinished) == 0)
        return;
    pthread_mutex_lock(&pool.sleep);
    atomic_store(&pool.owner_sleeps, true);
    while (atomic_load(&pool.unfinished) > 0)
        pthread_cond_wait(&pool.done, &pool.sleep);
    atomic_store(&pool.owner_sleeps, false);
    pthread_mutex_unlock(&pool.sleep);
}

void de_parallel_for(int threads, int64_t count, int64_t grain, de_parallel_fn fn, void *user)
{
    grain = de_max_i64(grain, 1);
    int64_t chunks = de_divide_up(count, grain);
    threads = (int)de_min_i64(threads, de_min_i64(chunks, DE_MAX_THREADS));
    /* a second caller at the same time gets no helpers: their processors are busy with the first
     * one's loop */
    if (threads <= 1 || pthread_mutex_trylock(&pool.owner) != 0) {
        if (count > 0)
            fn(user, 0, count, 0);
        return;
    }
    start_helpers(threads - 1);
    pool.loop = (loop){.fn = fn, .user = user, .count = count, .grain = grain, .chunks = chunks};
    atomic_store(&pool.unfinished, chunks);
    atomic_store(&pool.unclaimed, (uint64_t)threads << CHUNK_BITS | (uint64_t)chunks);
    if (atomic_load(&pool.sleepers) > 0) {
        pthread_mutex_lock(&pool.sleep);
        pthread_cond_broadcast(&pool.work);
        pthread_mutex_unlock(&pool.sleep);
    }
    run_chunks(0);
    wait_until_done();
    pthread_mutex_unlock(&pool.owner);
}

int de_core_count(void)
{
    cpu_set_t usable;
    int count = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    return count > 0 ? count : 1;
}

double de_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
