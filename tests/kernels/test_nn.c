/* The blocks that networks are made of against plain loops in double precision: what diffusers'
 * ResnetBlock2D and Transformer2DModel are defined to be, read from the same random weights by the
 * same published names. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "nn/resblock.h"
#include "nn/transformer.h"
#include "weights/random_weights.h"

/* ---- arrays of doubles, freed together ---- */

enum { MOST_ARRAYS = 1024 };
static double *arrays[MOST_ARRAYS];
static int array_count;

/* [n, h, w, c] */
typedef struct image {
    int64_t n, h, w, c;
    double *data;
} image;

static double *new_array(int64_t count)
{
    assert_true(array_count < MOST_ARRAYS);
    return arrays[array_count++] = new_doubles(count);
}

static image new_image(int64_t n, int64_t h, int64_t w, int64_t c)
{
    return (image){n, h, w, c, new_array(n * h * w * c)};
}

static image image_of(de_tensor tensor)
{
    image made = new_image(tensor.n, tensor.h, tensor.w, tensor.c);
    for (int64_t i = 0; i < de_tensor_count(tensor); i++)
        made.data[i] = floats_of(tensor)[i];
    return made;
}

static void free_arrays(void)
{
    while (array_count > 0)
        free(arrays[--array_count]);
}

/* ---- weights ---- */

static de_weights *weights; /* every name is there, and random */

static const double *values_of(const char *parent, const char *name, int rank, const int64_t *shape)
{
    de_weight weight;
    assert_int_equal(
        de_weights_get(weights, de_name_join(parent, name).text, rank, shape, &weight, NULL),
        DIFFEDIT_OK);
    int64_t count = de_weight_count(&weight);
    float *floats = random_floats(count);
    de_weight_to_f32(&weight, 0, count, floats);
    double *values = new_array(count);
    for (int64_t i = 0; i < count; i++)
        values[i] = floats[i];
    free(floats);
    return values;
}

static const double *vector_of(const char *parent, const char *name, int64_t count)
{
    return values_of(parent, name, 1, &count);
}

/* ---- layers ---- */

static image activate(image x, de_activation activation)
{
    image y = new_image(x.n, x.h, x.w, x.c);
    for (int64_t i = 0; i < x.n * x.h * x.w * x.c; i++)
        y.data[i] = activated(x.data[i], activation);
    return y;
}

static image add(image a, image b)
{
    image y = new_image(a.n, a.h, a.w, a.c);
    for (int64_t i = 0; i < a.n * a.h * a.w * a.c; i++)
        y.data[i] = a.data[i] + b.data[i];
    return y;
}

/* The one image of x, n times */
static image repeat(image x, int64_t n)
{
    int64_t count = x.h * x.w * x.c;
    image y = new_image(n, x.h, x.w, x.c);
    for (int64_t i = 0; i < n * count; i++)
        y.data[i] = x.data[x.n == n ? i : i % count];
    return y;
}

static image linear(image x, const char *name, int64_t out, bool with_bias)
{
    const double *weight = values_of(name, "weight", 2, (int64_t[]){out, x.c});
    const double *bias = with_bias ? vector_of(name, "bias", out) : NULL;
    image y = new_image(x.n, x.h, x.w, out);
    for (int64_t row = 0; row < x.n * x.h * x.w; row++)
        for (int64_t o = 0; o < out; o++) {
            double sum = bias ? bias[o] : 0;
            for (int64_t i = 0; i < x.c; i++)
                sum += weight[o * x.c + i] * x.data[row * x.c + i];
            y.data[row * out + o] = sum;
        }
    return y;
}

/* 3 x 3, with a border of zeros */
static image convolution(image x, const char *name, int64_t out)
{
    const double *weight = values_of(name, "weight", 4, (int64_t[]){out, x.c, 3, 3});
    const double *bias = vector_of(name, "bias", out);
    image y = new_image(x.n, x.h, x.w, out);
    for (int64_t at = 0; at < x.n * x.h * x.w * out; at++) {
        int64_t o = at % out, column = at / out % x.w, line = at / out / x.w % x.h;
        int64_t n = at / out / x.w / x.h;
        double sum = bias[o];
        for (int64_t tap = 0; tap < 9; tap++) {
            int64_t i = line + tap / 3 - 1, j = column + tap % 3 - 1;
            for (int64_t c = 0; c < x.c && i >= 0 && i < x.h && j >= 0 && j < x.w; c++)
                sum += weight[(o * x.c + c) * 9 + tap] *
                       x.data[((n * x.h + i) * x.w + j) * x.c + c];
        }
        y.data[at] = sum;
    }
    return y;
}

/* Over `lines` rows of `width` channels from `first` on */
static void normalise(image x, int64_t first, int64_t lines, int64_t width, double eps, double *y)
{
    double mean = 0, variance = 0, count = (double)(lines * width);
    for (int64_t i = 0; i < lines * width; i++)
        mean += x.data[first + i / width * x.c + i % width] / count;
    for (int64_t i = 0; i < lines * width; i++)
        variance += pow(x.data[first + i / width * x.c + i % width] - mean, 2) / count;
    for (int64_t i = 0; i < lines * width; i++) {
        int64_t at = first + i / width * x.c + i % width;
        y[at] = (x.data[at] - mean) / sqrt(variance + eps);
    }
}

static image scale_shift(image x, const char *name)
{
    const double *scale = vector_of(name, "weight", x.c), *shift = vector_of(name, "bias", x.c);
    for (int64_t i = 0; i < x.n * x.h * x.w * x.c; i++)
        x.data[i] = x.data[i] * scale[i % x.c] + shift[i % x.c];
    return x;
}

static image group_norm(image x, const char *name, int groups, double eps)
{
    image y = new_image(x.n, x.h, x.w, x.c);
    int64_t width = x.c / groups;
    for (int64_t n = 0; n < x.n; n++)
        for (int group = 0; group < groups; group++)
            normalise(x, n * x.h * x.w * x.c + group * width, x.h * x.w, width, eps, y.data);
    return scale_shift(y, name);
}

static image layer_norm(image x, const char *name)
{
    image y = new_image(x.n, x.h, x.w, x.c);
    for (int64_t row = 0; row < x.n * x.h * x.w; row++)
        normalise(x, row * x.c, 1, x.c, 1e-5, y.data);
    return scale_shift(y, name);
}

/* One query of one head: q [d], its image's k and v at the head's first channel -> y [d] */
static void attend(const double *q, const double *k, const double *v, int64_t keys, int64_t d,
                   int64_t stride, double *y)
{
    double *shares = new_doubles(keys), total = 0;
    for (int64_t key = 0; key < keys; key++) {
        for (int64_t i = 0; i < d; i++)
            shares[key] += q[i] * k[key * stride + i] / sqrt((double)d);
        total += shares[key] = exp(shares[key]);
    }
    for (int64_t key = 0; key < keys; key++)
        for (int64_t i = 0; i < d; i++)
            y[i] += shares[key] / total * v[key * stride + i];
    free(shares);
}

/* to_q of x, to_k and to_v of `seen`, softmax, to_out */
static image attention(image x, image seen, const char *name, int heads)
{
    image q = linear(x, de_name_join(name, "to_q").text, x.c, false);
    image k = linear(seen, de_name_join(name, "to_k").text, x.c, false);
    image v = linear(seen, de_name_join(name, "to_v").text, x.c, false);
    image y = new_image(x.n, x.h, x.w, x.c);
    int64_t queries = x.h * x.w, keys = seen.h * seen.w, d = x.c / heads;
    for (int64_t row = 0; row < x.n * queries; row++)
        for (int64_t first = 0; first < x.c; first += d) {
            int64_t at = row * x.c + first, image_at = row / queries * keys * x.c + first;
            attend(q.data + at, k.data + image_at, v.data + image_at, keys, d, x.c, y.data + at);
        }
    return linear(y, de_name_join(name, "to_out.0").text, x.c, true);
}

static image feed_forward(image x, const char *name)
{
    image wide = linear(x, de_name_join(name, "net.0.proj").text, 8 * x.c, true);
    image y = new_image(x.n, x.h, x.w, 4 * x.c);
    for (int64_t i = 0; i < x.n * x.h * x.w * y.c; i++) {
        const double *row = wide.data + i / y.c * wide.c;
        y.data[i] = row[i % y.c] * activated(row[y.c + i % y.c], DE_GELU);
    }
    return linear(y, de_name_join(name, "net.2").text, x.c, true);
}

/* ---- the residual block ---- */

typedef struct resblock_case {
    de_resblock block;
    de_tensor before, x, time, y; /* before: what x is, which may be overwritten */
    bool x_is_ours;
} resblock_case;

static void run_resblock(de_context *context, void *user)
{
    resblock_case *test = user;
    if (!context->arena.measuring)
        memcpy(floats_of(test->x), floats_of(test->before),
               (size_t)de_tensor_count(test->x) * sizeof(float));
    de_resblock_run(context, &test->block, test->x, test->x_is_ours, test->time, test->y);
}

/* y = x + conv2(silu(norm2(conv1(silu(norm1(x))) + time))); x through a 1 x 1 convolution where the
 * channels differ */
static image resblock_expected(const resblock_case *test, double eps)
{
    int groups = test->block.groups, out = test->block.out;
    image x = image_of(test->before);
    image h = activate(group_norm(x, "block.norm1", groups, eps), DE_SILU);
    h = convolution(h, "block.conv1", out);
    if (test->time.data.at) {
        image time = linear(image_of(test->time), "block.time_emb_proj", out, true);
        for (int64_t i = 0; i < h.n * h.h * h.w * h.c; i++)
            h.data[i] += time.data[i / (h.h * h.w * h.c) * h.c + i % h.c];
    }
    h = activate(group_norm(h, "block.norm2", groups, eps), DE_SILU);
    h = convolution(h, "block.conv2", out);
    return add(test->block.in == out ? x : linear(x, "block.conv_shortcut", out, true), h);
}

static void check_resblock(de_tensor shape, int out, int groups, int time_width, bool x_is_ours)
{
    static const float eps = 1e-5f;
    de_loader loader = {.device = test_device(DIFFEDIT_ARITHMETIC_EXACT), .weights = weights};
    resblock_case test = {.before = random_tensor(shape.n, shape.h, shape.w, shape.c),
                          .x = random_tensor(shape.n, shape.h, shape.w, shape.c),
                          .y = random_tensor(shape.n, shape.h, shape.w, out),
                          .x_is_ours = x_is_ours};
    if (time_width) /* a row for each text, and one image until texts make them differ */
        test.time = random_tensor(shape.n + 1, 1, 1, time_width);
    de_resblock_load(&test.block, &loader, "block", (int)shape.c, out, groups, eps, time_width);
    assert_int_equal(loader.status, DIFFEDIT_OK);
    check_op(&(op_case){.name = "residual block",
                        .run = run_resblock,
                        .user = &test,
                        .y = floats_of(test.y),
                        .count = de_tensor_count(test.y),
                        .expected = resblock_expected(&test, eps).data,
                        .tolerance = 4e-6});
    if (!x_is_ours)
        assert_memory_equal(floats_of(test.x), floats_of(test.before),
                            (size_t)de_tensor_count(test.x) * sizeof(float));
    de_resblock_free(&test.block);
    free(floats_of(test.before));
    free(floats_of(test.x));
    free(floats_of(test.time));
    free(floats_of(test.y));
    free_arrays();
}

static void test_resblock(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        int groups = (int)random_between(1, 4), in = groups * (int)random_between(2, 9);
        int out = i % 3 ? in : groups * (int)random_between(2, 9);
        de_tensor x = random_shape(2, 1, 9, in);
        check_resblock(x, out, groups, i % 2 ? (int)random_between(3, 20) : 0, i % 4 < 2);
    }
}

/* ---- the transformer ---- */

typedef struct transformer_case {
    de_transformer transformer;
    de_tensor x, text, y; /* text [n, 1, tokens, width] */
} transformer_case;

enum { MOST_LAYERS = 3 };

static void run_transformer(de_context *context, void *user)
{
    transformer_case *test = user;
    size_t mark = de_arena_mark(&context->arena);
    de_tensor kv[MOST_LAYERS];
    for (int i = 0; i < test->transformer.layers; i++) {
        kv[i] = de_tensor_new(context, test->text.n, 1, test->text.w, 2 * test->x.c);
        de_linear_run(context, test->transformer.blocks[i].text_kv, test->text, (de_epilogue){0},
                      kv[i]);
    }
    de_transformer_run(context, &test->transformer, test->x, kv, test->y);
    de_arena_release(&context->arena, mark);
}

static image transformer_expected(const transformer_case *test)
{
    int heads = test->transformer.heads;
    image x = repeat(image_of(test->x), test->y.n), text = image_of(test->text);
    image h = group_norm(x, "net.norm", test->transformer.groups, 1e-6);
    h = linear(h, "net.proj_in", x.c, true);
    for (int i = 0; i < test->transformer.layers; i++) {
        de_name name = de_name_format("net.transformer_blocks.%d", i);
        image normed = layer_norm(h, de_name_join(name.text, "norm1").text);
        h = add(h, attention(normed, normed, de_name_join(name.text, "attn1").text, heads));
        normed = layer_norm(h, de_name_join(name.text, "norm2").text);
        h = add(h, attention(normed, text, de_name_join(name.text, "attn2").text, heads));
        normed = layer_norm(h, de_name_join(name.text, "norm3").text);
        h = add(h, feed_forward(normed, de_name_join(name.text, "ff").text));
    }
    return add(x, linear(h, "net.proj_out", x.c, true));
}

static void check_transformer(de_tensor shape, int64_t texts, int64_t tokens,
                              de_transformer_config config)
{
    de_loader loader = {.device = test_device(DIFFEDIT_ARITHMETIC_EXACT), .weights = weights};
    transformer_case test = {.x = random_tensor(shape.n, shape.h, shape.w, shape.c),
                             .text = random_tensor(texts, 1, tokens, config.text_width),
                             .y = random_tensor(texts, shape.h, shape.w, shape.c)};
    de_transformer_load(&test.transformer, &loader, "net", config);
    assert_int_equal(loader.status, DIFFEDIT_OK);
    check_op(&(op_case){.name = "transformer",
                        .run = run_transformer,
                        .user = &test,
                        .y = floats_of(test.y),
                        .count = de_tensor_count(test.y),
                        .expected = transformer_expected(&test).data,
                        .tolerance = 4e-6});
    de_transformer_free(&test.transformer);
    free(floats_of(test.x));
    free(floats_of(test.text));
    free(floats_of(test.y));
    free_arrays();
}

static void test_transformer(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        int heads = (int)random_between(1, 4), groups = 1 + i % 3;
        int64_t texts = random_between(1, 3), images = i % 2 ? texts : 1;
        /* norms of few values that happen to be close magnify what was rounded before them */
        int least = (8 + heads * groups - 1) / (heads * groups);
        de_transformer_config config = {.channels = heads * groups *
                                                    (least + (int)random_between(0, 3)),
                                        .heads = heads,
                                        .layers = (int)random_between(1, MOST_LAYERS),
                                        .groups = groups,
                                        .text_width = (int)random_between(1, 20)};
        de_tensor x = random_shape(1, 1, 6, config.channels);
        x.n = images;
        check_transformer(x, texts, random_between(1, 9), config);
    }
}

static int at_start(void **state)
{
    (void)state;
    return de_random_weights_new(&weights, "random", NULL) != DIFFEDIT_OK;
}

static int at_end(void **state)
{
    (void)state;
    de_weights_close(weights);
    print_errors();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resblock),
        cmocka_unit_test(test_transformer),
    };
    return cmocka_run_group_tests(tests, at_start, at_end);
}
