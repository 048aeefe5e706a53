#include "models/text_encoder.h"

#include <stdlib.h>

typedef struct encoder_layer {
    de_affine norm1, norm2;
    de_linear *qkv, *out;
    de_linear *feed_in, *feed_out;
} encoder_layer;

struct de_text_encoder {
    de_text_config config;
    de_weight token_embedding; /* [vocab_size, width], borrowed from the file */
    float *position_embedding; /* [positions, width] */
    int layer_count;
    encoder_layer *layers;
    de_affine final_norm;
};

static void layer_load(encoder_layer *layer, de_loader *loader, const char *name,
                       const de_text_config *config)
{
    static const char *const qkv[] = {"q_proj", "k_proj", "v_proj"};
    int width = config->width;
    de_name attention = de_name_join(name, "self_attn");
    layer->norm1 = de_load_affine(loader, de_name_join(name, "layer_norm1").text, width);
    layer->qkv = de_load_fused_linear(loader, attention.text, qkv, 3, width, width, true);
    layer->out = de_load_linear(loader, de_name_join(attention.text, "out_proj").text, width, width,
                                true);
    layer->norm2 = de_load_affine(loader, de_name_join(name, "layer_norm2").text, width);
    layer->feed_in = de_load_linear(loader, de_name_join(name, "mlp.fc1").text, width,
                                    config->intermediate, true);
    layer->feed_out = de_load_linear(loader, de_name_join(name, "mlp.fc2").text,
                                     config->intermediate, width, true);
}

static void layer_free(encoder_layer *layer)
{
    de_affine_free(layer->norm1);
    de_affine_free(layer->norm2);
    de_linear_free(layer->qkv);
    de_linear_free(layer->out);
    de_linear_free(layer->feed_in);
    de_linear_free(layer->feed_out);
}

static void load_embeddings(de_text_encoder *encoder, de_loader *loader)
{
    const de_text_config *config = &encoder->config;
    int64_t token_shape[] = {config->vocab_size, config->width};
    int64_t position_shape[] = {config->positions, config->width};
    de_weight position;
    de_load_weight(loader, "text_model.embeddings.token_embedding.weight", 2, token_shape,
                   &encoder->token_embedding);
    if (!de_load_weight(loader, "text_model.embeddings.position_embedding.weight", 2,
                        position_shape, &position))
        return;
    size_t count = (size_t)config->positions * (size_t)config->width;
    encoder->position_embedding = de_load_allocate(loader, count, sizeof(float));
    if (!encoder->position_embedding)
        return;
    de_weight_to_f32(&position, 0, (int64_t)count, encoder->position_embedding);
    de_weight_look_at(&position, encoder->position_embedding, (int64_t)count);
}

static void network_load(de_text_encoder *encoder, de_loader *loader)
{
    const de_text_config *config = &encoder->config;
    load_embeddings(encoder, loader);
    encoder->layers = de_load_allocate(loader, (size_t)config->layers, sizeof *encoder->layers);
    encoder->layer_count = encoder->layers ? config->layers : 0;
    for (int i = 0; i < encoder->layer_count; i++)
        layer_load(&encoder->layers[i], loader,
                   de_name_format("text_model.encoder.layers.%d", i).text, config);
    encoder->final_norm = de_load_affine(loader, "text_model.final_layer_norm", config->width);
}

diffedit_status de_text_encoder_new(de_text_encoder **encoder, de_device *device,
                                    const de_text_config *config, const de_weights *weights,
                                    const de_survey *survey, diffedit_error *error)
{
    de_loader loader = {.device = device,
                        .weights = weights,
                        .survey = survey,
                        .arithmetic = DIFFEDIT_ARITHMETIC_EXACT,
                        .error = error};
    de_text_encoder *new = de_load_allocate(&loader, 1, sizeof *new);
    if (new) {
        new->config = *config;
        network_load(new, &loader);
    }
    if (loader.status != DIFFEDIT_OK) {
        de_text_encoder_free(new);
        return loader.status;
    }
    *encoder = new;
    return DIFFEDIT_OK;
}

void de_text_encoder_free(de_text_encoder *encoder)
{
    if (!encoder)
        return;
    for (int i = 0; i < encoder->layer_count; i++)
        layer_free(&encoder->layers[i]);
    free(encoder->layers);
    free(encoder->position_embedding);
    de_affine_free(encoder->final_norm);
    free(encoder);
}

void de_text_encoder_look_up(const de_text_encoder *encoder, const int32_t *tokens, int64_t n,
                             float *embedded)
{
    int64_t width = encoder->config.width;
    for (int64_t i = 0; i < n; i++) {
        float *row = embedded + i * width;
        de_weight_to_f32(&encoder->token_embedding, tokens[i] * width, width, row);
        de_weight_look_at(&encoder->token_embedding, row, width);
        for (int64_t j = 0; j < width; j++)
            row[j] += encoder->position_embedding[i * width + j];
    }
}

/* h is changed in place */
static void layer_run(de_context *context, const encoder_layer *layer, const de_text_config *config,
                      de_tensor h)
{
    size_t mark = de_arena_mark(&context->arena);
    int64_t c = h.c;
    de_tensor normed = de_tensor_new(context, 1, 1, h.w, c);
    de_tensor qkv = de_tensor_new(context, 1, 1, h.w, 3 * c);
    de_tensor wide = de_tensor_new(context, 1, 1, h.w, config->intermediate);
    de_layer_norm(context, h, config->norm_eps, layer->norm1.scale, layer->norm1.shift, normed);
    de_linear_run(context, layer->qkv, normed, (de_epilogue){0}, qkv);
    de_attention(context, config->heads, true, de_tensor_columns(context, qkv, 0, c),
                 de_tensor_columns(context, qkv, c, c), de_tensor_columns(context, qkv, 2 * c, c),
                 normed);
    de_linear_run(context, layer->out, normed, (de_epilogue){.residual = h}, h);
    de_layer_norm(context, h, config->norm_eps, layer->norm2.scale, layer->norm2.shift, normed);
    de_epilogue activation = {.activation = config->quick_gelu ? DE_QUICK_GELU : DE_GELU};
    de_linear_run(context, layer->feed_in, normed, activation, wide);
    de_linear_run(context, layer->feed_out, wide, (de_epilogue){.residual = h}, h);
    de_arena_release(&context->arena, mark);
}

void de_text_encoder_run(de_context *context, const de_text_encoder *encoder, de_tensor x,
                         de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    de_tensor h = de_tensor_new(context, x.n, x.h, x.w, x.c);
    de_repeat(context, x, h);
    for (int i = 0; i < encoder->layer_count; i++)
        layer_run(context, &encoder->layers[i], &encoder->config, h);
    de_layer_norm(context, h, encoder->config.norm_eps, encoder->final_norm.scale,
                  encoder->final_norm.shift, y);
    de_arena_release(&context->arena, mark);
}
