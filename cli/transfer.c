#include "transfer.h"

#include "interrupt.h"
#include "progress.h"

#include "common/error.h"

#include <stdio.h>
#include <unistd.h>

static const double REDRAW = 0.2; /* seconds */

void cli_format_bytes(char text[16], int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 999.95 && unit < 4; unit++)
        value /= 1000;
    snprintf(text, 16, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void cli_transfer_start(cli_transfer *transfer, const char *name, bool quiet)
{
    *transfer = (cli_transfer){.name = name,
                               .quiet = quiet,
                               .terminal = isatty(STDERR_FILENO),
                               .began = cli_seconds(),
                               .first = -1};
}

static void say(cli_transfer *transfer, int64_t done, int64_t total, double elapsed)
{
    char name[256], of[16], rate[16];
    double speed = elapsed > 0 ? (double)(done - transfer->first) / elapsed : 0;
    cli_format_bytes(of, total);
    cli_format_bytes(rate, (int64_t)speed);
    de_sentence(name, sizeof name, "%s", transfer->name);
    fprintf(stderr, "%s%-48s %3d %% of %8s  %8s/s%s", transfer->terminal ? "\r" : "", name,
            (int)(100 * (double)done / (double)total), of, rate,
            transfer->terminal ? "\033[K" : "\n");
    fflush(stderr);
    transfer->drawn = transfer->terminal;
}

int cli_transfer_step(void *user, int64_t done, int64_t total)
{
    cli_transfer *transfer = user;
    double now = cli_seconds();
    if (transfer->first < 0)
        transfer->first = done;
    int tenths = total > 0 ? (int)(10 * (double)done / (double)total) : 10;
    bool due = transfer->terminal ? now - transfer->last > REDRAW || done == total
                                  : tenths > transfer->tenths;
    if (!transfer->quiet && total > 0 && due) {
        say(transfer, done, total, now - transfer->began);
        transfer->last = now;
        transfer->tenths = tenths;
    }
    return cli_interrupted();
}

void cli_transfer_end(cli_transfer *transfer)
{
    if (transfer->drawn)
        fputc('\n', stderr);
    transfer->drawn = false;
}
