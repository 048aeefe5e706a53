/* How long each network takes, or a whole edit, and how much memory; on random weights unless a
 * model is named. */
#include "bench_edit.h"
#include "commands.h"
#include "fail.h"
#include "find_model.h"
#include "interrupt.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TIMESTEP = 481, GUIDANCE = 7.5;

/* What is measured, and what it works on. */
typedef struct workload {
    diffedit_model *model;
    diffedit_editor *editor;
    diffedit_model_info info;
    diffedit_options options;
    int width, height, threads;
    double peak;         /* operations per second that its device can do */
    float *embedding;    /* [text_tokens, text_width] */
    float *pixels;       /* [3, height, width] */
    float *latent, *eps; /* [latent_channels, height / factor, width / factor] */
} workload;

/* ---- the networks ---- */

static diffedit_status encode_text(const workload *bench, diffedit_error *error)
{
    return diffedit_encode_text(bench->embedding, bench->editor, "a horse on a meadow", error);
}

static diffedit_status encode_pixels(const workload *bench, diffedit_error *error)
{
    return diffedit_encode_pixels(bench->latent, bench->editor, bench->pixels, bench->height,
                                  bench->width, error);
}

static diffedit_status predict(const workload *bench, diffedit_error *error)
{
    return diffedit_predict_noise(
        bench->eps, bench->editor, bench->latent, bench->height / bench->info.factor,
        bench->width / bench->info.factor, TIMESTEP, bench->embedding, error);
}

static diffedit_status predict_guided(const workload *bench, diffedit_error *error)
{
    return diffedit_predict_guided(bench->eps, bench->editor, bench->latent,
                                   bench->height / bench->info.factor,
                                   bench->width / bench->info.factor, TIMESTEP, bench->embedding,
                                   bench->embedding, GUIDANCE, error);
}

static diffedit_status decode_latent(const workload *bench, diffedit_error *error)
{
    return diffedit_decode_latent(bench->pixels, bench->editor, bench->latent,
                                  bench->height / bench->info.factor,
                                  bench->width / bench->info.factor, error);
}

static const struct {
    const char *key, *name;
    diffedit_status (*run)(const workload *bench, diffedit_error *error);
} measurements[] = {
    {"text_encoder", "text encoder", encode_text},
    {"vae_encode", "VAE encode", encode_pixels},
    {"unet", "UNet", predict},
    {"guided_step", "UNet, guided (batch of 2)", predict_guided},
    {"vae_decode", "VAE decode", decode_latent},
};

enum { MEASUREMENTS = sizeof measurements / sizeof measurements[0] };

/* ---- getting ready ---- */

static const char *shape_of(const cli_arguments *arguments)
{
    return arguments->shape ? arguments->shape : "sd14";
}

static diffedit_status open_model(workload *bench, const cli_arguments *arguments,
                                  diffedit_error *error)
{
    if (arguments->model && arguments->shape)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--model and --shape cannot be used together");
    if (!arguments->model && arguments->loras.count > 0)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--lora needs --model");
    char *path;
    diffedit_model_settings settings;
    diffedit_status status = cli_model_settings(&settings, arguments, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (!arguments->model)
        return diffedit_model_open_random(&bench->model, shape_of(arguments), &settings, error);
    status = cli_find_model(&path, arguments->model, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_model_open(&bench->model, path, &settings, error);
    free(path);
    return status;
}

static void say_device(const workload *bench)
{
    char reason[512];
    if (diffedit_model_get_device_reason(reason, sizeof reason, bench->model))
        fprintf(stderr, "diffedit: %s\n", reason);
}

/* The networks alone know no option but the size. */
static diffedit_status check_given(const cli_arguments *arguments, diffedit_error *error)
{
    const char *needless = arguments->preset ? "preset" : NULL;
    for (int i = 0; i < arguments->given_count; i++)
        if (strcmp(arguments->given[i].name, "size") != 0)
            needless = arguments->given[i].name;
    return needless && !arguments->edit
               ? cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--%s needs --edit", needless)
               : DIFFEDIT_OK;
}

static diffedit_status set_options(workload *bench, const cli_arguments *arguments,
                                   diffedit_error *error)
{
    diffedit_options *options = &bench->options;
    diffedit_status status = diffedit_options_init(options, sizeof *options, arguments->preset,
                                                   bench->model, error);
    for (int i = 0; i < arguments->given_count && status == DIFFEDIT_OK; i++)
        status = diffedit_options_set(options, arguments->given[i].name, arguments->given[i].value,
                                      error);
    options->from = "a horse on a meadow";
    options->to = "a zebra on a meadow";
    return status;
}

static diffedit_status set_size(workload *bench, diffedit_error *error)
{
    bench->info.struct_size = sizeof bench->info;
    diffedit_model_get_info(&bench->info, bench->model);
    bench->width = bench->options.width ? bench->options.width : bench->info.native_width;
    bench->height = bench->options.height ? bench->options.height : bench->info.native_height;
    if (bench->width % bench->info.factor || bench->height % bench->info.factor)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--size %dx%d: expected multiples of %d",
                        bench->width, bench->height, bench->info.factor);
    return DIFFEDIT_OK;
}

static diffedit_status allocate(workload *bench, diffedit_error *error)
{
    size_t pixels = (size_t)bench->width * (size_t)bench->height,
           factor = (size_t)bench->info.factor;
    size_t latent = (size_t)bench->info.latent_channels * pixels / (factor * factor);
    bench->embedding = calloc((size_t)bench->info.text_tokens * (size_t)bench->info.text_width,
                              sizeof(float));
    bench->pixels = malloc(3 * pixels * sizeof(float));
    bench->latent = calloc(latent, sizeof(float));
    bench->eps = calloc(latent, sizeof(float));
    if (!bench->embedding || !bench->pixels || !bench->latent || !bench->eps)
        return cli_fail_memory(error);
    for (size_t i = 0; i < 3 * pixels; i++) /* any picture: no kernel's time depends on it */
        bench->pixels[i] = (float)(i * 37 % 256) / 127.5f - 1;
    return DIFFEDIT_OK;
}

static diffedit_status get_ready(workload *bench, const cli_arguments *arguments,
                                 diffedit_error *error)
{
    bench->threads = arguments->threads ? (int)arguments->threads : diffedit_core_count();
    diffedit_status status = check_given(arguments, error);
    if (status == DIFFEDIT_OK)
        status = open_model(bench, arguments, error);
    if (status == DIFFEDIT_OK) {
        say_device(bench);
        status = diffedit_model_measure_peak(&bench->peak, bench->model, bench->threads, error);
    }
    if (status == DIFFEDIT_OK)
        status = set_options(bench, arguments, error);
    if (status != DIFFEDIT_OK || arguments->edit)
        return status;
    status = set_size(bench, error);
    if (status == DIFFEDIT_OK)
        status = allocate(bench, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_new(&bench->editor, bench->model, NULL, error);
    if (status != DIFFEDIT_OK)
        return status;
    diffedit_editor_set_threads(bench->editor, bench->threads);
    return DIFFEDIT_OK;
}

static void clean_up(workload *bench)
{
    diffedit_editor_free(bench->editor);
    diffedit_model_close(bench->model);
    free(bench->embedding);
    free(bench->pixels);
    free(bench->latent);
    free(bench->eps);
}

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static int compare_totals(const void *a, const void *b)
{
    return compare(&((const cli_edit_times *)a)->total, &((const cli_edit_times *)b)->total);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* A network's medians, or those of a whole edit. */
typedef struct network_times {
    double seconds, device_seconds; /* by the clock, and by a GPU's own: 0 where it has none */
    double operations;
} network_times;

static diffedit_computed computed_so_far(const workload *bench)
{
    diffedit_computed computed = {.struct_size = sizeof computed};
    diffedit_editor_get_computed(&computed, bench->editor);
    return computed;
}

/* Runs a network; `operations` are of each run. */
static diffedit_status measure_one(const workload *bench, int which, double *seconds,
                                   double *device_seconds, double *operations,
                                   diffedit_error *error)
{
    diffedit_computed before = computed_so_far(bench);
    double start = cli_seconds();
    diffedit_status status = measurements[which].run(bench, error);
    *seconds = cli_seconds() - start;
    diffedit_computed after = computed_so_far(bench);
    *device_seconds = after.device_seconds - before.device_seconds;
    *operations = after.operations - before.operations;
    if (status == DIFFEDIT_OK && cli_interrupted())
        status = cli_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    return status;
}

/* All networks in turn, `repeat` times over, so that a machine that slows down slows all of them.
 */
static diffedit_status measure(const workload *bench, int repeat, network_times found[MEASUREMENTS],
                               diffedit_error *error)
{
    size_t count = (size_t)repeat * MEASUREMENTS;
    double *seconds = calloc(2 * count, sizeof *seconds), *device_seconds = seconds + count;
    diffedit_status status = seconds ? DIFFEDIT_OK : cli_fail_memory(error);
    for (int run = 0; run < repeat; run++)
        for (int i = 0; i < MEASUREMENTS && status == DIFFEDIT_OK; i++)
            status = measure_one(bench, i, &seconds[i * repeat + run],
                                 &device_seconds[i * repeat + run], &found[i].operations, error);
    for (int i = 0; i < MEASUREMENTS && status == DIFFEDIT_OK; i++) {
        found[i].seconds = median(seconds + i * repeat, repeat);
        found[i].device_seconds = median(device_seconds + i * repeat, repeat);
    }
    free(seconds);
    return status;
}

/* ---- saying it ---- */

static const char *processor(void)
{
    size_t count;
    return diffedit_devices(&count)[0]->title;
}

static bool is_on_gpu(const workload *bench)
{
    return cli_info_of(bench->model).device != DIFFEDIT_DEVICE_CPU;
}

static const char *device_title(const workload *bench)
{
    size_t count;
    return diffedit_devices(&count)[cli_info_of(bench->model).device]->title;
}

/* Whether these are seconds by a device's own clock: nothing that runs takes none of them. */
static bool has_clock(double device_seconds)
{
    return device_seconds > 0;
}

/* The first lines of a table: what ran where. */
static void print_head(const cli_arguments *arguments, const workload *bench, int width, int height)
{
    if (arguments->model)
        printf("%s", arguments->model);
    else
        printf("random weights in the shape of %s", shape_of(arguments));
    printf(", %dx%d, %d thread%s, median of %d\n", width, height, bench->threads,
           bench->threads == 1 ? "" : "s", (int)arguments->repeat);
    diffedit_model_info info = cli_info_of(bench->model);
    if (is_on_gpu(bench))
        printf("%s (%s), %s kernels, %s arithmetic, peak %.0f GFLOP/s\n\n",
               diffedit_device_name(info.device), device_title(bench), info.family,
               diffedit_arithmetic_name(info.arithmetic), bench->peak * 1e-9);
    else
        printf("%s, %s kernels, %s arithmetic, FMA peak %.0f GFLOP/s\n\n", processor(),
               diffedit_kernels_name(), diffedit_arithmetic_name(info.arithmetic),
               diffedit_measure_peak(bench->threads) * 1e-9);
}

static void print_memory(void)
{
    printf("%-26s %9.2f GB\n", "peak memory", (double)cli_peak_memory() * 1e-9);
}

/* The same as an object; NULL: no memory. */
static json_t *json_head(const cli_arguments *arguments, const workload *bench, int width,
                         int height)
{
    char size[32];
    snprintf(size, sizeof size, "%dx%d", width, height);
    diffedit_model_info info = cli_info_of(bench->model);
    json_t *model = arguments->model ? json_string(arguments->model) : json_null();
    return json_pack("{s:o, s:o, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:I}",
                     "model", model ? model : json_null(), "shape",
                     arguments->model ? json_null() : json_string(shape_of(arguments)), "size",
                     size, "repeat", (int)arguments->repeat, "threads", bench->threads, "cpu",
                     processor(), "kernels", diffedit_kernels_name(), "arithmetic",
                     diffedit_arithmetic_name(info.arithmetic), "device",
                     diffedit_device_name(info.device), "device_title", device_title(bench),
                     "family", info.family, "peak_gflops", bench->peak * 1e-9, "fma_peak_gflops",
                     diffedit_measure_peak(bench->threads) * 1e-9, "peak_rss_bytes",
                     (json_int_t)cli_peak_memory());
}

static json_t *networks_json(const cli_arguments *arguments, const workload *bench,
                             const network_times found[MEASUREMENTS])
{
    json_t *object = json_head(arguments, bench, bench->width, bench->height);
    json_t *of_device = json_object(), *operations = json_object();
    for (int i = 0; i < MEASUREMENTS; i++) {
        const char *key = measurements[i].key;
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%s_s", key);
        json_object_set_new(object, seconds, json_real(found[i].seconds));
        json_object_set_new(of_device, key, json_real(found[i].device_seconds));
        json_object_set_new(operations, key, json_real(found[i].operations * 1e-9));
    }
    if (!has_clock(found[0].device_seconds)) {
        json_decref(of_device);
        of_device = json_null();
    }
    json_object_set_new(object, "device_seconds", of_device);
    json_object_set_new(object, "gflop", operations);
    return object;
}

static void print_times(const char *name, const network_times *found, double peak)
{
    printf("%-26s %9.3f s", name, found->seconds);
    if (has_clock(found->device_seconds))
        printf("%9.3f s of the GPU, %.0f GFLOP/s, %.0f %% of the peak", found->device_seconds,
               found->operations / found->device_seconds * 1e-9,
               found->operations / found->device_seconds / peak * 100);
    putchar('\n');
}

static void print_missing_clock(const workload *bench, double device_seconds)
{
    if (is_on_gpu(bench) && !has_clock(device_seconds))
        printf("\nThe driver of %s (%s) has no timestamps: nothing by the GPU's own clock\n",
               diffedit_device_name(cli_info_of(bench->model).device), device_title(bench));
}

static diffedit_status run_networks(const cli_arguments *arguments, const workload *bench,
                                    diffedit_error *error)
{
    network_times found[MEASUREMENTS] = {{0}};
    diffedit_status status = measure(bench, (int)arguments->repeat, found, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (arguments->json)
        return cli_json_print(networks_json(arguments, bench, found), error);
    print_head(arguments, bench, bench->width, bench->height);
    for (int i = 0; i < MEASUREMENTS; i++)
        print_times(measurements[i].name, &found[i], bench->peak);
    print_memory();
    print_missing_clock(bench, found[0].device_seconds);
    return DIFFEDIT_OK;
}

/* ---- whole edits ---- */

/* The edit whose total is the median (of two, the slower). */
static diffedit_status measure_edits(const workload *bench, int repeat, cli_edit_times *middle,
                                     diffedit_error *error)
{
    cli_edit_times *all = calloc((size_t)repeat, sizeof *all);
    diffedit_status status = all ? DIFFEDIT_OK : cli_fail_memory(error);
    for (int run = 0; run < repeat && status == DIFFEDIT_OK; run++)
        status = cli_bench_edit(all + run, bench->model, &bench->options, bench->threads, error);
    if (status == DIFFEDIT_OK) {
        qsort(all, (size_t)repeat, sizeof *all, compare_totals);
        *middle = all[repeat / 2];
    }
    free(all);
    return status;
}

static diffedit_status run_edits(const cli_arguments *arguments, const workload *bench,
                                 diffedit_error *error)
{
    cli_edit_times times;
    const diffedit_computed *computed = &times.computed;
    diffedit_status status = measure_edits(bench, (int)arguments->repeat, &times, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (arguments->json) {
        json_t *object = json_head(arguments, bench, times.width, times.height);
        json_t *seconds = json_object();
        for (int i = 0; i < CLI_BENCH_STAGES; i++)
            json_object_set_new(seconds, diffedit_stage_name((diffedit_stage_id)i),
                                json_real(times.stages[i]));
        json_object_set_new(seconds, "total", json_real(times.total));
        json_object_set_new(object, "preset", json_string(bench->options.preset));
        json_object_set_new(object, "evaluations", json_integer(times.evaluations));
        json_object_set_new(object, "seconds", seconds);
        json_object_set_new(object, "device_seconds",
                            has_clock(computed->device_seconds)
                                ? json_real(computed->device_seconds)
                                : json_null());
        json_object_set_new(object, "gflop", json_real(computed->operations * 1e-9));
        return cli_json_print(object, error);
    }
    printf("an edit by preset %s, ", bench->options.preset);
    print_head(arguments, bench, times.width, times.height);
    for (int i = 0; i < CLI_BENCH_STAGES; i++)
        printf("%-26s %9.3f s\n", diffedit_stage_name((diffedit_stage_id)i), times.stages[i]);
    print_times("total",
                &(network_times){times.total, computed->device_seconds, computed->operations},
                bench->peak);
    printf("%-26s %9jd\n", "evaluations", (intmax_t)times.evaluations);
    print_memory();
    print_missing_clock(bench, computed->device_seconds);
    return DIFFEDIT_OK;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    workload bench = {0};
    diffedit_status status = get_ready(&bench, arguments, error);
    if (status == DIFFEDIT_OK)
        status = arguments->edit ? run_edits(arguments, &bench, error)
                                 : run_networks(arguments, &bench, error);
    clean_up(&bench);
    return status;
}

const cli_command cli_bench = {
    .name = "bench",
    .bit = CLI_BENCH,
    .usage = "[--shape sd14|sd21|pocket | --model PATH] [--edit]",
    .summary = "time every network, or a whole edit; on random weights, or a model",
    .examples = "  diffedit bench\n"
                "  diffedit bench --shape sd21 --size 768x768 --repeat 5\n"
                "  diffedit bench --edit --preset fast --region crop --repeat 1\n"
                "  diffedit bench -m stable-diffusion-v1-4 --json\n",
    .run = run,
};
