#include "models/unet.h"
#include "nn/resblock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One residual block and, at levels with attention, the transformer behind it. */
typedef struct unet_layer {
    de_resblock resblock;
    bool attends;
    de_transformer transformer;
} unet_layer;

/* A down or up block: layers at one resolution, then the step to the next. */
typedef struct unet_block {
    int layer_count;
    unet_layer *layers;
    de_convolution *resample; /* NULL at the end */
} unet_block;

struct de_unet {
    de_unet_config config;
    de_convolution *conv_in, *conv_out;
    de_linear *time1, *time2;
    unet_block down[DE_MAX_LEVELS], up[DE_MAX_LEVELS]; /* up[0] is the coarsest */
    de_resblock middle1, middle2;
    de_transformer middle;
    de_affine norm_out;
    int text_blocks; /* transformer blocks in all */
};

static const de_convolution_shape SAME = {
    .stride = 1, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
static const de_convolution_shape HALVE = {
    .stride = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};

static int time_width(const de_unet_config *config)
{
    return 4 * config->channels[0];
}

/* ---- loading ---- */

static void transformer_load(de_unet *unet, de_transformer *transformer, de_loader *loader,
                             const char *name, int level)
{
    const de_unet_config *config = &unet->config;
    de_transformer_load(transformer, loader, name,
                        (de_transformer_config){.channels = config->channels[level],
                                                .heads = config->heads[level],
                                                .layers = config->transformer_layers[level],
                                                .groups = config->norm_groups,
                                                .text_width = config->cross_attention_dim});
    unet->text_blocks += transformer->layers;
}

static void resblock_load(const de_unet_config *config, de_resblock *block, de_loader *loader,
                          const char *name, int in, int out)
{
    de_resblock_load(block, loader, name, in, out, config->norm_groups, config->norm_eps,
                     time_width(config));
}

static void block_allocate(unet_block *block, de_loader *loader, int layers)
{
    block->layers = de_load_allocate(loader, (size_t)layers, sizeof *block->layers);
    block->layer_count = block->layers ? layers : 0;
}

/* The channels of every tensor that a down block leaves for an up block. */
typedef struct skip_stack {
    int channels[DE_MAX_LEVELS * 16];
    int count;
} skip_stack;

static void down_load(de_unet *unet, de_loader *loader, int level, int in, skip_stack *skips)
{
    const de_unet_config *config = &unet->config;
    unet_block *block = &unet->down[level];
    int out = config->channels[level];
    de_name name = de_name_format("down_blocks.%d", level);
    block_allocate(block, loader, config->down_layers[level]);
    for (int i = 0; i < block->layer_count; i++) {
        unet_layer *layer = &block->layers[i];
        resblock_load(config, &layer->resblock, loader,
                      de_name_format("%s.resnets.%d", name.text, i).text, i ? out : in, out);
        layer->attends = config->down_attention[level];
        if (layer->attends)
            transformer_load(unet, &layer->transformer, loader,
                             de_name_format("%s.attentions.%d", name.text, i).text, level);
        skips->channels[skips->count++] = out;
    }
    if (level + 1 < config->levels) {
        block->resample = de_load_convolution(
            loader, de_name_join(name.text, "downsamplers.0.conv").text, out, out, DE_HALVING);
        skips->channels[skips->count++] = out;
    }
}

static void up_load(de_unet *unet, de_loader *loader, int index, int in, skip_stack *skips)
{
    const de_unet_config *config = &unet->config;
    int level = config->levels - 1 - index;
    unet_block *block = &unet->up[index];
    int out = config->channels[level];
    de_name name = de_name_format("up_blocks.%d", index);
    block_allocate(block, loader, config->down_layers[level] + 1);
    for (int i = 0; i < block->layer_count; i++) {
        unet_layer *layer = &block->layers[i];
        int skip = skips->channels[--skips->count];
        resblock_load(config, &layer->resblock, loader,
                      de_name_format("%s.resnets.%d", name.text, i).text, (i ? out : in) + skip,
                      out);
        layer->attends = config->up_attention[level];
        if (layer->attends)
            transformer_load(unet, &layer->transformer, loader,
                             de_name_format("%s.attentions.%d", name.text, i).text, level);
    }
    if (level > 0)
        block->resample = de_load_convolution(
            loader, de_name_join(name.text, "upsamplers.0.conv").text, out, out, DE_DOUBLING);
}

static void network_load(de_unet *unet, de_loader *loader)
{
    const de_unet_config *config = &unet->config;
    int first = config->channels[0], last = config->channels[config->levels - 1];
    skip_stack skips = {.channels = {first}, .count = 1};
    unet->conv_in = de_load_convolution(loader, "conv_in", config->in_channels, first,
                                        DE_SAME_SIZE);
    unet->time1 = de_load_exact_linear(loader, "time_embedding.linear_1", first, time_width(config),
                                       true);
    unet->time2 = de_load_exact_linear(loader, "time_embedding.linear_2", time_width(config),
                                       time_width(config), true);
    int channels = first;
    for (int level = 0; level < config->levels; level++) {
        down_load(unet, loader, level, channels, &skips);
        channels = config->channels[level];
    }
    resblock_load(config, &unet->middle1, loader, "mid_block.resnets.0", last, last);
    transformer_load(unet, &unet->middle, loader, "mid_block.attentions.0", config->levels - 1);
    resblock_load(config, &unet->middle2, loader, "mid_block.resnets.1", last, last);
    for (int index = 0; index < config->levels && loader->status == DIFFEDIT_OK; index++) {
        up_load(unet, loader, index, channels, &skips);
        channels = config->channels[config->levels - 1 - index];
    }
    unet->norm_out = de_load_affine(loader, "conv_norm_out", first);
    unet->conv_out = de_load_convolution(loader, "conv_out", first, config->out_channels,
                                         DE_SAME_SIZE);
}

diffedit_status de_unet_new(de_unet **unet, de_device *device, const de_unet_config *config,
                            const de_weights *weights, const de_survey *survey,
                            diffedit_error *error)
{
    de_loader loader = {.device = device, .weights = weights, .survey = survey, .error = error};
    if (device)
        loader.arithmetic = de_device_arithmetic(device);
    de_unet *new = de_load_allocate(&loader, 1, sizeof *new);
    if (new) {
        new->config = *config;
        network_load(new, &loader);
    }
    if (loader.status != DIFFEDIT_OK) {
        de_unet_free(new);
        return loader.status;
    }
    *unet = new;
    return DIFFEDIT_OK;
}

static void block_free(unet_block *block)
{
    for (int i = 0; i < block->layer_count; i++) {
        de_resblock_free(&block->layers[i].resblock);
        de_transformer_free(&block->layers[i].transformer);
    }
    free(block->layers);
    de_convolution_free(block->resample);
}

void de_unet_free(de_unet *unet)
{
    if (!unet)
        return;
    for (int i = 0; i < DE_MAX_LEVELS; i++) {
        block_free(&unet->down[i]);
        block_free(&unet->up[i]);
    }
    de_resblock_free(&unet->middle1);
    de_transformer_free(&unet->middle);
    de_resblock_free(&unet->middle2);
    de_convolution_free(unet->conv_in);
    de_convolution_free(unet->conv_out);
    de_linear_free(unet->time1);
    de_linear_free(unet->time2);
    de_affine_free(unet->norm_out);
    free(unet);
}

/* ---- what the texts give ---- */

/* The network's i-th transformer, in the order in which a forward pass meets them; NULL after the
 * last. */
static const de_transformer *transformer_at(const de_unet *unet, int i)
{
    const unet_block *sides[] = {unet->down, unet->up};
    for (int side = 0; side < 2; side++) {
        if (side == 1 && i-- == 0)
            return &unet->middle;
        for (int b = 0; b < unet->config.levels; b++)
            for (int l = 0; l < sides[side][b].layer_count; l++)
                if (sides[side][b].layers[l].attends && i-- == 0)
                    return &sides[side][b].layers[l].transformer;
    }
    return NULL;
}

/* Every projection of the texts to keys and values. */
typedef struct projection {
    const de_unet *unet;
    de_tensor texts; /* [n, 1, tokens, width] */
    const de_text_kv *kv;
} projection;

static void project(de_context *context, void *user)
{
    const projection *job = user;
    int block = 0;
    const de_transformer *transformer;
    for (int i = 0; (transformer = transformer_at(job->unet, i)); i++)
        for (int l = 0; l < transformer->layers; l++, block++)
            de_linear_run(context, transformer->blocks[l].text_kv, job->texts, (de_epilogue){0},
                          job->kv->blocks[block]);
}

static diffedit_status allocate_kv(de_text_kv *kv, de_context *context, const de_unet *unet,
                                   int64_t tokens, diffedit_error *error)
{
    size_t blocks = (size_t)unet->text_blocks + 1;
    kv->blocks = calloc(blocks, sizeof *kv->blocks);
    if (!kv->blocks)
        return de_fail_memory(error, blocks * sizeof *kv->blocks, "keys and values of texts");
    int block = 0;
    diffedit_status status = DIFFEDIT_OK;
    const de_transformer *transformer;
    for (int i = 0; (transformer = transformer_at(unet, i)); i++)
        for (int l = 0; l < transformer->layers && status == DIFFEDIT_OK; l++, block++) {
            de_tensor shape = {.n = kv->n, .h = 1, .w = tokens, .c = 2 * transformer->channels};
            status = de_tensor_keep(&kv->blocks[block], context->device, shape, error);
        }
    return status;
}

diffedit_status de_unet_text_kv_new(de_text_kv *kv, de_context *context, const de_unet *unet,
                                    const float *embeddings, int64_t n, int64_t tokens,
                                    diffedit_error *error)
{
    *kv = (de_text_kv){.n = n};
    projection job = {.unet = unet, .kv = kv};
    de_tensor texts = {.n = n, .h = 1, .w = tokens, .c = unet->config.cross_attention_dim};
    diffedit_status status = allocate_kv(kv, context, unet, tokens, error);
    if (status == DIFFEDIT_OK)
        status = de_tensor_share(&job.texts, context->device, texts, error);
    if (status == DIFFEDIT_OK) {
        de_write(context, embeddings, job.texts);
        status = de_program_run_once(context, project, &job, error);
    }
    de_tensor_drop(&job.texts, context->device);
    if (status != DIFFEDIT_OK)
        de_unet_text_kv_free(kv, context, unet);
    return status;
}

void de_unet_text_kv_free(de_text_kv *kv, de_context *context, const de_unet *unet)
{
    for (int i = 0; kv->blocks && i < unet->text_blocks; i++)
        de_tensor_drop(&kv->blocks[i], context->device);
    free(kv->blocks);
    *kv = (de_text_kv){0};
}

/* ---- the forward pass ---- */

/* A pass in progress: where it stands among the skips and the transformer blocks. Its tensors have
 * one image until the first attention to the texts makes them differ. */
typedef struct unet_pass {
    de_context *context;
    const de_text_kv *kv;
    de_tensor time; /* [n, 1, 1, 4 c0], after SiLU */
    de_tensor skips[DE_MAX_LEVELS * 16];
    int skip_count;
    int text_block; /* the next one */
} unet_pass;

int64_t de_unet_waves_width(const de_unet *unet)
{
    return unet->config.channels[0];
}

void de_unet_waves(const de_unet *unet, float timestep, int64_t n, float *waves)
{
    int64_t width = de_unet_waves_width(unet), half = width / 2;
    memset(waves, 0, (size_t)(n * width) * sizeof *waves);
    for (int64_t i = 0; i < n; i++, waves += width)
        for (int64_t j = 0; j < half; j++) {
            float frequency = expf(-logf(10000.0f) * (float)j / (float)half);
            waves[j] = cosf(timestep * frequency);
            waves[half + j] = sinf(timestep * frequency);
        }
}

/* The two-layer network behind the waves, and the SiLU that every residual block applies first. */
static de_tensor embed_time(de_context *context, const de_unet *unet, de_tensor waves)
{
    de_tensor time = de_tensor_new(context, waves.n, 1, 1, time_width(&unet->config));
    size_t mark = de_arena_mark(&context->arena);
    de_tensor hidden = de_tensor_new(context, waves.n, 1, 1, time.c);
    de_linear_run(context, unet->time1, waves, (de_epilogue){.activation = DE_SILU}, hidden);
    de_linear_run(context, unet->time2, hidden, (de_epilogue){.activation = DE_SILU}, time);
    de_arena_release(&context->arena, mark);
    return time;
}

static void run_transformer(unet_pass *pass, const de_transformer *transformer, de_tensor x,
                            de_tensor y)
{
    de_transformer_run(pass->context, transformer, x, pass->kv->blocks + pass->text_block, y);
    pass->text_block += transformer->layers;
}

/* A layer whose output is a new tensor of the arena, kept as a skip */
static de_tensor run_down_layer(unet_pass *pass, const unet_layer *layer, de_tensor x)
{
    int64_t n = layer->attends ? pass->kv->n : x.n;
    de_tensor y = de_tensor_new(pass->context, n, x.h, x.w, layer->resblock.out);
    if (layer->attends) {
        size_t mark = de_arena_mark(&pass->context->arena);
        de_tensor hidden = de_tensor_new(pass->context, x.n, x.h, x.w, y.c);
        de_resblock_run(pass->context, &layer->resblock, x, false, pass->time, hidden);
        run_transformer(pass, &layer->transformer, hidden, y);
        de_arena_release(&pass->context->arena, mark);
    } else {
        de_resblock_run(pass->context, &layer->resblock, x, false, pass->time, y);
    }
    return pass->skips[pass->skip_count++] = y;
}

static de_tensor run_down(unet_pass *pass, const unet_block *block, de_tensor x)
{
    for (int i = 0; i < block->layer_count; i++)
        x = run_down_layer(pass, &block->layers[i], x);
    if (block->resample) {
        de_tensor y = de_tensor_new(pass->context, x.n, (x.h + 1) / 2, (x.w + 1) / 2, x.c);
        de_convolution_run(pass->context, block->resample, x, HALVE, (de_epilogue){0}, y);
        x = pass->skips[pass->skip_count++] = y;
    }
    return x;
}

static de_tensor run_up(unet_pass *pass, const unet_block *block, de_tensor x, de_pair *pair)
{
    for (int i = 0; i < block->layer_count; i++) {
        const unet_layer *layer = &block->layers[i];
        size_t mark = de_arena_mark(&pass->context->arena);
        de_tensor skip = pass->skips[--pass->skip_count];
        de_tensor both = de_tensor_new(pass->context, x.n, x.h, x.w, x.c + skip.c);
        de_concatenate(pass->context, x, skip, both);
        x = de_pair_take(pair, x.n, x.h, x.w, layer->resblock.out);
        de_resblock_run(pass->context, &layer->resblock, both, true, pass->time, x);
        de_arena_release(&pass->context->arena, mark);
        if (layer->attends) {
            de_tensor y = de_pair_take(pair, x.n, x.h, x.w, x.c);
            run_transformer(pass, &layer->transformer, x, y);
            x = y;
        }
    }
    if (block->resample) { /* to the size of the next skip, which need not be twice this one */
        de_tensor skip = pass->skips[pass->skip_count - 1];
        de_convolution_shape shape = SAME;
        shape.up_h = skip.h;
        shape.up_w = skip.w;
        de_tensor y = de_pair_take(pair, x.n, skip.h, skip.w, x.c);
        de_convolution_run(pass->context, block->resample, x, shape, (de_epilogue){0}, y);
        x = y;
    }
    return x;
}

/* What a whole pass computes. */
typedef struct unet_job {
    const de_unet *unet;
    de_tensor x, waves, y;
    const de_text_kv *kv;
} unet_job;

static void run_whole(de_context *context, void *user, de_pair *pair)
{
    const unet_job *job = user;
    const de_unet *unet = job->unet;
    unet_pass pass = {.context = context, .kv = job->kv};
    de_tensor x = job->x;
    pass.time = embed_time(context, unet, job->waves);

    de_tensor h = de_tensor_new(context, x.n, x.h, x.w, unet->config.channels[0]);
    de_convolution_run(context, unet->conv_in, x, SAME, (de_epilogue){0}, h);
    pass.skips[pass.skip_count++] = h;
    for (int level = 0; level < unet->config.levels; level++)
        h = run_down(&pass, &unet->down[level], h);

    de_tensor middle = de_pair_take(pair, h.n, h.h, h.w, h.c);
    de_resblock_run(context, &unet->middle1, h, false, pass.time, middle);
    h = de_pair_take(pair, job->kv->n, h.h, h.w, h.c);
    run_transformer(&pass, &unet->middle, middle, h);
    middle = de_pair_take(pair, h.n, h.h, h.w, h.c);
    de_resblock_run(context, &unet->middle2, h, true, pass.time, middle);
    h = middle;

    for (int index = 0; index < unet->config.levels; index++)
        h = run_up(&pass, &unet->up[index], h, pair);
    de_tensor normed = de_tensor_new(context, h.n, h.h, h.w, h.c);
    de_group_norm(context, h, unet->config.norm_groups, unet->config.norm_eps, unet->norm_out.scale,
                  unet->norm_out.shift, DE_SILU, normed);
    de_convolution_run(context, unet->conv_out, normed, SAME, (de_epilogue){0}, job->y);
}

void de_unet_run(de_context *context, const de_unet *unet, de_tensor x, de_tensor waves,
                 const de_text_kv *kv, de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    unet_job job = {unet, x, waves, y, kv};
    de_pair pair = de_pair_new(context, run_whole, &job);
    run_whole(context, &job, &pair);
    de_arena_release(&context->arena, mark);
}
