#include "progress.h"

#include "arguments.h"
#include "fail.h"
#include "interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

void cli_progress_plan(cli_progress *progress, const double costs[CLI_STAGES])
{
    memcpy(progress->costs, costs, sizeof progress->costs);
    progress->opened = cli_seconds();
}

/* Seconds to the end of the last stage: as those so far, by what the stages cost. */
static double seconds_left(const cli_progress *progress, int stage, double share)
{
    double spent = progress->costs[stage] * share, left = progress->costs[stage] * (1 - share);
    for (int i = 0; i < CLI_STAGES; i++)
        *(i < stage ? &spent : &left) += i == stage ? 0 : progress->costs[i];
    return spent > 0 ? (progress->last - progress->opened) * left / spent : 0;
}

/* "12/20  0.310 s/step  0:02 left", or the time that the stage took; brief: "12/20  0:02 left" */
static void format_state(char text[96], const cli_progress *progress, int done, int total,
                         bool brief)
{
    double elapsed = progress->last - progress->began;
    char left[24], each[48];
    format_time(left, seconds_left(progress, progress->stage, (double)done / total));
    snprintf(each, sizeof each, "%.3f s/step  ", elapsed / (done > 0 ? done : 1));
    snprintf(text, 96, "%3d/%d  %s", done, total, brief ? "" : each);
    size_t length = strlen(text);
    if (done < total)
        snprintf(text + length, 96 - length, "%s left", left);
    else
        snprintf(text + length, 96 - length, "%.1f s", elapsed);
}

/* Columns of the terminal. */
static int columns(void)
{
    enum { USUAL = 80 };
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL;
}

/* One line that ends before the last column: the text becomes brief, then the bar shorter, then it
 * goes, then the text is cut. */
static void draw_bar(cli_progress *progress, const char *stage, int done, int total)
{
    enum { LEAST = 4, AROUND = 3, NAME = 10 };
    char state[96], bar[BAR_WIDTH + AROUND + 1] = "", line[192];
    int room = columns() - 1, width = 0;
    for (int brief = 0; brief < 2 && width < LEAST; brief++) {
        format_state(state, progress, done, total, brief);
        width = room - NAME - (int)strlen(state) - AROUND;
    }
    width = width > BAR_WIDTH ? BAR_WIDTH : width;
    if (width >= LEAST) {
        bar[0] = '[';
        for (int i = 0; i < width; i++)
            bar[1 + i] = (long)i * total < (long)done * width ? '#' : '.';
        memcpy(bar + 1 + width, "] ", sizeof "] ");
    }
    snprintf(line, sizeof line, "%-*s%s%s", NAME, stage, bar, state);
    fprintf(stderr, "\r\033[K%.*s", room, line);
    progress->drawn = true;
    if (done == total)
        cli_progress_end_line(progress);
    fflush(stderr);
}

static void say_line(cli_progress *progress, const char *stage, int done, int total)
{
    char state[96];
    int tenths = (int)(10L * done / total);
    if (done == 0 || (tenths <= progress->tenths && !progress->verbose))
        return;
    progress->tenths = tenths;
    format_state(state, progress, done, total, false);
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
        if (progress->terminal)
            draw_bar(progress, diffedit_stage_name(stage), done, total);
        else
            say_line(progress, diffedit_stage_name(stage), done, total);
    }
    return cli_interrupted();
}

void cli_progress_log(void *user, diffedit_log_level level, const char *line)
{
    cli_progress *progress = user;
    bool warning = level == DIFFEDIT_LOG_WARNING;
    char *copy = strdup(line);
    if (copy) {
        cli_add_dashes(copy);
        line = copy;
    }
    if (warning)
        json_array_append_new(progress->warnings, json_string(line));
    if (warning || !progress->quiet) {
        cli_progress_end_line(progress);
        fprintf(stderr, "diffedit: %s%s\n", warning ? "warning: " : "", line);
    }
    free(copy);
}
