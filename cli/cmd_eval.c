#include "commands.h"
#include "fail.h"
#include "interrupt.h"
#include "json.h"

#include "eval.h"

#include <stdio.h>
#include <string.h>

static void print_number(const json_t *number)
{
    if (json_is_real(number))
        printf(" %12.6g", json_real_value(number));
    else
        printf(" %12s", json_is_string(number) ? json_string_value(number) : "");
}

/* The means of all lines, for who reads them at once. */
static void print_means(const json_t *means)
{
    const char *name;
    json_t *of;
    printf("%-24s %12s %12s %8s\n", "", "mean", "median", "lines");
    json_object_foreach (json_object_get(means, ""), name, of) {
        printf("%-24s", name);
        print_number(json_object_get(of, "mean"));
        print_number(json_object_get(of, "median"));
        printf(" %8jd\n", (intmax_t)json_integer_value(json_object_get(of, "count")));
    }
}

static diffedit_status print_summary(const eval_summary *summary, diffedit_error *error)
{
    return cli_json_print(
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "lines", (json_int_t)summary->lines, "measured",
                  (json_int_t)summary->measured, "failed", (json_int_t)summary->failed, "waiting",
                  (json_int_t)summary->waiting, "refused", (json_int_t)summary->refused, "means",
                  summary->means),
        error);
}

static void say_summary(const eval_summary *summary, const char *folder)
{
    fprintf(stderr, "diffedit: %zu of %zu lines measured", summary->measured, summary->lines);
    if (summary->failed > 0)
        fprintf(stderr, ", %zu failed in the batch", summary->failed);
    if (summary->waiting > 0)
        fprintf(stderr, ", %zu not computed yet", summary->waiting);
    fprintf(stderr, "; see %s/eval.html\n", folder);
}

static diffedit_status report(const eval_summary *summary, const cli_arguments *arguments,
                              const char *folder, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (!arguments->quiet)
        say_summary(summary, folder);
    if (arguments->json)
        status = print_summary(summary, error);
    else if (!arguments->quiet)
        print_means(summary->means);
    if (status == DIFFEDIT_OK && summary->refused > 0)
        status = cli_fail(error, DIFFEDIT_ERROR_FILE,
                          "%zu of %zu lines could not be measured; %s/eval.csv says why",
                          summary->refused, summary->lines, folder);
    return status;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    eval_summary summary;
    if (!arguments->operand)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a folder of a batch is required");
    const char *output = arguments->output ? arguments->output : arguments->operand;
    const eval_settings settings = {.folder = arguments->operand,
                                    .output = output,
                                    .joined = arguments->columns.rows,
                                    .joined_count = arguments->columns.count,
                                    .edge = (int)arguments->edge,
                                    .threads = (int)arguments->threads,
                                    .max_pixels = arguments->max_pixels,
                                    .quiet = arguments->quiet,
                                    .interrupted = cli_interrupted};
    diffedit_status status = eval_run(&summary, &settings, error);
    if (status == DIFFEDIT_OK)
        status = report(&summary, arguments, output, error);
    json_decref(summary.means);
    return status;
}

const cli_command cli_eval = {
    .name = "eval",
    .bit = CLI_EVAL,
    .operand = "folder of a batch",
    .usage = "DIR",
    .summary = "how well the edits of a batch went: a table, its means, and a page",
    .examples = "  diffedit eval results                     # then open results/eval.html\n"
                "  diffedit eval results --edge 5 --columns lpips.csv\n",
    .run = run,
};
