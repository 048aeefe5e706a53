/* What a command prints while it runs: a progress bar per stage on a terminal, plain lines
 * elsewhere, and warnings, which are also kept for --json. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

#include <diffedit/diffedit.h>
#include <jansson.h>

enum { CLI_STAGES = DIFFEDIT_STAGE_COMPOSITE + 1 };

typedef struct cli_progress {
    bool quiet, verbose;
    bool terminal;                    /* bars can be redrawn */
    bool drawn;                       /* there is a bar in the current line */
    int stage;                        /* that is running, or -1 */
    int tenths;                       /* of the stage that were reported */
    double began, last;               /* seconds: when the stage began, and the last call */
    double costs[CLI_STAGES], opened; /* of cli_progress_plan(), and when that was */
    json_t *warnings;
} cli_progress;

diffedit_status cli_progress_start(cli_progress *progress, bool quiet, bool verbose,
                                   diffedit_error *error);
void cli_progress_free(cli_progress *progress);

/* The work begins: what each stage of it will cost, in evaluations of the UNet. The time that is
 * left follows from these and from the time so far. */
void cli_progress_plan(cli_progress *progress, const double costs[CLI_STAGES]);
/* A diffedit_progress_fn; `user` is the cli_progress. Cancels after Ctrl-C. */
int cli_progress_step(void *user, diffedit_stage_id stage, int done, int total);
/* A diffedit_log_fn. */
void cli_progress_log(void *user, diffedit_log_level level, const char *line);
/* Ends the line of an unfinished bar. */
void cli_progress_end_line(cli_progress *progress);

/* Seconds since an arbitrary moment, monotonic. */
double cli_seconds(void);

#endif
