/* Every layer at the sizes that the networks use, in both arithmetics, by the kernels in use
 * (DIFFEDIT_CPU): checked against plain C and timed, and quick against exact.
 *
 *     checkbench [--pocket] [--errors] [--threads N] [--only TEXT] [--device gpu:N]
 *
 * Shares are of what this machine reaches in the same run, on the same threads, with nothing but
 * multiplying and adding floats, or integers of 16 bits; on a GPU, of what its family does.
 * --errors prints what quick is off by as a table in Markdown, and times nothing. Layers of a GPU
 * are timed by its own clock, where it has one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checkbench_shapes.h"
#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"

enum { TEXT_KEYS = 77, MAX_RUNS = 50, LINE = 64, OUTLIERS = 5, ARITHMETICS = 2 };
static const double difference_allowed = 2e-5; /* from plain C, of the largest value */
/* The same where Winograd's values, which tables round differently, become integers. */
static const double rounded_difference_allowed = 2e-4;
static const double error_allowed = 1e-2; /* of quick, rms, of exact's rms */

typedef struct settings {
    bool pocket, errors;
    int threads;
    const char *only;
    double seconds;     /* for each timing */
    double check_flops; /* larger cases are not run in plain C */
    const char *device; /* NULL: the CPU */
    double peaks[ARITHMETICS];
} settings;

/* One case made ready: its inputs, output and layer. */
typedef struct bench_run {
    const bench_case *shape;
    de_weight weight, bias;
    de_weight scales, shifts; /* of norms, [in] */
    de_convolution_shape window;
    de_tensor x, y;
    de_tensor keys, values; /* [n, 1, tk, in] */
    /* for the arithmetic and the device at hand */
    diffedit_arithmetic arithmetic;
    de_linear *linear;
    de_convolution *convolution;
    de_vector *scale, *shift;
    /* what came of each */
    float *found[ARITHMETICS]; /* as y */
    double seconds[ARITHMETICS];
} bench_run;

static de_device *devices[ARITHMETICS]; /* that layers are timed on */
static de_device *cpu;                  /* exact, for plain C */

static bool on_gpu(void)
{
    return de_device_title(devices[0]) != NULL;
}

/* ---- random data ---- */

static uint32_t random_bits(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static void *allocate(int64_t count, size_t size)
{
    void *memory = de_aligned_alloc((size_t)count * size);
    if (!memory) {
        fprintf(stderr, "checkbench: no memory for %lld values\n", (long long)count);
        exit(1);
    }
    return memory;
}

/* Normally distributed, of deviation 1; a few channels are 20 times as large, as in networks that
 * were trained. */
static de_tensor random_tensor(int64_t n, int64_t h, int64_t w, int64_t c, int outliers)
{
    int64_t count = n * h * w * c;
    float *values = allocate(count, sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        float sum = 0; /* of four equally distributed values, of variance 4 / 3 */
        for (int k = 0; k < 4; k++)
            sum += (float)(int32_t)random_bits() * 0x1p-31f;
        values[i] = sum * 0.8660254f * (i % c < outliers ? 20 : 1);
    }
    return de_tensor_at((de_array){(uintptr_t)values}, n, h, w, c);
}

/* f16 weights of about 1 / sqrt(fan in), so that results are near 1 */
static de_weight random_weight(int rank, const int64_t *shape)
{
    de_weight weight = {.dtype = DE_F16, .rank = rank};
    int64_t count = 1, fan_in = 1;
    for (int i = 0; i < rank; i++) {
        weight.shape[i] = shape[i];
        count *= shape[i];
        fan_in *= i ? shape[i] : 1;
    }
    uint16_t *values = allocate(count, sizeof *values);
    int exponent = 15 - (int)lrint(log2((double)fan_in) / 2);
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = random_bits();
        values[i] = (uint16_t)((bits & 0x83ff) | (uint32_t)exponent << 10);
    }
    weight.data = values;
    return weight;
}

/* ---- one case ---- */

static void need(diffedit_status status)
{
    if (status == DIFFEDIT_OK)
        return;
    fprintf(stderr, "checkbench: a layer could not be made\n");
    exit(1);
}

static de_resampling resampling_of(bench_kind kind)
{
    return kind == HALVING ? DE_HALVING : kind == ENLARGING ? DE_DOUBLING : DE_SAME_SIZE;
}

static void prepare_convolution(bench_run *run)
{
    const bench_case *shape = run->shape;
    int stride = shape->kind == HALVING ? 2 : 1;
    run->window = (de_convolution_shape){
        .stride = stride, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
    if (shape->kind == ENLARGING) {
        run->window.up_h = shape->h;
        run->window.up_w = shape->w;
        run->x.h /= 2;
        run->x.w /= 2;
    }
    run->y.h = (shape->h - 1) / stride + 1;
    run->y.w = (shape->w - 1) / stride + 1;
    run->weight = random_weight(4, (int64_t[]){shape->out, shape->in, 3, 3});
    run->bias = random_weight(1, &shape->out);
}

static void prepare_linear(bench_run *run)
{
    const bench_case *shape = run->shape;
    run->weight = random_weight(2, (int64_t[]){shape->out, shape->in});
    run->bias = random_weight(1, &shape->out);
    if (shape->kind == GEGLU)
        run->y.c /= 2;
}

static void prepare_attention(bench_run *run)
{
    const bench_case *shape = run->shape;
    int64_t keys = shape->kind == TEXT_ATTENTION ? TEXT_KEYS : shape->h * shape->w;
    run->keys = random_tensor(shape->n, 1, keys, shape->in, 0);
    run->values = random_tensor(shape->n, 1, keys, shape->in, 0);
    run->y.c = shape->in;
}

static bench_run prepare(const bench_case *shape)
{
    bench_run run = {.shape = shape,
                     .x = {.n = shape->n, .h = shape->h, .w = shape->w, .c = shape->in},
                     .y = {.n = shape->n, .h = shape->h, .w = shape->w, .c = shape->out}};
    switch (shape->kind) {
    case LINEAR:
    case EMBEDDING:
    case GEGLU: prepare_linear(&run); break;
    case CONVOLUTION:
    case ENLARGING:
    case HALVING: prepare_convolution(&run); break;
    case ATTENTION:
    case TEXT_ATTENTION: prepare_attention(&run); break;
    case GROUP_NORM:
    case LAYER_NORM:
        run.y.c = shape->in;
        run.scales = random_weight(1, &shape->in);
        run.shifts = random_weight(1, &shape->in);
        break;
    }
    run.x = random_tensor(run.x.n, run.x.h, run.x.w, run.x.c, run.weight.data ? OUTLIERS : 0);
    run.y = random_tensor(run.y.n, run.y.h, run.y.w, run.y.c, 0);
    return run;
}

static void free_layer(bench_run *run)
{
    de_linear_free(run->linear);
    de_convolution_free(run->convolution);
    de_vector_free(run->scale);
    de_vector_free(run->shift);
    run->linear = NULL;
    run->convolution = NULL;
    run->scale = run->shift = NULL;
}

/* Makes the layer for another arithmetic, or another device. */
static void use_arithmetic(bench_run *run, diffedit_arithmetic arithmetic, de_device *device)
{
    free_layer(run);
    run->arithmetic = arithmetic;
    if (run->weight.rank == 2)
        need(de_linear_new(&run->linear, device, &run->weight, &run->bias, 1, arithmetic, NULL));
    else if (run->weight.rank == 4)
        need(de_convolution_new(&run->convolution, device, &run->weight, &run->bias,
                                resampling_of(run->shape->kind), arithmetic, NULL));
    if (run->scales.data) {
        need(de_vector_new(&run->scale, device, &run->scales, NULL));
        need(de_vector_new(&run->shift, device, &run->shifts, NULL));
    }
}

static void release(bench_run *run)
{
    free_layer(run);
    free((void *)run->weight.data);
    free((void *)run->bias.data);
    free((void *)run->scales.data);
    free((void *)run->shifts.data);
    free(de_cpu_floats(run->x));
    free(de_cpu_floats(run->y));
    free(de_cpu_floats(run->keys));
    free(de_cpu_floats(run->values));
    for (int i = 0; i < ARITHMETICS; i++)
        free(run->found[i]);
}

static void compute(de_context *context, void *user)
{
    const bench_run *run = user;
    const de_epilogue plain = {0};
    switch (run->shape->kind) {
    case LINEAR:
    case EMBEDDING: de_linear_run(context, run->linear, run->x, plain, run->y); break;
    case GEGLU: de_linear_geglu_run(context, run->linear, run->x, run->y); break;
    case CONVOLUTION:
    case ENLARGING:
    case HALVING:
        de_convolution_run(context, run->convolution, run->x, run->window, plain, run->y);
        break;
    case ATTENTION:
    case TEXT_ATTENTION:
        de_attention(context, (int)run->shape->out, false, run->x, run->keys, run->values, run->y);
        break;
    case GROUP_NORM:
        de_group_norm(context, run->x, run->x.c < 32 ? 8 : 32, 1e-5f, run->scale, run->shift,
                      DE_SILU, run->y);
        break;
    case LAYER_NORM: de_layer_norm(context, run->x, 1e-5f, run->scale, run->shift, run->y); break;
    }
}

/* multiplications and additions, as the plain definition has them; norms: 0 */
static double flops_of(const bench_run *run)
{
    double rows = (double)(run->y.n * run->y.h * run->y.w);
    double in = (double)run->shape->in, out = (double)run->shape->out;
    switch (run->shape->kind) {
    case LINEAR:
    case EMBEDDING:
    case GEGLU: return 2 * rows * in * out;
    case CONVOLUTION:
    case ENLARGING:
    case HALVING: return 2 * 9 * rows * in * out;
    case ATTENTION:
    case TEXT_ATTENTION: return 4 * rows * in * (double)run->keys.w;
    case GROUP_NORM:
    case LAYER_NORM: break;
    }
    return 0;
}

static const char *const kinds[BENCH_KINDS] = {"linear",    "embedding", "geglu",     "conv",
                                               "up+conv",   "conv/2",    "attention", "text att.",
                                               "groupnorm", "layernorm"};

/* On a GPU norms read and write f16. */
static bool has_quick(bench_kind kind)
{
    return kind != EMBEDDING && (on_gpu() || (kind != GROUP_NORM && kind != LAYER_NORM));
}

static void describe(const bench_case *s, char *text)
{
    int tokens = (int)(s->h * s->w);
    if (s->kind == ATTENTION || s->kind == TEXT_ATTENTION)
        snprintf(text, LINE, "%-9s %dx %d x %d, %d heads of %d", kinds[s->kind], (int)s->n, tokens,
                 s->kind == ATTENTION ? tokens : TEXT_KEYS, (int)s->out, (int)(s->in / s->out));
    else if (s->out)
        snprintf(text, LINE, "%-9s %dx%dx%d %d -> %d", kinds[s->kind], (int)s->n, (int)s->h,
                 (int)s->w, (int)s->in, (int)s->out);
    else
        snprintf(text, LINE, "%-9s %dx%dx%d %d", kinds[s->kind], (int)s->n, (int)s->h, (int)s->w,
                 (int)s->in);
}

/* ---- timing ---- */

/* Of one thread its own, so that other programs do not count. */
static double seconds_now(int threads)
{
    struct timespec now;
    if (threads > 1)
        return de_seconds();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Operations per second with nothing but multiplying and adding */
static double peak_of(diffedit_arithmetic arithmetic, int threads)
{
    enum { ROUNDS = 2 * 1000 * 1000 };
    const de_kernels *kernels = de_kernels_get();
    double best = 0;
    if (threads > 1)
        return de_measure_peak(threads, arithmetic);
    for (int i = 0; i < MAX_RUNS / 10; i++) {
        double start = seconds_now(1), operations = arithmetic == DIFFEDIT_ARITHMETIC_QUICK
                                                        ? kernels->multiply_add_pairs(ROUNDS)
                                                        : kernels->multiply_add(ROUNDS);
        best = fmax(best, operations / (seconds_now(1) - start));
    }
    return best;
}

/* Seconds of the fastest run with `kernels`: whatever else the machine does only ever adds to it.
 */
static double time_cpu(bench_run *run, const de_kernels *kernels, int threads, double seconds)
{
    de_context context = {.device = on_gpu() ? cpu : devices[run->arithmetic], .threads = threads};
    de_program *program;
    de_kernels_use(kernels);
    need(de_program_new(&program, &context, compute, run, NULL));
    if (seconds > 0)
        need(de_program_run(program, NULL)); /* memory is mapped, caches are warm */
    double best = INFINITY, start = seconds_now(threads);
    for (int i = 0; i == 0 || (i < MAX_RUNS && seconds_now(threads) - start < seconds); i++) {
        double before = seconds_now(threads);
        need(de_program_run(program, NULL));
        best = fmin(best, seconds_now(threads) - before);
    }
    de_program_free(program);
    de_context_release(&context);
    return best;
}

/* ---- on a GPU ---- */

typedef struct copy {
    de_tensor from, to;
} copy;

static void copy_tensor(de_context *context, void *user)
{
    const copy *one = user;
    de_repeat(context, one->from, one->to);
}

/* As one image, which de_repeat() takes */
static de_tensor as_one(de_tensor tensor)
{
    return (de_tensor){.n = 1, .h = tensor.n * tensor.h, .w = tensor.w, .c = tensor.c};
}

/* Between the host's floats and memory of the GPU's own, where a network's tensors are too. */
static void move(de_context *context, de_tensor host, de_tensor own, bool back)
{
    de_tensor shared, whole = as_one(own);
    need(de_tensor_share(&shared, context->device, whole, NULL));
    whole = de_tensor_at(own.data, whole.n, whole.h, whole.w, whole.c);
    copy one = back ? (copy){whole, shared} : (copy){shared, whole};
    if (!back)
        de_write(context, de_cpu_floats(host), shared);
    need(de_program_run_once(context, copy_tensor, &one, NULL));
    if (back)
        de_read(context, shared, de_cpu_floats(host));
    de_tensor_drop(&shared, context->device);
}

static de_tensor put_on_gpu(de_context *context, de_tensor host)
{
    de_tensor own = {0};
    if (!host.data.at)
        return own;
    need(de_tensor_keep(&own, context->device, host, NULL));
    move(context, host, own, false);
    return own;
}

/* Seconds of the fastest run, by the GPU's clock or, where it has none, by ours; y is then what it
 * found. */
static double time_gpu(bench_run *run, double seconds)
{
    de_context context = {.device = devices[run->arithmetic], .threads = 1};
    bench_run there = *run;
    de_tensor *const tensors[] = {&there.x, &there.keys, &there.values, &there.y};
    de_program *program;
    for (int i = 0; i < 4; i++)
        *tensors[i] = put_on_gpu(&context, *tensors[i]);
    need(de_program_new(&program, &context, compute, &there, NULL));
    if (seconds > 0)
        need(de_program_run(program, NULL)); /* caches are warm */
    double best = INFINITY, start = de_seconds();
    for (int i = 0; i == 0 || (i < MAX_RUNS && de_seconds() - start < seconds); i++) {
        double before = de_seconds();
        need(de_program_run(program, NULL));
        double wall = de_seconds() - before, own = de_program_computed(program).seconds;
        best = fmin(best, own > 0 ? own : wall);
    }
    de_program_free(program);
    move(&context, run->y, there.y, true);
    for (int i = 0; i < 4; i++)
        de_tensor_drop(tensors[i], context.device);
    de_context_release(&context);
    return best;
}

/* ---- whether it is right ---- */

static double difference(const float *a, const float *b, int64_t count)
{
    double largest = 0, scale = 1e-30;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)a[i] - b[i]));
        scale = fmax(scale, fabs((double)a[i]));
        if (isnan(a[i]) || isnan(b[i]))
            return INFINITY;
    }
    return largest / scale;
}

/* rms of a - b, of the rms of a */
static double rms_error(const float *a, const float *b, int64_t count)
{
    double off = 0, scale = 1e-30;
    for (int64_t i = 0; i < count; i++) {
        off += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        scale += (double)a[i] * a[i];
    }
    return sqrt(off / scale);
}

/* ---- the table ---- */

typedef struct totals {
    const char *network;
    double flops, seconds[ARITHMETICS];
    double of_kind[ARITHMETICS][BENCH_KINDS]; /* seconds */
} totals;

static void print_totals(const totals *sum)
{
    if (!sum->network)
        return;
    for (int arithmetic = 0; arithmetic < ARITHMETICS; arithmetic++) {
        double seconds = sum->seconds[arithmetic];
        printf("%-8s %s, all of these layers: %.0f ms, %.0f GFLOP, %.0f GFLOP/s;", sum->network,
               diffedit_arithmetic_name((diffedit_arithmetic)arithmetic), seconds * 1e3,
               sum->flops * 1e-9, sum->flops / seconds * 1e-9);
        for (int kind = 0; kind < BENCH_KINDS; kind++)
            if (sum->of_kind[arithmetic][kind] > 0)
                printf(" %s %.1f %%", kinds[kind], 100 * sum->of_kind[arithmetic][kind] / seconds);
        printf("\n");
    }
    printf("\n");
}

/* Whether plain C finds the same; writes how long it takes and how far it is off. */
static bool check_against_c(bench_run *run, const settings *set, char *text)
{
    const float *found = run->found[run->arithmetic];
    if (on_gpu())
        use_arithmetic(run, DIFFEDIT_ARITHMETIC_EXACT, cpu);
    double plain = time_cpu(run, de_kernels_find("ref"), set->threads, 0);
    double off = difference(de_cpu_floats(run->y), found, de_tensor_count(run->y));
    bool rounded = run->convolution && run->arithmetic == DIFFEDIT_ARITHMETIC_QUICK;
    bool right = off <= (rounded ? rounded_difference_allowed : difference_allowed);
    snprintf(text, LINE, "C %8.2f ms, %4.1fx; off by %.0e%s", plain * 1e3,
             plain / run->seconds[run->arithmetic], off, right ? "" : " WRONG");
    return right;
}

/* Whether quick is close to exact; writes how close, and how much faster. */
static bool check_against_exact(const bench_run *run, const settings *set, char *text)
{
    double error = rms_error(run->found[0], run->found[1], de_tensor_count(run->y));
    bool right = error <= error_allowed;
    snprintf(text, LINE, "%.2fx exact, rms error %.1e%s", run->seconds[0] / run->seconds[1], error,
             right ? "" : " WRONG");
    if (set->errors) {
        char layer[LINE];
        describe(run->shape, layer);
        printf("| %s | %s | %.1e |\n", run->shape->network, layer, error);
    }
    return right;
}

/* Runs a case and prints its line; false if it is wrong. Plain C has no quick attention, nor what
 * quick is on a GPU. */
static bool run_arithmetic(bench_run *run, const settings *set)
{
    const bench_case *shape = run->shape;
    const de_kernels *kernels = de_kernels_get();
    bool quick = run->arithmetic == DIFFEDIT_ARITHMETIC_QUICK, right = true;
    bool has_plain = !quick || (shape->kind != ATTENTION && shape->kind != TEXT_ATTENTION);
    int64_t count = de_tensor_count(run->y);
    double flops = flops_of(run),
           seconds = on_gpu() ? time_gpu(run, set->seconds)
                              : time_cpu(run, kernels, set->threads, set->seconds);
    char text[LINE], rate[LINE] = "", plain[LINE] = "", exact[LINE] = "";
    run->seconds[run->arithmetic] = seconds;
    run->found[run->arithmetic] = allocate(count, sizeof(float));
    memcpy(run->found[run->arithmetic], de_cpu_floats(run->y), (size_t)count * sizeof(float));
    if (flops > 0)
        snprintf(rate, sizeof rate, "%7.1f GFLOP/s %4.0f %%", flops / seconds * 1e-9,
                 100 * flops / seconds / set->peaks[run->arithmetic]);
    if ((on_gpu() ? !quick : has_plain && strcmp(kernels->name, "ref") != 0) && !set->errors &&
        flops <= set->check_flops)
        right = check_against_c(run, set, plain);
    if (quick)
        right = check_against_exact(run, set, exact) && right;
    de_kernels_use(kernels);
    describe(shape, text);
    if (!set->errors)
        printf("%-8s %-40s %s %9.3f ms x %-2d %-23s %-35s %s\n", shape->network, text,
               diffedit_arithmetic_name(run->arithmetic), seconds * 1e3, shape->times, rate, plain,
               exact);
    fflush(stdout);
    return right;
}

static bool run_case(const bench_case *shape, const settings *set, totals *sum)
{
    bench_run run = prepare(shape);
    use_arithmetic(&run, DIFFEDIT_ARITHMETIC_EXACT, devices[DIFFEDIT_ARITHMETIC_EXACT]);
    bool right = run_arithmetic(&run, set);
    run.seconds[DIFFEDIT_ARITHMETIC_QUICK] = run.seconds[DIFFEDIT_ARITHMETIC_EXACT];
    if (has_quick(shape->kind)) {
        use_arithmetic(&run, DIFFEDIT_ARITHMETIC_QUICK, devices[DIFFEDIT_ARITHMETIC_QUICK]);
        right = run_arithmetic(&run, set) && right;
    }
    sum->flops += flops_of(&run) * shape->times;
    for (int i = 0; i < ARITHMETICS; i++) {
        sum->seconds[i] += run.seconds[i] * shape->times;
        sum->of_kind[i][shape->kind] += run.seconds[i] * shape->times;
    }
    release(&run);
    return right;
}

static int run_cases(const settings *set)
{
    totals sum = {0};
    int wrong = 0;
    if (set->errors)
        printf("| | layer | rms error |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof bench_cases / sizeof *bench_cases; i++) {
        const bench_case *shape = &bench_cases[i];
        char text[LINE];
        describe(shape, text);
        if ((set->pocket && strcmp(shape->network, "pocket") != 0) ||
            (set->only && !strstr(text, set->only) && !strstr(shape->network, set->only)) ||
            (set->errors && !has_quick(shape->kind)))
            continue;
        if (!sum.network || strcmp(sum.network, shape->network) != 0) {
            if (!set->errors)
                print_totals(&sum);
            sum = (totals){.network = shape->network};
        }
        wrong += !run_case(shape, set, &sum);
    }
    if (!set->errors)
        print_totals(&sum);
    return wrong;
}

static diffedit_device device_of(const char *name)
{
    size_t count;
    const diffedit_device_info *const *all = de_devices(&count);
    for (size_t i = 0; i < count; i++)
        if (all[i]->name && strcmp(all[i]->name, name) == 0)
            return all[i]->device;
    fprintf(stderr, "checkbench: this machine has no device \"%s\"\n", name);
    exit(1);
}

static void open_devices(settings *set)
{
    diffedit_device device = set->device ? device_of(set->device) : DIFFEDIT_DEVICE_CPU;
    diffedit_error error = {0};
    need(de_device_open(&cpu, DIFFEDIT_DEVICE_CPU, DIFFEDIT_ARITHMETIC_EXACT, NULL));
    for (int i = 0; i < ARITHMETICS; i++) {
        if (de_device_open(&devices[i], device, (diffedit_arithmetic)i, &error) != DIFFEDIT_OK) {
            fprintf(stderr, "checkbench: %s\n", error.message);
            exit(1);
        }
        if (on_gpu())
            need(de_device_measure_peak(&set->peaks[i], devices[i], set->threads, NULL));
        else
            set->peaks[i] = peak_of((diffedit_arithmetic)i, set->threads);
    }
}

static void print_head(const settings *set)
{
    double exact = set->peaks[0] * 1e-9, quick = set->peaks[1] * 1e-9;
    if (on_gpu())
        printf("%s, peak %.0f GFLOP/s exact (%s), %.0f quick (%s)\n", de_device_title(devices[0]),
               exact, de_device_family(devices[0]), quick, de_device_family(devices[1]));
    else
        printf("%s, %d thread%s, peak %.0f GFLOP/s exact, %.0f quick\n", de_kernels_get()->name,
               set->threads, set->threads == 1 ? "" : "s", exact, quick);
}

int main(int argc, char **argv)
{
    settings set = {.threads = de_core_count(), .seconds = 0.4, .check_flops = 2e9};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--pocket") == 0)
            set.pocket = true;
        else if (strcmp(argv[i], "--errors") == 0)
            set.errors = true;
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            set.threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            set.only = argv[++i];
        else if (strcmp(argv[i], "--device") == 0 && i + 1 < argc)
            set.device = argv[++i];
        else {
            fprintf(stderr, "usage: checkbench [--pocket] [--errors] [--threads N] "
                            "[--only TEXT] [--device gpu:N]\n");
            return 2;
        }
    }
    if (set.threads < 1)
        set.threads = 1;
    if (set.pocket)
        set.seconds = 0.05;
    if (set.errors)
        set.seconds = 0;
    open_devices(&set);
    if (!set.errors)
        print_head(&set);
    int wrong = run_cases(&set);
    if (wrong)
        printf("%d layers are wrong\n", wrong);
    for (int i = 0; i < ARITHMETICS; i++)
        de_device_close(devices[i]);
    de_device_close(cpu);
    return wrong > 0;
}
