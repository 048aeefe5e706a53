#include "models/vae.h"
#include "nn/resblock.h"

#include <stdlib.h>

static const float NORM_EPS = 1e-6f;

/* One-head self-attention over all pixels of the coarsest level, with biases. */
typedef struct vae_attention {
    de_affine norm;
    de_linear *qkv, *out;
} vae_attention;

/* Both halves are the same kind of thing: residual blocks and resampling at each level, and a
 * middle. */
typedef struct vae_block {
    int layer_count;
    de_resblock *layers;
    de_convolution *resample; /* NULL at the end */
} vae_block;

typedef struct vae_half {
    de_convolution *conv_in, *conv_out;
    vae_block blocks[DE_MAX_LEVELS]; /* in the order in which data meets them */
    de_resblock middle1, middle2;
    vae_attention attention; /* qkv NULL: none */
    de_affine norm_out;
    de_linear
        *quant; /* quant_conv after the encoder, post_quant_conv before the decoder; or NULL */
} vae_half;

struct de_vae {
    de_vae_config config;
    vae_half encoder, decoder;
};

static const de_convolution_shape SAME = {
    .stride = 1, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
static const de_convolution_shape HALVE = {.stride = 2, .pad_bottom = 1, .pad_right = 1};

int de_vae_factor(const de_vae_config *config)
{
    return 1 << (config->levels - 1);
}

/* ---- loading ---- */

static void resblock_load(const de_vae_config *config, de_resblock *block, de_loader *loader,
                          const char *name, int in, int out)
{
    de_resblock_load(block, loader, name, in, out, config->norm_groups, NORM_EPS, 0);
}

static void middle_load(const de_vae_config *config, vae_half *half, de_loader *loader,
                        const char *name)
{
    static const char *const qkv[] = {"to_q", "to_k", "to_v"};
    int c = config->channels[config->levels - 1];
    resblock_load(config, &half->middle1, loader, de_name_join(name, "resnets.0").text, c, c);
    if (config->mid_attention) {
        de_name attention = de_name_join(name, "attentions.0");
        half->attention.norm = de_load_affine(loader,
                                              de_name_join(attention.text, "group_norm").text, c);
        half->attention.qkv = de_load_fused_linear(loader, attention.text, qkv, 3, c, c, true);
        half->attention.out = de_load_linear(loader, de_name_join(attention.text, "to_out.0").text,
                                             c, c, true);
    }
    resblock_load(config, &half->middle2, loader, de_name_join(name, "resnets.1").text, c, c);
}

static void layers_load(const de_vae_config *config, vae_block *block, de_loader *loader,
                        const char *name, int layers, int in, int out)
{
    block->layers = de_load_allocate(loader, (size_t)layers, sizeof *block->layers);
    block->layer_count = block->layers ? layers : 0;
    for (int i = 0; i < block->layer_count; i++)
        resblock_load(config, &block->layers[i], loader,
                      de_name_format("%s.resnets.%d", name, i).text, i ? out : in, out);
}

static de_linear *load_quant(de_loader *loader, bool present, const char *name, int channels)
{
    return present ? de_load_linear(loader, name, channels, channels, true) : NULL;
}

static void encoder_load(de_vae *vae, de_loader *loader)
{
    const de_vae_config *config = &vae->config;
    vae_half *half = &vae->encoder;
    int last = config->channels[config->levels - 1], moments = 2 * config->latent_channels;
    int in = config->channels[0];
    half->conv_in = de_load_convolution(loader, "encoder.conv_in", config->in_channels, in,
                                        DE_SAME_SIZE);
    for (int level = 0; level < config->levels; level++) {
        vae_block *block = &half->blocks[level];
        de_name name = de_name_format("encoder.down_blocks.%d", level);
        int out = config->channels[level];
        layers_load(config, block, loader, name.text, config->layers_per_block, in, out);
        if (level + 1 < config->levels)
            block->resample = de_load_convolution(
                loader, de_name_join(name.text, "downsamplers.0.conv").text, out, out, DE_HALVING);
        in = out;
    }
    middle_load(config, half, loader, "encoder.mid_block");
    half->norm_out = de_load_affine(loader, "encoder.conv_norm_out", last);
    half->conv_out = de_load_convolution(loader, "encoder.conv_out", last, moments, DE_SAME_SIZE);
    half->quant = load_quant(loader, config->quant_conv, "quant_conv", moments);
}

static void decoder_load(de_vae *vae, de_loader *loader)
{
    const de_vae_config *config = &vae->config;
    vae_half *half = &vae->decoder;
    int in = config->channels[config->levels - 1];
    half->quant = load_quant(loader, config->post_quant_conv, "post_quant_conv",
                             config->latent_channels);
    half->conv_in = de_load_convolution(loader, "decoder.conv_in", config->latent_channels, in,
                                        DE_SAME_SIZE);
    middle_load(config, half, loader, "decoder.mid_block");
    for (int index = 0; index < config->levels; index++) {
        vae_block *block = &half->blocks[index];
        de_name name = de_name_format("decoder.up_blocks.%d", index);
        int out = config->channels[config->levels - 1 - index];
        layers_load(config, block, loader, name.text, config->layers_per_block + 1, in, out);
        if (index + 1 < config->levels)
            block->resample = de_load_convolution(
                loader, de_name_join(name.text, "upsamplers.0.conv").text, out, out, DE_DOUBLING);
        in = out;
    }
    half->norm_out = de_load_affine(loader, "decoder.conv_norm_out", in);
    half->conv_out = de_load_convolution(loader, "decoder.conv_out", in, config->out_channels,
                                         DE_SAME_SIZE);
}

diffedit_status de_vae_new(de_vae **vae, de_device *device, const de_vae_config *config,
                           const de_weights *weights, const de_survey *survey,
                           diffedit_error *error)
{
    de_loader loader = {.device = device, .weights = weights, .survey = survey, .error = error};
    if (device)
        loader.arithmetic = de_device_arithmetic(device);
    de_vae *new = de_load_allocate(&loader, 1, sizeof *new);
    if (new) {
        new->config = *config;
        encoder_load(new, &loader);
        decoder_load(new, &loader);
    }
    if (loader.status != DIFFEDIT_OK) {
        de_vae_free(new);
        return loader.status;
    }
    *vae = new;
    return DIFFEDIT_OK;
}

static void half_free(vae_half *half)
{
    for (int i = 0; i < DE_MAX_LEVELS; i++) {
        for (int j = 0; j < half->blocks[i].layer_count; j++)
            de_resblock_free(&half->blocks[i].layers[j]);
        free(half->blocks[i].layers);
        de_convolution_free(half->blocks[i].resample);
    }
    de_convolution_free(half->conv_in);
    de_convolution_free(half->conv_out);
    de_resblock_free(&half->middle1);
    de_resblock_free(&half->middle2);
    de_affine_free(half->attention.norm);
    de_linear_free(half->attention.qkv);
    de_linear_free(half->attention.out);
    de_affine_free(half->norm_out);
    de_linear_free(half->quant);
}

void de_vae_free(de_vae *vae)
{
    if (!vae)
        return;
    half_free(&vae->encoder);
    half_free(&vae->decoder);
    free(vae);
}

/* ---- forward passes ---- */

static const de_tensor NO_TIME = {0};

/* h += attention(norm(h)), in place */
static void attend(de_context *context, const de_vae_config *config, const vae_attention *attention,
                   de_tensor h)
{
    if (!attention->qkv)
        return;
    size_t mark = de_arena_mark(&context->arena);
    int64_t c = h.c;
    de_tensor normed = de_tensor_new(context, h.n, h.h, h.w, c);
    de_tensor qkv = de_tensor_new(context, h.n, h.h, h.w, 3 * c);
    de_group_norm(context, h, config->norm_groups, NORM_EPS, attention->norm.scale,
                  attention->norm.shift, DE_NONE, normed);
    de_linear_run(context, attention->qkv, normed, (de_epilogue){0}, qkv);
    de_attention(context, 1, false, de_tensor_columns(context, qkv, 0, c),
                 de_tensor_columns(context, qkv, c, c), de_tensor_columns(context, qkv, 2 * c, c),
                 normed);
    de_linear_run(context, attention->out, normed, (de_epilogue){.residual = h}, h);
    de_arena_release(&context->arena, mark);
}

static de_tensor run_middle(de_context *context, const de_vae *vae, const vae_half *half,
                            de_tensor x, de_pair *pair)
{
    de_tensor h = de_pair_take(pair, x.n, x.h, x.w, x.c);
    de_resblock_run(context, &half->middle1, x, true, NO_TIME, h);
    attend(context, &vae->config, &half->attention, h);
    de_tensor y = de_pair_take(pair, x.n, x.h, x.w, x.c);
    de_resblock_run(context, &half->middle2, h, true, NO_TIME, y);
    return y;
}

static de_tensor run_layers(de_context *context, const vae_block *block, de_tensor x, de_pair *pair)
{
    for (int i = 0; i < block->layer_count; i++) {
        de_tensor y = de_pair_take(pair, x.n, x.h, x.w, block->layers[i].out);
        de_resblock_run(context, &block->layers[i], x, true, NO_TIME, y);
        x = y;
    }
    return x;
}

/* y = conv_out(silu(norm_out(h))) */
static void run_end(de_context *context, const de_vae *vae, const vae_half *half, de_tensor h,
                    de_tensor y)
{
    de_group_norm(context, h, vae->config.norm_groups, NORM_EPS, half->norm_out.scale,
                  half->norm_out.shift, DE_SILU, h);
    de_convolution_run(context, half->conv_out, h, SAME, (de_epilogue){0}, y);
}

/* What a half computes. */
typedef struct vae_pass {
    const de_vae *vae;
    de_tensor x, y;
} vae_pass;

static void encode(de_context *context, void *user, de_pair *pair)
{
    const vae_pass *pass = user;
    const de_vae *vae = pass->vae;
    const vae_half *half = &vae->encoder;
    de_tensor x = pass->x, y = pass->y;
    de_tensor h = de_pair_take(pair, x.n, x.h, x.w, vae->config.channels[0]);
    de_convolution_run(context, half->conv_in, x, SAME, (de_epilogue){0}, h);
    for (int level = 0; level < vae->config.levels; level++) {
        h = run_layers(context, &half->blocks[level], h, pair);
        if (half->blocks[level].resample) {
            de_tensor halved = de_pair_take(pair, h.n, h.h / 2, h.w / 2, h.c);
            de_convolution_run(context, half->blocks[level].resample, h, HALVE, (de_epilogue){0},
                               halved);
            h = halved;
        }
    }
    h = run_middle(context, vae, half, h, pair);
    if (half->quant) {
        de_tensor moments = de_tensor_new(context, y.n, y.h, y.w, y.c);
        run_end(context, vae, half, h, moments);
        de_linear_run(context, half->quant, moments, (de_epilogue){0}, y);
    } else {
        run_end(context, vae, half, h, y);
    }
}

static void decode(de_context *context, void *user, de_pair *pair)
{
    const vae_pass *pass = user;
    const de_vae *vae = pass->vae;
    const vae_half *half = &vae->decoder;
    de_tensor x = pass->x, y = pass->y;
    if (half->quant) {
        de_tensor latent = de_tensor_new(context, x.n, x.h, x.w, x.c);
        de_linear_run(context, half->quant, x, (de_epilogue){0}, latent);
        x = latent;
    }
    de_tensor h = de_pair_take(pair, x.n, x.h, x.w, vae->config.channels[vae->config.levels - 1]);
    de_convolution_run(context, half->conv_in, x, SAME, (de_epilogue){0}, h);
    h = run_middle(context, vae, half, h, pair);
    for (int index = 0; index < vae->config.levels; index++) {
        h = run_layers(context, &half->blocks[index], h, pair);
        if (half->blocks[index].resample) {
            de_convolution_shape shape = SAME;
            shape.up_h = 2 * h.h;
            shape.up_w = 2 * h.w;
            de_tensor doubled = de_pair_take(pair, h.n, 2 * h.h, 2 * h.w, h.c);
            de_convolution_run(context, half->blocks[index].resample, h, shape, (de_epilogue){0},
                               doubled);
            h = doubled;
        }
    }
    run_end(context, vae, half, h, y);
}

static void run_pass(de_context *context, de_pair_fn half, vae_pass pass)
{
    size_t mark = de_arena_mark(&context->arena);
    de_pair pair = de_pair_new(context, half, &pass);
    half(context, &pass, &pair);
    de_arena_release(&context->arena, mark);
}

void de_vae_encode(de_context *context, const de_vae *vae, de_tensor x, de_tensor y)
{
    run_pass(context, encode, (vae_pass){vae, x, y});
}

void de_vae_decode(de_context *context, const de_vae *vae, de_tensor x, de_tensor y)
{
    run_pass(context, decode, (vae_pass){vae, x, y});
}
