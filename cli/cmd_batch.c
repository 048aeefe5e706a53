#include "commands.h"
#include "fail.h"
#include "find_model.h"
#include "interrupt.h"
#include "json.h"

#include "batch.h"
#include "model_text.h"
#include "perform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was given ---- */

/* The options that were given, as defaults of every line. */
static diffedit_status set_defaults(batch_line *defaults, const cli_arguments *arguments,
                                    diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (arguments->random_seed[0])
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--seed random: would be another one in each run, which then could not go "
                        "on with this one; give a number");
    if (arguments->preset)
        status = line_set(defaults, LINE_PRESET, arguments->preset, strlen(arguments->preset),
                          error);
    for (int i = 0; i < arguments->given_count && status == DIFFEDIT_OK; i++) {
        const cli_given *given = &arguments->given[i];
        int field = line_field(given->name);
        free(defaults->values[field]); /* the last one wins */
        defaults->values[field] = NULL;
        status = line_set(defaults, field, given->value, strlen(given->value), error);
    }
    return status;
}

/* Whether the defaults alone are in range: a wrong one should not wait for a file. */
static diffedit_status check_defaults(const cli_arguments *arguments, diffedit_error *error)
{
    diffedit_options options;
    diffedit_status status = diffedit_options_init(&options, sizeof options, arguments->preset,
                                                   NULL, error);
    for (int i = 0; i < arguments->given_count && status == DIFFEDIT_OK; i++)
        status = diffedit_options_set(&options, arguments->given[i].name, arguments->given[i].value,
                                      error);
    return status;
}

static diffedit_status check_given(const cli_arguments *arguments, diffedit_error *error)
{
    if (!arguments->operand)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a list of edits is required");
    if (!arguments->output && !arguments->dry_run)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--output is required");
    if (arguments->stop && arguments->keep_going)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--stop and --keep-going cannot be used together");
    if (!arguments->queue != !arguments->root)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--queue and --root belong together");
    if (arguments->format && !perform_format(arguments->format))
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--format: expected png, jpg, webp or tif, found \"%.80s\"",
                        arguments->format);
    return check_defaults(arguments, error);
}

/* ---- how it went ---- */

static void say_summary(const batch_summary *summary, const cli_arguments *arguments)
{
    char before[48] = "", left[48] = "";
    if (arguments->quiet)
        return;
    if (summary->before > 0)
        snprintf(before, sizeof before, " (%jd before)", (intmax_t)summary->before);
    if (summary->waiting > 0)
        snprintf(left, sizeof left, ", %jd left", (intmax_t)summary->waiting);
    fprintf(stderr, "diffedit: %jd line%s: %jd done%s, %jd failed%s", (intmax_t)summary->lines,
            summary->lines == 1 ? "" : "s", (intmax_t)summary->done, before,
            (intmax_t)summary->failed, left);
    if (summary->results[0])
        fprintf(stderr, "; results in %s", summary->results);
    fputc('\n', stderr);
}

static diffedit_status print_summary(const batch_summary *summary, diffedit_error *error)
{
    return cli_json_print(
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "lines", (json_int_t)summary->lines,
                  "done", (json_int_t)summary->done, "failed", (json_int_t)summary->failed,
                  "before", (json_int_t)summary->before, "edits", (json_int_t)summary->tasks,
                  "left", (json_int_t)summary->waiting, "seconds", summary->seconds, "results",
                  cli_json_path(summary->results)),
        error);
}

static diffedit_status run_batch(const batch_settings *settings, const cli_arguments *arguments,
                                 diffedit_error *error)
{
    batch_summary summary;
    diffedit_status status = batch_run(&summary, settings, error);
    if (summary.results[0] || (arguments->dry_run && status == DIFFEDIT_OK))
        say_summary(&summary, arguments);
    if (arguments->json && status == DIFFEDIT_OK)
        status = print_summary(&summary, error);
    if (status == DIFFEDIT_OK && summary.failed > 0)
        status = cli_fail(error, DIFFEDIT_ERROR_FILE, "%jd of %jd lines failed",
                          (intmax_t)summary.failed, (intmax_t)summary.lines);
    return status;
}

/* ---- the command ---- */

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    batch_line defaults = {.number = 0};
    diffedit_model_settings of_model;
    char *path = NULL;
    if (!arguments->model)
        arguments->model = getenv("DIFFEDIT_MODEL");
    batch_settings settings = {.edits = arguments->operand,
                               .output = arguments->output,
                               .defaults = &defaults,
                               .model_name = arguments->model,
                               .model_settings = &of_model,
                               .threads = (int)arguments->threads,
                               .max_pixels = arguments->max_pixels,
                               .format = arguments->format ? arguments->format : "png",
                               .quality = (int)arguments->quality,
                               .no_record = arguments->no_parameters,
                               .use_masks = arguments->use_masks,
                               .stop = arguments->stop,
                               .dry_run = arguments->dry_run,
                               .limit = arguments->limit,
                               .quiet = arguments->quiet,
                               .queue = arguments->queue,
                               .password = getenv("DIFFEDIT_REDIS_PASSWORD"),
                               .root = arguments->root,
                               .interrupted = cli_interrupted};
    diffedit_status status = check_given(arguments, error);
    if (status == DIFFEDIT_OK && arguments->shard)
        status = batch_shard(&settings.shard, &settings.shards, arguments->shard, error);
    if (status == DIFFEDIT_OK)
        status = set_defaults(&defaults, arguments, error);
    if (status == DIFFEDIT_OK)
        status = cli_model_settings(&of_model, arguments, error);
    bool is_elsewhere = arguments->queue && arguments->model && model_text_is(arguments->model);
    if (status == DIFFEDIT_OK && !is_elsewhere)
        status = cli_find_model(&path, arguments->model, error);
    settings.model_path = path;
    if (status == DIFFEDIT_OK)
        status = run_batch(&settings, arguments, error);
    line_clear(&defaults);
    free(path);
    return status;
}

const cli_command cli_batch = {
    .name = "batch",
    .bit = CLI_BATCH,
    .operand = "list of edits",
    .usage = "EDITS -o DIR",
    .summary = "many edits, of a list in CSV or JSON lines; run again, it goes on",
    .examples = "  diffedit batch edits.csv -o results       # columns picture, from, to, ...\n"
                "  diffedit batch edits.jsonl -o results -m OWNER/NAME --preset fast\n"
                "  diffedit batch edits.csv -o results --shard slurm\n"
                "  diffedit batch edits.csv -o results --queue redis://HOST/NAME --root .\n",
    .run = run,
};
