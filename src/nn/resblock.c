#include "nn/resblock.h"

static const de_convolution_shape SAME = {
    .stride = 1, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};

void de_resblock_load(de_resblock *block, de_loader *loader, const char *name, int in, int out,
                      int groups, float eps, int time_width)
{
    *block = (de_resblock){.in = in, .out = out, .groups = groups, .eps = eps};
    block->norm1 = de_load_affine(loader, de_name_join(name, "norm1").text, in);
    block->conv1 = de_load_convolution(loader, de_name_join(name, "conv1").text, in, out,
                                       DE_SAME_SIZE);
    if (time_width)
        block->time_projection = de_load_exact_linear(
            loader, de_name_join(name, "time_emb_proj").text, time_width, out, true);
    block->norm2 = de_load_affine(loader, de_name_join(name, "norm2").text, out);
    block->conv2 = de_load_convolution(loader, de_name_join(name, "conv2").text, out, out,
                                       DE_SAME_SIZE);
    if (in != out)
        block->shortcut = de_load_linear(loader, de_name_join(name, "conv_shortcut").text, in, out,
                                         true);
}

void de_resblock_free(de_resblock *block)
{
    de_affine_free(block->norm1);
    de_affine_free(block->norm2);
    de_convolution_free(block->conv1);
    de_convolution_free(block->conv2);
    de_linear_free(block->time_projection);
    de_linear_free(block->shortcut);
}

/* Room for the first norm's result: y while nothing stands there yet, else x if it may be
 * overwritten. */
static de_tensor normed_place(de_context *context, const de_resblock *block, de_tensor x,
                              bool x_is_ours, de_tensor y)
{
    if (!block->shortcut)
        return y;
    return x_is_ours ? x : de_tensor_new(context, x.n, x.h, x.w, x.c);
}

void de_resblock_run(de_context *context, const de_resblock *block, de_tensor x, bool x_is_ours,
                     de_tensor time, de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    de_epilogue add_time = {0};
    if (block->time_projection) {
        de_tensor shift = de_tensor_new(context, time.n, 1, 1, block->out);
        de_linear_run(context, block->time_projection, time, (de_epilogue){0}, shift);
        add_time.image_bias = shift;
    }
    de_tensor residual = x;
    if (block->shortcut) {
        de_linear_run(context, block->shortcut, x, (de_epilogue){0}, y);
        residual = y;
    }
    de_tensor hidden = de_tensor_new(context, x.n, x.h, x.w, block->out);
    size_t normed_mark = de_arena_mark(&context->arena);
    de_tensor normed = normed_place(context, block, x, x_is_ours, y);
    de_group_norm(context, x, block->groups, block->eps, block->norm1.scale, block->norm1.shift,
                  DE_SILU, normed);
    de_convolution_run(context, block->conv1, normed, SAME, add_time, hidden);
    de_arena_release(&context->arena, normed_mark);
    de_group_norm(context, hidden, block->groups, block->eps, block->norm2.scale,
                  block->norm2.shift, DE_SILU, hidden);
    de_convolution_run(context, block->conv2, hidden, SAME, (de_epilogue){.residual = residual}, y);
    de_arena_release(&context->arena, mark);
}

de_pair de_pair_new(de_context *context, de_pair_fn pass, void *user)
{
    de_context measuring = *context;
    measuring.arena = (de_arena){.measuring = true};
    de_array somewhere = de_array_new(&measuring, 1);
    de_pair pair = {.data = {somewhere, somewhere}};
    pass(&measuring, user, &pair);
    for (int i = 0; i < 2; i++)
        pair.data[i] = de_array_new(context, pair.counts[i]);
    pair.next = 0;
    return pair;
}

de_tensor de_pair_take(de_pair *pair, int64_t n, int64_t h, int64_t w, int64_t c)
{
    de_tensor tensor = de_tensor_at(pair->data[pair->next], n, h, w, c);
    int64_t *count = &pair->counts[pair->next];
    *count = de_max_i64(*count, de_tensor_count(tensor));
    pair->next = !pair->next;
    return tensor;
}
