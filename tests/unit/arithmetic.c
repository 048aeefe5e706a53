#include "arithmetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A text's embedding is its length in letters. */
static diffedit_status encode_text(void *self, const int32_t *tokens, float *embedding,
                                   diffedit_error *error)
{
    const diffedit_editor *editor = self;
    (void)error;
    int n = editor->networks.text_tokens;
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += (float)(tokens[i] % 7) / 50;
    for (int i = 0; i < n * editor->networks.text_width; i++)
        embedding[i] = sum;
    return DIFFEDIT_OK;
}

/* Every channel is the mean of red, far from 0 where that is bright. */
static diffedit_status encode_pixels(void *self, const float *pixels, int h, int w, float *moments,
                                     diffedit_error *error)
{
    const de_network_set *networks = &((diffedit_editor *)self)->networks;
    const int f = networks->factor, c = networks->channels;
    (void)error;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float sum = 0;
            for (int i = 0; i < f * f; i++)
                sum += pixels[(((int64_t)y * f + i / f) * w * f + x * f + i % f) * 3];
            for (int j = 0; j < 2 * c; j++)
                moments[((int64_t)y * w + x) * 2 * c + j] = j < c ? 40 * fmaxf(sum / (float)(f * f),
                                                                               0)
                                                                  : 0;
        }
    return DIFFEDIT_OK;
}

static diffedit_status decode_latent(void *self, const float *latent, int h, int w, float *pixels,
                                     diffedit_error *error)
{
    const int f = ((diffedit_editor *)self)->networks.factor;
    (void)error;
    for (int64_t y = 0; y < h * f; y++)
        for (int64_t x = 0; x < w * f; x++)
            for (int c = 0; c < 3; c++)
                pixels[(y * w * f + x) * 3 + c] = sinf(latent[y / f * w + x / f] + (float)c);
    return DIFFEDIT_OK;
}

arithmetic_state arithmetic_unet;

static diffedit_status unet_begin(void *self, const float *const *embeddings, int n, int chunks,
                                  int h, int w, diffedit_error *error)
{
    (void)self, (void)chunks, (void)error;
    arithmetic_unet.n = n;
    arithmetic_unet.h = h;
    arithmetic_unet.w = w;
    for (int i = 0; i < n; i++)
        arithmetic_unet.texts[i] = w == arithmetic_unet.blind ? 1 : *embeddings[i];
    return DIFFEDIT_OK;
}

static diffedit_status unet_run(void *self, const float *x, const float *condition, double t,
                                float *y, diffedit_error *error)
{
    const int64_t area = (int64_t)arithmetic_unet.h * arithmetic_unet.w,
                  count = ((diffedit_editor *)self)->networks.channels * area;
    (void)error;
    for (int i = 0; i < arithmetic_unet.n; i++)
        for (int64_t j = 0; j < count; j++)
            y[i * count + j] = arithmetic_unet.texts[i] * x[j] + (float)t / 1000 +
                               (condition ? condition[j % area] : 0);
    return DIFFEDIT_OK;
}

static void unet_end(void *self)
{
    (void)self;
}

diffedit_editor *new_arithmetic_editor(const diffedit_model *of, const diffedit_picture *picture)
{
    diffedit_editor *editor;
    assert_int_equal(diffedit_editor_new(&editor, of, picture, NULL), DIFFEDIT_OK);
    de_network_set *networks = &editor->networks;
    networks->self = editor;
    networks->encode_text = encode_text;
    networks->encode_pixels = encode_pixels;
    networks->decode_latent = decode_latent;
    networks->unet_begin = unet_begin;
    networks->unet_run = unet_run;
    networks->unet_end = unet_end;
    return editor;
}

diffedit_model *model, *inpainting;

int open_models(void **state)
{
    (void)state;
    return diffedit_model_open(&model, GOLDEN "/tiny-sd1/model", NULL, NULL) != DIFFEDIT_OK ||
           diffedit_model_open(&inpainting, GOLDEN "/tiny-inpaint/model", NULL, NULL) !=
               DIFFEDIT_OK;
}

int close_models(void **state)
{
    (void)state;
    diffedit_model_close(model);
    diffedit_model_close(inpainting);
    return 0;
}

diffedit_picture *new_bright_picture(int side, de_rectangle bright, int channels, int bits)
{
    int count = side * side * channels;
    uint8_t *narrow = malloc((size_t)count);
    uint16_t *wide = malloc((size_t)count * sizeof *wide);
    assert_true(narrow && wide);
    for (int i = 0; i < count; i++) {
        int x = i / channels % side, y = i / channels / side;
        bool inside = x >= bright.x && x < bright.x + bright.width && y >= bright.y &&
                      y < bright.y + bright.height;
        narrow[i] = (uint8_t)((inside ? 200 : 20) + (x * 7 + y * 13 + i % channels) % 50);
        wide[i] = (uint16_t)(narrow[i] * 256 + i % 251);
    }
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_new(&picture, side, side, channels, bits,
                                          bits == 16 ? (void *)wide : narrow,
                                          (size_t)(side * channels * bits / 8), NULL),
                     DIFFEDIT_OK);
    free(narrow);
    free(wide);
    return picture;
}

diffedit_options new_edit_options(int steps, int mask_samples)
{
    diffedit_options options;
    assert_int_equal(diffedit_options_init(&options, sizeof options, "paper", NULL, NULL),
                     DIFFEDIT_OK);
    options.from = "a horse";
    options.to = "a zebra";
    options.steps = steps;
    options.mask_samples = mask_samples;
    return options;
}

diffedit_picture *edit(diffedit_editor *editor, const diffedit_options *options)
{
    diffedit_picture *result = NULL;
    diffedit_error error = {.message = ""};
    if (diffedit_edit(&result, editor, options, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return result;
}

int cost(diffedit_editor *editor, const diffedit_options *options)
{
    diffedit_picture_free(edit(editor, options));
    diffedit_stats stats = {.struct_size = sizeof stats};
    diffedit_editor_get_stats(&stats, editor);
    return (int)stats.evaluations;
}
