/* Whole edits, timed stage by stage. */
#ifndef CLI_BENCH_EDIT_H
#define CLI_BENCH_EDIT_H

#include <diffedit/diffedit.h>

enum { CLI_BENCH_STAGES = DIFFEDIT_STAGE_COMPOSITE + 1 };

typedef struct cli_edit_times {
    double stages[CLI_BENCH_STAGES]; /* seconds, by diffedit_stage_id */
    double total;
    int64_t evaluations; /* UNet forwards of one sample */
    int width, height;   /* working size of what was edited */
    diffedit_computed computed;
} cli_edit_times;

/* One edit of a picture of the model's native size, without anything left from another. A square of
 * a quarter of each side is changed, whatever the map says: of the map only the time counts. With
 * `region` crop and its own margin the box is then a quarter of the picture. Errors: all. */
diffedit_status cli_bench_edit(cli_edit_times *times, const diffedit_model *model,
                               const diffedit_options *options, int threads, diffedit_error *error);

#endif
