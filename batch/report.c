#include "report.h"

#include "clock.h"

#include "common/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void report_begin(report *to, bool quiet)
{
    *to = (report){
        .quiet = quiet, .terminal = isatty(STDERR_FILENO), .said = clock_monotonic(), .tenths = 0};
    pthread_mutex_init(&to->mutex, NULL);
}

/* With the lock. */
static void end_line(report *to)
{
    if (to->drawn)
        fputs("\r\033[K", stderr);
    to->drawn = false;
}

void report_end(report *to)
{
    end_line(to);
    pthread_mutex_destroy(&to->mutex);
}

/* With the lock: whether it is time for another line. */
static bool is_time(const report *to, double now)
{
    enum { PAUSE = 10 }; /* seconds, where each line stays */
    const double shortest = 0.1;
    return !to->quiet && now - to->said >= (to->terminal ? shortest : PAUSE);
}

void report_reading(report *to, int64_t lines)
{
    pthread_mutex_lock(&to->mutex);
    double now = clock_monotonic();
    if (is_time(to, now)) {
        fprintf(stderr, "%sreading the list: %jd lines%s",
                to->terminal ? "\r" : "diffedit: ", (intmax_t)lines,
                to->terminal ? "\033[K" : "\n");
        to->drawn = to->terminal;
        to->said = now;
    }
    pthread_mutex_unlock(&to->mutex);
}

void report_expect(report *to, int64_t total)
{
    pthread_mutex_lock(&to->mutex);
    to->total = total;
    to->began = to->said = clock_monotonic();
    pthread_mutex_unlock(&to->mutex);
}

void report_expect_more(report *to, int64_t more)
{
    pthread_mutex_lock(&to->mutex);
    to->total += more;
    pthread_mutex_unlock(&to->mutex);
}

/* "36 min" */
static void write_span(char *text, size_t size, double seconds)
{
    enum { MINUTE = 60, HOUR = 3600 };
    if (seconds < 2 * MINUTE)
        snprintf(text, size, "%.0f s", ceil(seconds));
    else if (seconds < 2 * HOUR)
        snprintf(text, size, "%.0f min", ceil(seconds / MINUTE));
    else
        snprintf(text, size, "%.0f h", ceil(seconds / HOUR));
}

/* With the lock: "12 of 700, 1 failed, 3.2 s each, 36 min left" */
static void show(report *to)
{
    const double ten = 10; /* seconds, from which tenths do not matter */
    char failed[40] = "", left[40];
    double each = (clock_monotonic() - to->began) / (double)to->ended;
    int digits = each < ten ? each < 1 ? 2 : 1 : 0;
    if (to->failed > 0)
        snprintf(failed, sizeof failed, ", %jd failed", (intmax_t)to->failed);
    write_span(left, sizeof left, each * (double)(to->total - to->ended));
    fprintf(stderr, "%s%jd of %jd%s, %.*f s each, %s left%s",
            to->terminal ? "\r" : "diffedit: ", (intmax_t)to->ended, (intmax_t)to->total, failed,
            digits, each, left, to->terminal ? "\033[K" : "\n");
    fflush(stderr);
    to->drawn = to->terminal;
}

void report_ended(report *to, bool failed)
{
    pthread_mutex_lock(&to->mutex);
    to->ended++;
    to->failed += failed;
    double now = clock_monotonic();
    int tenths = to->total > 0 ? (int)(10 * to->ended / to->total) : 10;
    if (is_time(to, now) || (!to->quiet && (tenths > to->tenths || to->ended == to->total))) {
        show(to);
        to->said = now;
        to->tenths = tenths;
    }
    pthread_mutex_unlock(&to->mutex);
}

void report_say(report *to, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    de_sentence_list(line, sizeof line, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&to->mutex);
    end_line(to);
    fprintf(stderr, "diffedit: %s\n", line);
    pthread_mutex_unlock(&to->mutex);
}
