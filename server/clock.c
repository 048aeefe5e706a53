#include "clock.h"

#include <math.h>
#include <poll.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double clock_monotonic(void)
{
    return seconds(CLOCK_MONOTONIC);
}

double clock_date(void)
{
    return seconds(CLOCK_REALTIME);
}

bool clock_rest(double seconds, bool (*stops)(void *user), void *user)
{
    double end = clock_monotonic() + seconds;
    while (!stops(user)) {
        double left = end - clock_monotonic();
        if (left <= 0)
            return true;
        poll(NULL, 0, (int)(1e3 * fmin(left, 0.25)) + 1);
    }
    return false;
}
