/* A model's networks on one device, each timed when it is asked for; needs no libvips.
 *
 *     netbench MODEL DEVICE ARITHMETIC SIZE [FOLDER]
 *     netbench --devices
 *
 * MODEL is a folder or file, or a shape of random weights (sd14, sd21, pocket); DEVICE "cpu" or
 * "gpu:N"; ARITHMETIC "exact" or "quick". A first line, an object in JSON, says what computes.
 * FOLDER holds what the networks read, as raw float32 in the order of a network set: texts [2,
 * tokens, width], latent [c, h, w], pixels [h f, w f, 3]. Without it the numbers are made up.
 *
 * Then each line of standard input is a job, answered by a line of its seconds, those of the device
 * by its own clock, and its operations:
 *
 *     text, encode, decode         a network that runs once
 *     unet, guided                 an evaluation of one text, or of two
 *     edit MAP ENCODE DENOISE DECODES
 *                                  the networks of a whole edit: pairs of evaluations for the map,
 *                                  single ones to encode, pairs to denoise, and decodes
 *     save FILE                    writes what the last network gave, as raw float32 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "edit/model_networks.h"
#include "edit/stage.h"
#include "models/random_model.h"

enum { MOST_TEXTS = 2, LINE = 4096 };
static const double timestep = 481, guidance = 7.5;

typedef struct bench_state {
    diffedit_model *model;
    de_model_networks networks;
    de_network_set set;
    int h, w;                                        /* cells */
    int64_t texts_count, latent_count, pixels_count; /* of one text, and so on */
    float *texts, *latent, *pixels;                  /* what goes in */
    float *found;                                    /* what came out last */
    int64_t found_count;
    int32_t *tokens; /* of one text */
    int begun;       /* texts that the UNet is begun for; 0: it is not */
    int calls[4];    /* of an edit */
} bench_state;

static void need(diffedit_status status, const diffedit_error *error)
{
    if (status == DIFFEDIT_OK)
        return;
    fprintf(stderr, "netbench: %s\n", error->message);
    exit(1);
}

static float *floats(int64_t count)
{
    diffedit_error error;
    float *values;
    need(de_allocate_floats(&values, count, "the networks' numbers", &error), &error);
    return values;
}

/* ---- getting ready ---- */

/* FOLDER/NAME, or made up: no network's time depends on its numbers, but for those beyond f16 */
static float *input(const char *folder, const char *name, int64_t count)
{
    float *values = floats(count);
    if (!folder) {
        for (int64_t i = 0; i < count; i++)
            values[i] = (float)(i * 37 % 257) / 128.5f - 1;
        return values;
    }
    char path[LINE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || fread(values, sizeof *values, (size_t)count, file) != (size_t)count ||
        fgetc(file) != EOF) {
        fprintf(stderr, "netbench: %s: expected %lld float32 numbers\n", path, (long long)count);
        exit(1);
    }
    fclose(file);
    return values;
}

static void make_inputs(bench_state *bench, int size, const char *folder)
{
    const de_network_set *set = &bench->set;
    bench->h = bench->w = size / set->factor;
    int64_t cells = (int64_t)bench->h * bench->w;
    bench->texts_count = (int64_t)set->text_tokens * set->text_width;
    bench->latent_count = set->channels * cells;
    bench->pixels_count = 3 * cells * set->factor * set->factor;
    bench->texts = input(folder, "texts", MOST_TEXTS * bench->texts_count);
    bench->latent = input(folder, "latent", bench->latent_count);
    bench->pixels = input(folder, "pixels", bench->pixels_count);
    bench->tokens = calloc((size_t)set->text_tokens, sizeof *bench->tokens);
    if (!bench->tokens)
        exit(1);
    bench->found = floats(
        de_max_i64(de_max_i64(bench->texts_count, bench->pixels_count), 2 * bench->latent_count));
}

static bool is_shape(const char *name)
{
    for (int i = 0; de_random_shapes[i]; i++)
        if (strcmp(de_random_shapes[i], name) == 0)
            return true;
    return false;
}

static const diffedit_device_info *find_device(const char *name)
{
    size_t count;
    const diffedit_device_info *const *devices = de_devices(&count);
    for (size_t i = 0; i < count; i++)
        if (devices[i]->name && strcmp(devices[i]->name, name) == 0)
            return devices[i];
    fprintf(stderr, "netbench: this machine has no device \"%s\"\n", name);
    exit(1);
}

static void say(void *user, diffedit_log_level level, const char *line)
{
    (void)user;
    if (level >= DIFFEDIT_LOG_INFO)
        fprintf(stderr, "netbench: %s\n", line);
}

static json_t *describe(const diffedit_device_info *info)
{
    return json_pack("{s:s?, s:s, s:s, s:I, s:s, s:s?, s:s?}", "device", info->name, "title",
                     info->title, "kind", info->kind, "memory", (json_int_t)info->memory, "family",
                     info->family, "driver", info->driver, "problem", info->problem);
}

static void print_line(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    puts(text ? text : "");
    fflush(stdout);
    free(text);
    json_decref(object);
}

static void print_head(const diffedit_model *model, const diffedit_device_info *info)
{
    double peak = 0;
    diffedit_error error;
    diffedit_model_info parameters = {.struct_size = sizeof parameters};
    need(de_device_measure_peak(&peak, model->device, de_core_count(), &error), &error);
    de_model_info(model, &parameters);
    json_t *head = describe(info);
    json_object_set_new(head, "family", json_string(de_device_family(model->device)));
    json_object_set_new(head, "peak", json_real(peak));
    json_object_set_new(head, "parameters", json_integer(parameters.parameters));
    print_line(head);
}

static void open_bench(bench_state *bench, char **arguments, const de_log *log)
{
    diffedit_error error;
    const char *model = arguments[0];
    const diffedit_device_info *info = find_device(arguments[1]);
    diffedit_model_settings settings = {.struct_size = sizeof settings,
                                        .device = info->device,
                                        .arithmetic = strcmp(arguments[2], "quick") == 0
                                                          ? DIFFEDIT_ARITHMETIC_QUICK
                                                          : DIFFEDIT_ARITHMETIC_EXACT};
    need(is_shape(model) ? de_model_open_random(&bench->model, model, &settings, &error)
                         : de_model_open(&bench->model, model, &settings, &error),
         &error);
    de_model_networks_init(&bench->networks, &bench->set, bench->model, log);
    make_inputs(bench, atoi(arguments[3]), arguments[4]);
    print_head(bench->model, info);
}

/* ---- jobs ---- */

static void begin_unet(bench_state *bench, int texts)
{
    diffedit_error error;
    const float *each[MOST_TEXTS] = {bench->texts, bench->texts + bench->texts_count};
    if (bench->begun == texts)
        return;
    if (bench->begun)
        bench->set.unet_end(bench->set.self);
    bench->begun = texts;
    if (texts > 0)
        need(bench->set.unet_begin(bench->set.self, each, texts, 1, bench->h, bench->w, &error),
             &error);
}

/* found = the noise that x has under as many texts as the UNet is begun for */
static void evaluate(bench_state *bench, const float *x)
{
    diffedit_error error;
    need(bench->set.unet_run(bench->set.self, x, NULL, timestep, bench->found, &error), &error);
    bench->found_count = bench->begun * bench->latent_count;
}

static void run_unet(bench_state *bench)
{
    evaluate(bench, bench->latent);
}

static void run_text(bench_state *bench)
{
    diffedit_error error;
    need(bench->set.encode_text(bench->set.self, bench->tokens, bench->found, &error), &error);
    bench->found_count = bench->texts_count;
}

static void run_encode(bench_state *bench)
{
    diffedit_error error;
    need(bench->set.encode_pixels(bench->set.self, bench->pixels, bench->h, bench->w, bench->found,
                                  &error),
         &error);
    bench->found_count = 2 * bench->latent_count;
}

static void run_decode(bench_state *bench)
{
    diffedit_error error;
    need(bench->set.decode_latent(bench->set.self, bench->latent, bench->h, bench->w, bench->found,
                                  &error),
         &error);
    bench->found_count = bench->pixels_count;
}

/* `runs` evaluations, each of what the last one changed a little, as a sampler does. */
static void run_steps(bench_state *bench, float *x, int texts, int runs)
{
    const float *plain = bench->found, *other = bench->found + (texts - 1) * bench->latent_count;
    begin_unet(bench, texts);
    for (int run = 0; run < runs; run++) {
        evaluate(bench, x);
        for (int64_t i = 0; i < bench->latent_count; i++)
            x[i] = 0.99f * x[i] - 0.01f * (plain[i] + (float)guidance * (other[i] - plain[i]));
    }
    begin_unet(bench, 0);
}

static void run_edit(bench_state *bench)
{
    float *x = floats(bench->latent_count);
    memcpy(x, bench->latent, (size_t)bench->latent_count * sizeof *x);
    for (int i = 0; i < MOST_TEXTS; i++)
        run_text(bench);
    run_encode(bench);
    run_steps(bench, x, 2, bench->calls[0]);
    run_steps(bench, x, 1, bench->calls[1]);
    run_steps(bench, x, 2, bench->calls[2]);
    for (int i = 0; i < bench->calls[3]; i++)
        run_decode(bench);
    free(x);
}

static void save(const bench_state *bench, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t count = (size_t)bench->found_count;
    if (!file || fwrite(bench->found, sizeof *bench->found, count, file) != count ||
        fclose(file) != 0) {
        fprintf(stderr, "netbench: %s cannot be written\n", path);
        exit(1);
    }
    puts("saved");
}

/* A job, and the texts that the UNet is begun for before the clock runs: for a step of it, but not
 * for an edit. */
static const struct {
    const char *name;
    int texts;
    void (*run)(bench_state *bench);
} jobs[] = {{"text", 0, run_text}, {"encode", 0, run_encode}, {"decode", 0, run_decode},
            {"unet", 1, run_unet}, {"guided", 2, run_unet},   {"edit", 0, run_edit}};

static void answer(bench_state *bench, const char *name)
{
    size_t i = 0;
    while (i < sizeof jobs / sizeof jobs[0] && strcmp(jobs[i].name, name) != 0)
        i++;
    if (i == sizeof jobs / sizeof jobs[0]) {
        fprintf(stderr, "netbench: \"%s\" is not a job\n", name);
        exit(1);
    }
    begin_unet(bench, jobs[i].texts);
    de_computed before = de_model_networks_computed(&bench->networks);
    double start = de_seconds();
    jobs[i].run(bench);
    double seconds = de_seconds() - start;
    de_computed after = de_model_networks_computed(&bench->networks);
    printf("%.9g %.9g %.17g\n", seconds, after.seconds - before.seconds,
           after.operations - before.operations);
}

static void answer_all(bench_state *bench)
{
    int *calls = bench->calls;
    char line[LINE];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "save ", 5) == 0)
            save(bench, line + 5);
        else if (sscanf(line, "edit %d %d %d %d", calls, calls + 1, calls + 2, calls + 3) == 4)
            answer(bench, "edit");
        else
            answer(bench, line);
        fflush(stdout);
    }
}

static void close_bench(bench_state *bench)
{
    begin_unet(bench, 0);
    de_model_networks_free(&bench->networks);
    de_model_close(bench->model);
    free(bench->tokens);
    free(bench->texts);
    free(bench->latent);
    free(bench->pixels);
    free(bench->found);
}

static int list_devices(void)
{
    size_t count;
    const diffedit_device_info *const *devices = de_devices(&count);
    for (size_t i = 0; i < count; i++)
        print_line(describe(devices[i]));
    if (de_devices_problem())
        fprintf(stderr, "netbench: %s\n", de_devices_problem());
    return 0;
}

int main(int argc, char **argv)
{
    bench_state bench = {0};
    de_log log = {say, NULL};
    if (argc == 2 && strcmp(argv[1], "--devices") == 0)
        return list_devices();
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: netbench MODEL DEVICE exact|quick SIZE [FOLDER]\n"
                        "       netbench --devices\n");
        return 2;
    }
    open_bench(&bench, argv + 1, &log);
    answer_all(&bench);
    close_bench(&bench);
    return 0;
}
