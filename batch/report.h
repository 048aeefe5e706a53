/* What a batch says while it runs. Any thread may call. */
#ifndef BATCH_REPORT_H
#define BATCH_REPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct report {
    bool quiet, terminal;
    bool drawn;                   /* there is a progress line in the current line */
    int64_t total, ended, failed; /* tasks of this run */
    double began, said;           /* seconds: the first task, the last line */
    int tenths;                   /* of the total that were said */
    pthread_mutex_t mutex;
} report;

void report_begin(report *to, bool quiet);
void report_end(report *to);
/* So many lines of the list were read. */
void report_reading(report *to, int64_t lines);
/* How many tasks this run has. */
void report_expect(report *to, int64_t total);
/* It has more of them, or, below 0, fewer. */
void report_expect_more(report *to, int64_t more);
/* One of them ended. */
void report_ended(report *to, bool failed);
/* A sentence of its own line, quiet or not. */
void report_say(report *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
