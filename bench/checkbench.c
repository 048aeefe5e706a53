/* Every kernel family, by instruction set, at the sizes the networks use: checked against plain C
 * and timed.
 *
 *     checkbench [--quick] [--threads N] [--only TEXT]
 *
 * Shares are of what this machine's FMA units reach in the same run, on the same threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkbench_shapes.h"
#include "kernels/kernels.h"
#include "ops/cpu/cpu.h"

enum { TEXT_KEYS = 77, MAX_RUNS = 50, LINE = 64 };
static const double difference_allowed = 2e-5; /* of the largest value */

typedef struct settings {
    bool quick;
    int threads;
    const char *only;
    double seconds;     /* for each timing */
    double check_flops; /* larger cases are not run in plain C */
} settings;

/* One case made ready: its layer, inputs and output. */
typedef struct bench_run {
    const bench_case *shape;
    de_linear *linear;
    de_convolution *convolution;
    de_convolution_shape window;
    de_tensor x, y;
    de_tensor keys, values;   /* [n, 1, tk, in] */
    de_vector *scale, *shift; /* [in] */
} bench_run;

static de_device *device;

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

static de_tensor random_tensor(int64_t n, int64_t h, int64_t w, int64_t c)
{
    int64_t count = n * h * w * c;
    float *values = allocate(count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(int32_t)random_bits() * 0x1p-31f;
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
    de_weight weight = random_weight(4, (int64_t[]){shape->out, shape->in, 3, 3});
    de_weight bias = random_weight(1, &shape->out);
    need(de_convolution_new(&run->convolution, device, &weight, &bias, stride,
                            DIFFEDIT_ARITHMETIC_EXACT, NULL));
    free((void *)weight.data);
    free((void *)bias.data);
}

static void prepare_linear(bench_run *run)
{
    const bench_case *shape = run->shape;
    de_weight weight = random_weight(2, (int64_t[]){shape->out, shape->in});
    de_weight bias = random_weight(1, &shape->out);
    need(de_linear_new(&run->linear, device, &weight, &bias, 1, DIFFEDIT_ARITHMETIC_EXACT, NULL));
    free((void *)weight.data);
    free((void *)bias.data);
    if (shape->kind == GEGLU)
        run->y.c /= 2;
}

static void prepare_attention(bench_run *run)
{
    const bench_case *shape = run->shape;
    int64_t keys = shape->kind == TEXT_ATTENTION ? TEXT_KEYS : shape->h * shape->w;
    run->keys = random_tensor(shape->n, 1, keys, shape->in);
    run->values = random_tensor(shape->n, 1, keys, shape->in);
    run->y.c = shape->in;
}

static de_vector *random_vector(int64_t count)
{
    de_vector *vector;
    de_weight weight = random_weight(1, &count);
    need(de_vector_new(&vector, device, &weight, NULL));
    free((void *)weight.data);
    return vector;
}

static bench_run prepare(const bench_case *shape)
{
    bench_run run = {.shape = shape,
                     .x = {.n = shape->n, .h = shape->h, .w = shape->w, .c = shape->in},
                     .y = {.n = shape->n, .h = shape->h, .w = shape->w, .c = shape->out}};
    switch (shape->kind) {
    case LINEAR:
    case GEGLU: prepare_linear(&run); break;
    case CONVOLUTION:
    case ENLARGING:
    case HALVING: prepare_convolution(&run); break;
    case ATTENTION:
    case TEXT_ATTENTION: prepare_attention(&run); break;
    case GROUP_NORM:
    case LAYER_NORM:
        run.y.c = shape->in;
        run.scale = random_vector(shape->in);
        run.shift = random_vector(shape->in);
        break;
    }
    run.x = random_tensor(run.x.n, run.x.h, run.x.w, run.x.c);
    run.y = random_tensor(run.y.n, run.y.h, run.y.w, run.y.c);
    return run;
}

static void release(bench_run *run)
{
    de_linear_free(run->linear);
    de_convolution_free(run->convolution);
    free(de_cpu_floats(run->x));
    free(de_cpu_floats(run->y));
    free(de_cpu_floats(run->keys));
    free(de_cpu_floats(run->values));
    de_vector_free(run->scale);
    de_vector_free(run->shift);
}

static void compute(de_context *context, void *user)
{
    const bench_run *run = user;
    const de_epilogue plain = {0};
    switch (run->shape->kind) {
    case LINEAR: de_linear_run(context, run->linear, run->x, plain, run->y); break;
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

static const char *const kinds[BENCH_KINDS] = {"linear",    "geglu",     "conv",
                                               "up+conv",   "conv/2",    "attention",
                                               "text att.", "groupnorm", "layernorm"};

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

/* Seconds of the fastest run with `kernels`: whatever else the machine does only ever adds to it.
 */
static double time_run(bench_run *run, const de_kernels *kernels, int threads, double seconds)
{
    de_context context = {.device = device, .threads = threads};
    de_program *program;
    de_kernels_use(kernels);
    need(de_program_new(&program, &context, compute, run, NULL));
    if (seconds > 0)
        need(de_program_run(program, NULL)); /* memory is mapped, caches are warm */
    double best = INFINITY, start = de_seconds();
    for (int i = 0; i == 0 || (i < MAX_RUNS && de_seconds() - start < seconds); i++) {
        double before = de_seconds();
        need(de_program_run(program, NULL));
        best = fmin(best, de_seconds() - before);
    }
    de_program_free(program);
    de_context_release(&context);
    return best;
}

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

/* ---- the table ---- */

typedef struct totals {
    const char *network;
    double seconds, flops;
    double of_kind[BENCH_KINDS]; /* seconds */
} totals;

static void print_totals(const totals *sum)
{
    if (!sum->network)
        return;
    printf("%-8s all of these layers: %.0f ms, %.0f GFLOP, %.0f GFLOP/s\n%-8s share of each:",
           sum->network, sum->seconds * 1e3, sum->flops * 1e-9, sum->flops / sum->seconds * 1e-9,
           sum->network);
    for (int kind = 0; kind < BENCH_KINDS; kind++)
        if (sum->of_kind[kind] > 0)
            printf(" %s %.1f %%", kinds[kind], 100 * sum->of_kind[kind] / sum->seconds);
    printf("\n\n");
}

/* Prints one line; false if the fast kernels do not agree with the plain ones. */
static bool run_case(const bench_case *shape, const de_kernels *fast, const settings *set,
                     double peak, totals *sum)
{
    bench_run run = prepare(shape);
    const de_kernels *ref = de_kernels_find("ref");
    double flops = flops_of(&run), seconds = time_run(&run, fast, set->threads, set->seconds);
    char text[LINE], rate[LINE] = "", check[LINE] = "";
    bool right = true;
    describe(shape, text);
    sum->seconds += seconds * shape->times;
    sum->of_kind[shape->kind] += seconds * shape->times;
    sum->flops += flops * shape->times;
    if (flops > 0)
        snprintf(rate, sizeof rate, "%7.1f GFLOP/s %4.0f %%", flops / seconds * 1e-9,
                 peak > 0 ? 100 * flops / seconds / peak : 0);
    if (fast != ref && flops <= set->check_flops) {
        int64_t count = de_tensor_count(run.y);
        float *got = allocate(count, sizeof *got);
        memcpy(got, de_cpu_floats(run.y), (size_t)count * sizeof *got);
        double plain = time_run(&run, ref, set->threads, 0);
        double off = difference(de_cpu_floats(run.y), got, count);
        right = off <= difference_allowed;
        snprintf(check, sizeof check, "C %8.2f ms, %4.1fx; off by %.0e%s", plain * 1e3,
                 plain / seconds, off, right ? "" : " WRONG");
        free(got);
    }
    printf("%-8s %-40s %9.3f ms x %-2d %-23s %s\n", shape->network, text, seconds * 1e3,
           shape->times, rate, check);
    fflush(stdout);
    release(&run);
    return right;
}

static int run_table(const char *name, const settings *set, double peak)
{
    const de_kernels *kernels = de_kernels_find(name);
    totals sum = {0};
    int wrong = 0;
    if (!kernels)
        return 0;
    printf("%s, %d thread%s, peak %.0f GFLOP/s\n", name, set->threads, set->threads == 1 ? "" : "s",
           peak * 1e-9);
    for (size_t i = 0; i < sizeof bench_cases / sizeof *bench_cases; i++) {
        const bench_case *shape = &bench_cases[i];
        char text[LINE];
        describe(shape, text);
        if ((set->quick && strcmp(shape->network, "pocket") != 0) ||
            (set->only && !strstr(text, set->only) && !strstr(shape->network, set->only)))
            continue;
        if (!sum.network || strcmp(sum.network, shape->network) != 0) {
            print_totals(&sum);
            sum = (totals){.network = shape->network};
        }
        wrong += !run_case(shape, kernels, set, peak, &sum);
    }
    print_totals(&sum);
    return wrong;
}

int main(int argc, char **argv)
{
    settings set = {.threads = de_core_count(), .seconds = 0.4, .check_flops = 2e9};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            set.quick = true;
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            set.threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            set.only = argv[++i];
        else {
            fprintf(stderr, "usage: checkbench [--quick] [--threads N] [--only TEXT]\n");
            return 2;
        }
    }
    if (set.threads < 1)
        set.threads = 1;
    if (set.quick)
        set.seconds = 0.05;
    const char *const tables[] = {"avx512", "avx2"};
    int wrong = 0;
    need(de_device_open(&device, DIFFEDIT_ARITHMETIC_EXACT, NULL));
    double peak = de_measure_peak(set.threads);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        wrong += run_table(tables[i], &set, peak);
    if (wrong)
        printf("%d kernels disagree with plain C\n", wrong);
    return wrong > 0;
}
