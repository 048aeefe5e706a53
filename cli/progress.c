#include "progress.h"

#include "fail.h"
#include "interrupt.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

double cli_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

diffedit_status cli_progress_start(cli_progress *progress, bool quiet, bool verbose,
                                   diffedit_error *error)
{
    double start = cli_seconds();
    *progress = (cli_progress){.quiet = quiet,
                               .verbose = verbose,
                               .terminal = isatty(STDERR_FILENO),
                               .stage = -1,
                               .began = start,
                               .last = start,
                               .warnings = json_array()};
    return progress->warnings ? DIFFEDIT_OK : cli_fail_memory(error);
}

void cli_progress_free(cli_progress *progress)
{
    json_decref(progress->warnings);
}

void cli_progress_end_line(cli_progress *progress)
{
    if (progress->drawn)
        fputc('\n', stderr);
    progress->drawn = false;
}

/* "0:07", "1:02:03" */
static void format_time(char text[24], double seconds)
{
    long whole = (long)(seconds + 0.5);
    if (whole < 3600)
        snprintf(text, 24, "%ld:%02ld", whole / 60, whole % 60);
    else
        snprintf(text, 24, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
}

/* "12/20  0.310 s/step  0:02 left", or the time that the stage took */
static void format_state(char text[96], int done, int total, double elapsed)
{
    double step = elapsed / (done > 0 ? done : 1);
    char left[24];
    format_time(left, step * (total - done));
    if (done < total)
        snprintf(text, 96, "%3d/%d  %.3f s/step  %s left", done, total, step, left);
    else
        snprintf(text, 96, "%3d/%d  %.3f s/step  %.1f s", done, total, step, elapsed);
}

static void draw_bar(cli_progress *progress, const char *stage, int done, int total,
                     const char *state)
{
    char bar[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = (long)i * total < (long)done * BAR_WIDTH ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r\033[K%-10s[%s] %s", stage, bar, state);
    progress->drawn = true;
    if (done == total)
        cli_progress_end_line(progress);
    fflush(stderr);
}

static void say_line(cli_progress *progress, const char *stage, int done, int total,
                     const char *state)
{
    int tenths = (int)(10L * done / total);
    if (done == 0 || (tenths == progress->tenths && !progress->verbose))
        return;
    progress->tenths = tenths;
    fprintf(stderr, "%-10s%s\n", stage, state);
}

int cli_progress_step(void *user, diffedit_stage_id stage, int done, int total)
{
    cli_progress *progress = user;
    double time = cli_seconds();
    if (progress->stage != (int)stage || done == 0) {
        progress->stage = (int)stage;
        progress->tenths = 0;
        /* a stage that first speaks after a step began when the one before it ended */
        progress->began = done == 0 ? time : progress->last;
    }
    progress->last = time;
    if (!progress->quiet && total > 0) {
        char state[96];
        format_state(state, done, total, time - progress->began);
        if (progress->terminal)
            draw_bar(progress, diffedit_stage_name(stage), done, total, state);
        else
            say_line(progress, diffedit_stage_name(stage), done, total, state);
    }
    return cli_interrupted();
}

void cli_progress_log(void *user, diffedit_log_level level, const char *line)
{
    cli_progress *progress = user;
    bool warning = level == DIFFEDIT_LOG_WARNING;
    if (warning)
        json_array_append_new(progress->warnings, json_string(line));
    if (!warning && !progress->verbose)
        return;
    cli_progress_end_line(progress);
    fprintf(stderr, "diffedit: %s%s\n", warning ? "warning: " : "", line);
}
