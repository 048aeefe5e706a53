#include "nn/transformer.h"

#include <stdlib.h>

static const float GROUP_NORM_EPS = 1e-6f; /* the transformer's own, whatever norm_eps says */
static const float LAYER_NORM_EPS = 1e-5f;

enum { NO_BIAS = false, WITH_BIAS = true };

static void block_load(de_transformer_block *block, de_loader *loader, const char *name,
                       de_transformer_config config)
{
    static const char *const qkv[] = {"to_q", "to_k", "to_v"};
    int c = config.channels;
    de_name self = de_name_join(name, "attn1"), text = de_name_join(name, "attn2");
    block->norm1 = de_load_affine(loader, de_name_join(name, "norm1").text, c);
    block->self_qkv = de_load_fused_linear(loader, self.text, qkv, 3, c, c, false);
    block->self_out = de_load_linear(loader, de_name_join(self.text, "to_out.0").text, c, c,
                                     WITH_BIAS);
    block->norm2 = de_load_affine(loader, de_name_join(name, "norm2").text, c);
    block->text_q = de_load_linear(loader, de_name_join(text.text, "to_q").text, c, c, NO_BIAS);
    block->text_kv = de_load_exact_fused_linear(loader, text.text, qkv + 1, 2, config.text_width, c,
                                                false);
    block->text_out = de_load_linear(loader, de_name_join(text.text, "to_out.0").text, c, c,
                                     WITH_BIAS);
    block->norm3 = de_load_affine(loader, de_name_join(name, "norm3").text, c);
    block->feed_in = de_load_linear(loader, de_name_join(name, "ff.net.0.proj").text, c, 8 * c,
                                    WITH_BIAS);
    block->feed_out = de_load_linear(loader, de_name_join(name, "ff.net.2").text, 4 * c, c,
                                     WITH_BIAS);
}

static void block_free(de_transformer_block *block)
{
    de_affine_free(block->norm1);
    de_affine_free(block->norm2);
    de_affine_free(block->norm3);
    de_linear_free(block->self_qkv);
    de_linear_free(block->self_out);
    de_linear_free(block->text_q);
    de_linear_free(block->text_kv);
    de_linear_free(block->text_out);
    de_linear_free(block->feed_in);
    de_linear_free(block->feed_out);
}

void de_transformer_load(de_transformer *transformer, de_loader *loader, const char *name,
                         de_transformer_config config)
{
    int c = config.channels;
    *transformer = (de_transformer){.channels = c, .heads = config.heads, .groups = config.groups};
    transformer->norm = de_load_affine(loader, de_name_join(name, "norm").text, c);
    transformer->proj_in = de_load_linear(loader, de_name_join(name, "proj_in").text, c, c,
                                          WITH_BIAS);
    transformer->blocks = de_load_allocate(loader, (size_t)config.layers,
                                           sizeof *transformer->blocks);
    if (transformer->blocks)
        transformer->layers = config.layers;
    for (int i = 0; i < transformer->layers; i++)
        block_load(&transformer->blocks[i], loader,
                   de_name_format("%s.transformer_blocks.%d", name, i).text, config);
    transformer->proj_out = de_load_linear(loader, de_name_join(name, "proj_out").text, c, c,
                                           WITH_BIAS);
}

void de_transformer_free(de_transformer *transformer)
{
    de_affine_free(transformer->norm);
    de_linear_free(transformer->proj_in);
    de_linear_free(transformer->proj_out);
    for (int i = 0; i < transformer->layers; i++)
        block_free(&transformer->blocks[i]);
    free(transformer->blocks);
}

/* h += attention(norm1(h)), in place */
static void self_attention(de_context *context, const de_transformer_block *block, int heads,
                           de_tensor h)
{
    size_t mark = de_arena_mark(&context->arena);
    int64_t c = h.c;
    de_tensor normed = de_tensor_new(context, h.n, h.h, h.w, c);
    de_tensor qkv = de_tensor_new(context, h.n, h.h, h.w, 3 * c);
    de_layer_norm(context, h, LAYER_NORM_EPS, block->norm1.scale, block->norm1.shift, normed);
    de_linear_run(context, block->self_qkv, normed, (de_epilogue){0}, qkv);
    de_attention(context, heads, false, de_tensor_columns(context, qkv, 0, c),
                 de_tensor_columns(context, qkv, c, c), de_tensor_columns(context, qkv, 2 * c, c),
                 normed);
    de_linear_run(context, block->self_out, normed, (de_epilogue){.residual = h}, h);
    de_arena_release(&context->arena, mark);
}

/* h += attention(norm2(h), text), in place; kv [n, 1, text tokens, 2 c] */
static void text_attention(de_context *context, const de_transformer_block *block, int heads,
                           de_tensor h, de_tensor kv)
{
    size_t mark = de_arena_mark(&context->arena);
    int64_t c = h.c;
    de_tensor normed = de_tensor_new(context, h.n, h.h, h.w, c);
    de_tensor q = de_tensor_new(context, h.n, h.h, h.w, c);
    de_layer_norm(context, h, LAYER_NORM_EPS, block->norm2.scale, block->norm2.shift, normed);
    de_linear_run(context, block->text_q, normed, (de_epilogue){0}, q);
    de_attention(context, heads, false, q, de_tensor_columns(context, kv, 0, c),
                 de_tensor_columns(context, kv, c, c), normed);
    de_linear_run(context, block->text_out, normed, (de_epilogue){.residual = h}, h);
    de_arena_release(&context->arena, mark);
}

/* h += GEGLU feed-forward(norm3(h)), in place */
static void feed_forward(de_context *context, const de_transformer_block *block, de_tensor h)
{
    size_t mark = de_arena_mark(&context->arena);
    de_tensor normed = de_tensor_new(context, h.n, h.h, h.w, h.c);
    de_tensor wide = de_tensor_new(context, h.n, h.h, h.w, 4 * h.c);
    de_layer_norm(context, h, LAYER_NORM_EPS, block->norm3.scale, block->norm3.shift, normed);
    de_linear_geglu_run(context, block->feed_in, normed, wide);
    de_linear_run(context, block->feed_out, wide, (de_epilogue){.residual = h}, h);
    de_arena_release(&context->arena, mark);
}

void de_transformer_run(de_context *context, const de_transformer *transformer, de_tensor x,
                        const de_tensor *kv, de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    de_tensor all = de_tensor_new(context, y.n, x.h, x.w, x.c), residual = x;
    de_tensor hidden = all, normed = y; /* of one image until there are texts */
    hidden.n = normed.n = x.n;
    de_group_norm(context, x, transformer->groups, GROUP_NORM_EPS, transformer->norm.scale,
                  transformer->norm.shift, DE_NONE, normed);
    de_linear_run(context, transformer->proj_in, normed, (de_epilogue){0}, hidden);
    for (int i = 0; i < transformer->layers; i++) {
        const de_transformer_block *block = &transformer->blocks[i];
        self_attention(context, block, transformer->heads, hidden);
        if (hidden.n < all.n) {
            de_repeat(context, hidden, all);
            hidden = all;
        }
        text_attention(context, block, transformer->heads, hidden, kv[i]);
        feed_forward(context, block, hidden);
    }
    if (x.n < y.n) {
        residual = de_tensor_new(context, y.n, x.h, x.w, x.c);
        de_repeat(context, x, residual);
    }
    de_linear_run(context, transformer->proj_out, hidden, (de_epilogue){.residual = residual}, y);
    de_arena_release(&context->arena, mark);
}
