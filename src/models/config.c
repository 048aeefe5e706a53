/* The JSON files of a model folder. Each file's keys stand in tables: those that are honoured are
 * read by name, those in a table of neutral values must have one of them, and an unknown key must
 * be null or false. */
#include "models/config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_CHANNELS = 1 << 14,
    MAX_LAYERS = 12,
    MAX_TRANSFORMERS = 16,
    MAX_TIMESTEPS = 100000,
    TEXT = 256
};

/* An open document: the first failure is kept, and every later read gives its fallback. */
typedef struct reader {
    char path[DE_DOCUMENT_PATH];
    json_t *json;
    diffedit_status status;
    diffedit_error *error;
} reader;

static void open_json(reader *file, const de_documents *from, const char *name,
                      diffedit_error *error)
{
    file->json = NULL;
    file->error = error;
    de_document_path(file->path, from, name);
    file->status = de_document_read_json(&file->json, from, name, error);
}

static diffedit_status close_json(reader *file)
{
    json_decref(file->json);
    file->json = NULL;
    return file->status;
}

/* A value as a message shows it. */
static const char *shown(const json_t *value, char text[TEXT])
{
    char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    snprintf(text, TEXT, "%s", value ? dump ? dump : "?" : "missing");
    free(dump);
    return text;
}

static void refuse(reader *file, const char *key, const json_t *found, const char *expected)
{
    char text[TEXT];
    if (file->status == DIFFEDIT_OK)
        file->status = de_fail(file->error, DIFFEDIT_ERROR_MODEL,
                               "%s: key `%s` is %.200s; expected %s", file->path, key,
                               shown(found, text), expected);
}

static const json_t *get(const reader *file, const char *key)
{
    const json_t *value = json_object_get(file->json, key);
    return json_is_null(value) ? NULL : value;
}

static int in_range(reader *file, const char *key, const json_t *value, int minimum, int maximum)
{
    char expected[96];
    if (json_is_integer(value) && json_integer_value(value) >= minimum &&
        json_integer_value(value) <= maximum)
        return (int)json_integer_value(value);
    snprintf(expected, sizeof expected, "a whole number from %d to %d", minimum, maximum);
    refuse(file, key, value, expected);
    return minimum;
}

static int get_int(reader *file, const char *key, int fallback, int minimum, int maximum)
{
    const json_t *value = get(file, key);
    return value ? in_range(file, key, value, minimum, maximum) : fallback;
}

static double get_real(reader *file, const char *key, double fallback, double minimum,
                       double maximum)
{
    const json_t *value = get(file, key);
    if (!value)
        return fallback;
    double number = json_number_value(value);
    if (json_is_number(value) && number >= minimum && number <= maximum)
        return number;
    char expected[96];
    snprintf(expected, sizeof expected, "a number from %g to %g", minimum, maximum);
    refuse(file, key, value, expected);
    return fallback;
}

static bool get_bool(reader *file, const char *key, bool fallback)
{
    const json_t *value = get(file, key);
    if (value && !json_is_boolean(value))
        refuse(file, key, value, "true or false");
    return value ? json_is_true(value) : fallback;
}

/* A list of `count` numbers, or one number for all. */
static void get_ints(reader *file, const char *key, int fallback, int count, int maximum,
                     int *values)
{
    const json_t *value = get(file, key);
    char expected[96];
    if (json_is_array(value) && json_array_size(value) != (size_t)count) {
        snprintf(expected, sizeof expected, "a list of %d numbers", count);
        refuse(file, key, value, expected);
        value = NULL;
    }
    for (int i = 0; i < count; i++)
        values[i] = json_is_array(value)
                        ? in_range(file, key, json_array_get(value, (size_t)i), 1, maximum)
                    : value ? in_range(file, key, value, 1, maximum)
                            : fallback;
}

/* ---- keys that are not read ---- */

/* A key that is accepted at the values listed only, as JSON; "*" stands for any value, where it has
 * no effect here. */
typedef struct neutral_key {
    const char *key;
    const char *values[3];
} neutral_key;

static bool is_neutral(const neutral_key *neutral, const json_t *value)
{
    char text[TEXT];
    shown(value, text);
    for (int i = 0; i < 3 && neutral->values[i]; i++)
        if (strcmp(neutral->values[i], "*") == 0 || strcmp(neutral->values[i], text) == 0)
            return true;
    return false;
}

static bool is_listed(const char *const *keys, const char *key)
{
    for (; *keys; keys++)
        if (strcmp(*keys, key) == 0)
            return true;
    return false;
}

/* Refuses every key that is neither read (in `honoured`, NULL-terminated) nor neutral. To the
 * reference null is no missing key but a value, which those that are read do not have. */
static void check_keys(reader *file, const char *const *honoured, const neutral_key *neutrals)
{
    const char *key;
    json_t *value;
    json_object_foreach (file->json, key, value) {
        if (key[0] == '_')
            continue;
        if (is_listed(honoured, key)) {
            if (json_is_null(value))
                refuse(file, key, value, "a value");
            continue;
        }
        const neutral_key *neutral = neutrals;
        while (neutral->key && strcmp(neutral->key, key) != 0)
            neutral++;
        char expected[TEXT + 16];
        if (!neutral->key && !json_is_null(value) && !json_is_false(value))
            refuse(file, key, value, "no such key: diffedit does not know it");
        else if (neutral->key && !is_neutral(neutral, value)) {
            snprintf(expected, sizeof expected, "%s, which is all that is supported",
                     neutral->values[0]);
            refuse(file, key, value, expected);
        }
    }
}

static void check_class(reader *file, const char *expected)
{
    const json_t *value = json_object_get(file->json, "_class_name");
    if (value && (!json_is_string(value) || strcmp(json_string_value(value), expected) != 0))
        refuse(file, "_class_name", value, expected);
}

/* `key` must be a list of `count` block names; flags[i] = 1 for names[1], 0 for names[0]. names[1]
 * may be NULL. */
static void get_blocks(reader *file, const char *key, int count, const char *const names[2],
                       bool *flags)
{
    const json_t *value = get(file, key);
    char expected[160];
    snprintf(expected, sizeof expected, "a list of %d of %s%s%s", count, names[0],
             names[1] ? " or " : "", names[1] ? names[1] : "");
    if (json_array_size(value) != (size_t)count) {
        refuse(file, key, value, expected);
        return;
    }
    for (int i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(value, (size_t)i));
        flags[i] = name && names[1] && strcmp(name, names[1]) == 0;
        if (!flags[i] && (!name || strcmp(name, names[0]) != 0))
            refuse(file, key, json_array_get(value, (size_t)i), expected);
    }
}

/* block_out_channels, each a multiple of the norm groups; returns how many levels there are */
static int get_channels(reader *file, int *channels, int groups)
{
    const json_t *value = get(file, "block_out_channels");
    int levels = (int)json_array_size(value);
    if (levels < 1 || levels > DE_MAX_LEVELS) {
        refuse(file, "block_out_channels", value, "a list of 1 to 8 numbers");
        return 1;
    }
    get_ints(file, "block_out_channels", 0, levels, MAX_CHANNELS, channels);
    for (int i = 0; i < levels; i++)
        if (file->status == DIFFEDIT_OK && channels[i] % groups)
            refuse(file, "block_out_channels", value, "multiples of `norm_num_groups`");
    return levels;
}

/* ---- UNet2DConditionModel ---- */

static const char *const UNET_KEYS[] = {"in_channels",
                                        "out_channels",
                                        "sample_size",
                                        "block_out_channels",
                                        "layers_per_block",
                                        "down_block_types",
                                        "up_block_types",
                                        "attention_head_dim",
                                        "transformer_layers_per_block",
                                        "norm_num_groups",
                                        "norm_eps",
                                        "cross_attention_dim",
                                        "use_linear_projection",
                                        NULL};

static const neutral_key UNET_NEUTRAL[] = {
    {"act_fn", {"\"silu\"", "\"swish\""}},
    {"mid_block_type", {"\"UNetMidBlock2DCrossAttn\""}},
    {"flip_sin_to_cos", {"true"}},
    {"freq_shift", {"0"}},
    {"downsample_padding", {"1"}},
    {"mid_block_scale_factor", {"1", "1.0"}},
    {"dropout", {"*"}},
    {"upcast_attention", {"*"}},
    {"resnet_time_scale_shift", {"\"default\""}},
    {"resnet_skip_time_act", {"false"}},
    {"resnet_out_scale_factor", {"1.0", "1"}},
    {"time_embedding_type", {"\"positional\""}},
    {"conv_in_kernel", {"3"}},
    {"conv_out_kernel", {"3"}},
    {"attention_type", {"\"default\""}},
    {"cross_attention_norm", {"null"}},
    {"addition_embed_type_num_heads", {"*"}}, /* of an embedding that must not be there */
    {"mid_block_only_cross_attention", {"false", "null"}},
    {0}};

static void get_sample_size(reader *file, de_unet_config *config)
{
    const json_t *value = get(file, "sample_size");
    bool pair = json_is_array(value);
    if (!value || (pair && json_array_size(value) != 2)) {
        refuse(file, "sample_size", value, "a number or a list of height and width");
        return;
    }
    config->sample_height = in_range(file, "sample_size", pair ? json_array_get(value, 0) : value,
                                     1, 4096);
    config->sample_width = in_range(file, "sample_size", pair ? json_array_get(value, 1) : value, 1,
                                    4096);
}

static void get_unet_blocks(reader *file, de_unet_config *config)
{
    static const char *const down[] = {"DownBlock2D", "CrossAttnDownBlock2D"};
    static const char *const up[] = {"UpBlock2D", "CrossAttnUpBlock2D"};
    int levels = config->levels;
    bool up_attention[DE_MAX_LEVELS] = {0};
    get_blocks(file, "down_block_types", levels, down, config->down_attention);
    get_blocks(file, "up_block_types", levels, up, up_attention);
    for (int i = 0; i < levels; i++)
        config->up_attention[i] = up_attention[levels - 1 - i];
    get_ints(file, "layers_per_block", 2, levels, MAX_LAYERS, config->down_layers);
    get_ints(file, "transformer_layers_per_block", 1, levels, MAX_TRANSFORMERS,
             config->transformer_layers);
    get_ints(file, "attention_head_dim", 8, levels, 1024, config->heads);
    for (int i = 0; i < levels; i++) {
        bool attends = config->down_attention[i] || config->up_attention[i] || i + 1 == levels;
        if (file->status == DIFFEDIT_OK && attends && config->channels[i] % config->heads[i])
            refuse(file, "attention_head_dim", get(file, "attention_head_dim"),
                   "numbers of heads that divide the channels");
    }
}

diffedit_status de_unet_config_read(de_unet_config *config, const de_documents *from,
                                    const char *name, diffedit_error *error)
{
    reader file;
    *config = (de_unet_config){0};
    open_json(&file, from, name, error);
    if (file.status == DIFFEDIT_OK) {
        check_class(&file, "UNet2DConditionModel");
        check_keys(&file, UNET_KEYS, UNET_NEUTRAL);
        config->in_channels = get_int(&file, "in_channels", 4, 1, 64);
        config->out_channels = get_int(&file, "out_channels", 4, 1, 64);
        get_sample_size(&file, config);
        config->norm_groups = get_int(&file, "norm_num_groups", 32, 1, MAX_CHANNELS);
        config->norm_eps = (float)get_real(&file, "norm_eps", 1e-5, 0, 1);
        config->levels = get_channels(&file, config->channels, config->norm_groups);
        get_unet_blocks(&file, config);
        config->cross_attention_dim = get_int(&file, "cross_attention_dim", 1280, 1, MAX_CHANNELS);
        get_bool(&file, "use_linear_projection", false); /* one array either way */
    }
    return close_json(&file);
}

/* ---- AutoencoderKL ---- */

static const char *const VAE_KEYS[] = {"in_channels",
                                       "out_channels",
                                       "latent_channels",
                                       "block_out_channels",
                                       "layers_per_block",
                                       "down_block_types",
                                       "up_block_types",
                                       "norm_num_groups",
                                       "mid_block_add_attention",
                                       "use_quant_conv",
                                       "use_post_quant_conv",
                                       "scaling_factor",
                                       NULL};

static const neutral_key VAE_NEUTRAL[] = {
    {"act_fn", {"\"silu\"", "\"swish\""}}, {"sample_size", {"*"}}, {"force_upcast", {"*"}}, {0}};

diffedit_status de_vae_config_read(de_vae_config *config, const de_documents *from,
                                   const char *name, diffedit_error *error)
{
    static const char *const down[] = {"DownEncoderBlock2D", NULL}, *const up[] = {
                                                                        "UpDecoderBlock2D", NULL};
    bool unused[DE_MAX_LEVELS];
    reader file;
    *config = (de_vae_config){0};
    open_json(&file, from, name, error);
    if (file.status == DIFFEDIT_OK) {
        check_class(&file, "AutoencoderKL");
        check_keys(&file, VAE_KEYS, VAE_NEUTRAL);
        config->in_channels = get_int(&file, "in_channels", 3, 1, 64);
        config->out_channels = get_int(&file, "out_channels", 3, 1, 64);
        config->latent_channels = get_int(&file, "latent_channels", 4, 1, 64);
        config->norm_groups = get_int(&file, "norm_num_groups", 32, 1, MAX_CHANNELS);
        config->levels = get_channels(&file, config->channels, config->norm_groups);
        get_blocks(&file, "down_block_types", config->levels, down, unused);
        get_blocks(&file, "up_block_types", config->levels, up, unused);
        config->layers_per_block = get_int(&file, "layers_per_block", 1, 1, MAX_LAYERS);
        config->mid_attention = get_bool(&file, "mid_block_add_attention", true);
        config->quant_conv = get_bool(&file, "use_quant_conv", true);
        config->post_quant_conv = get_bool(&file, "use_post_quant_conv", true);
        config->scaling_factor = get_real(&file, "scaling_factor", 0.18215, 1e-6, 1e6);
    }
    return close_json(&file);
}

/* ---- CLIPTextModel ---- */

static const char *const TEXT_KEYS[] = {
    "vocab_size",        "hidden_size",         "intermediate_size",
    "num_hidden_layers", "num_attention_heads", "max_position_embeddings",
    "layer_norm_eps",    "hidden_act",          NULL};

static const neutral_key TEXT_NEUTRAL[] = {
    {"model_type", {"\"clip_text_model\"", "\"clip\""}},
    {"architectures", {"*"}},
    {"attention_dropout", {"*"}},
    {"dropout", {"*"}},
    {"initializer_factor", {"*"}},
    {"initializer_range", {"*"}},
    {"projection_dim", {"*"}}, /* of a head that is not used */
    {"bos_token_id", {"*"}},
    {"eos_token_id", {"*"}},
    {"pad_token_id", {"*"}},
    {"torch_dtype", {"*"}},
    {"transformers_version", {"*"}},
    {"gradient_checkpointing", {"*"}},
    {"use_cache", {"*"}},
    /* what every transformers config may carry, about generating text */
    {"return_dict", {"*"}},
    {"tie_word_embeddings", {"*"}},
    {"chunk_size_feed_forward", {"*"}},
    {"max_length", {"*"}},
    {"min_length", {"*"}},
    {"num_beams", {"*"}},
    {"num_beam_groups", {"*"}},
    {"diversity_penalty", {"*"}},
    {"temperature", {"*"}},
    {"top_k", {"*"}},
    {"top_p", {"*"}},
    {"typical_p", {"*"}},
    {"repetition_penalty", {"*"}},
    {"length_penalty", {"*"}},
    {"no_repeat_ngram_size", {"*"}},
    {"encoder_no_repeat_ngram_size", {"*"}},
    {"num_return_sequences", {"*"}},
    {"id2label", {"*"}},
    {"label2id", {"*"}},
    {"pruned_heads", {"*"}},
    {"tokenizer_class", {"*"}},
    {0}};

diffedit_status de_text_config_read(de_text_config *config, const de_documents *from,
                                    const char *name, diffedit_error *error)
{
    reader file;
    *config = (de_text_config){0};
    open_json(&file, from, name, error);
    if (file.status == DIFFEDIT_OK) {
        check_keys(&file, TEXT_KEYS, TEXT_NEUTRAL);
        config->vocab_size = get_int(&file, "vocab_size", 49408, 1, 1 << 20);
        config->width = get_int(&file, "hidden_size", 512, 1, MAX_CHANNELS);
        config->layers = get_int(&file, "num_hidden_layers", 12, 1, 256);
        config->heads = get_int(&file, "num_attention_heads", 8, 1, 1024);
        config->intermediate = get_int(&file, "intermediate_size", 2048, 1, 1 << 16);
        config->positions = get_int(&file, "max_position_embeddings", 77, 2, 4096);
        config->norm_eps = (float)get_real(&file, "layer_norm_eps", 1e-5, 0, 1);
        const json_t *act = get(&file, "hidden_act");
        const char *function = act ? json_string_value(act) : "quick_gelu";
        config->quick_gelu = function && strcmp(function, "quick_gelu") == 0;
        if (!config->quick_gelu && (!function || strcmp(function, "gelu") != 0))
            refuse(&file, "hidden_act", act, "\"quick_gelu\" or \"gelu\"");
        if (file.status == DIFFEDIT_OK && config->width % config->heads)
            refuse(&file, "num_attention_heads", get(&file, "num_attention_heads"),
                   "a divisor of `hidden_size`");
    }
    return close_json(&file);
}

/* ---- scheduler_config.json: whatever its class, the keys that say how noise was added in training
 * ---- */

static void get_trained_betas(reader *file, de_schedule_config *config)
{
    const json_t *betas = get(file, "trained_betas");
    if (!betas || file->status != DIFFEDIT_OK)
        return;
    if (json_array_size(betas) != (size_t)config->train_timesteps) {
        refuse(file, "trained_betas", betas, "a list of `num_train_timesteps` numbers");
        return;
    }
    config->trained_betas = calloc((size_t)config->train_timesteps, sizeof *config->trained_betas);
    if (!config->trained_betas) {
        file->status = de_fail_memory(file->error, json_array_size(betas) * sizeof(float), "betas");
        return;
    }
    for (int t = 0; t < config->train_timesteps; t++) {
        double beta = json_number_value(json_array_get(betas, (size_t)t));
        if (!(beta > 0 && beta < 1))
            refuse(file, "trained_betas", json_array_get(betas, (size_t)t),
                   "numbers between 0 and 1");
        config->trained_betas[t] = (float)beta;
    }
}

/* One of two words: true for `yes`. */
static bool get_word(reader *file, const char *key, const char *fallback, const char *yes,
                     const char *no)
{
    const json_t *value = get(file, key);
    const char *word = value ? json_string_value(value) : fallback;
    char expected[96];
    snprintf(expected, sizeof expected, "\"%s\" or \"%s\"", yes, no);
    if (!word || (strcmp(word, yes) != 0 && strcmp(word, no) != 0))
        refuse(file, key, value, expected);
    return word && strcmp(word, yes) == 0;
}

const de_schedule_config de_sd_schedule = {.train_timesteps = 1000,
                                           .beta_start = 0.00085,
                                           .beta_end = 0.012,
                                           .scaled_linear = true,
                                           .steps_offset = 1};

static bool class_is_of_distilled(const reader *file)
{
    static const char *const classes[] = {"LCMScheduler", "TCDScheduler", NULL};
    const char *class = json_string_value(json_object_get(file->json, "_class_name"));
    return class && is_listed(classes, class);
}

diffedit_status de_schedule_config_read(de_schedule_config *config, const de_documents *from,
                                        const char *name, diffedit_error *error)
{
    reader file;
    *config = (de_schedule_config){0};
    open_json(&file, from, name, error);
    if (file.status == DIFFEDIT_OK) {
        config->train_timesteps = get_int(&file, "num_train_timesteps",
                                          de_sd_schedule.train_timesteps, 1, MAX_TIMESTEPS);
        config->beta_start = get_real(&file, "beta_start", de_sd_schedule.beta_start, 1e-9, 0.999);
        config->beta_end = get_real(&file, "beta_end", de_sd_schedule.beta_end, 1e-9, 0.999);
        config->scaled_linear = get_word(&file, "beta_schedule", "scaled_linear", "scaled_linear",
                                         "linear");
        config->v_prediction = get_word(&file, "prediction_type", "epsilon", "v_prediction",
                                        "epsilon");
        config->steps_offset = get_int(&file, "steps_offset", de_sd_schedule.steps_offset, 0,
                                       MAX_TIMESTEPS);
        config->set_alpha_to_one = get_bool(&file, "set_alpha_to_one", false);
        if (get_bool(&file, "rescale_betas_zero_snr", false))
            refuse(&file, "rescale_betas_zero_snr", get(&file, "rescale_betas_zero_snr"), "false");
        get_trained_betas(&file, config);
        config->of_distilled = class_is_of_distilled(&file);
    }
    diffedit_status status = close_json(&file);
    if (status != DIFFEDIT_OK)
        de_schedule_config_free(config);
    return status;
}

void de_schedule_config_free(de_schedule_config *config)
{
    free(config->trained_betas);
    config->trained_betas = NULL;
}

/* ---- model_index.json ---- */

static bool class_is(const json_t *part, const char *name, const char *other)
{
    const char *class = json_string_value(json_array_get(part, 1));
    return class && (strcmp(class, name) == 0 || (other && strcmp(class, other) == 0));
}

diffedit_status de_model_index_check(const de_documents *from, const char *name,
                                     diffedit_error *error)
{
    static const struct {
        const char *part, *class, *other;
    } parts[] = {{"unet", "UNet2DConditionModel", NULL},
                 {"vae", "AutoencoderKL", NULL},
                 {"text_encoder", "CLIPTextModel", NULL},
                 {"tokenizer", "CLIPTokenizer", "CLIPTokenizerFast"}};
    static const char *const pipelines[] = {"StableDiffusionPipeline",
                                            "StableDiffusionImg2ImgPipeline",
                                            "StableDiffusionInpaintPipeline",
                                            "StableDiffusionDiffEditPipeline",
                                            "StableDiffusionInpaintPipelineLegacy",
                                            NULL};
    static const char *const known[] = {"unet",
                                        "vae",
                                        "text_encoder",
                                        "tokenizer",
                                        "scheduler",
                                        "safety_checker",
                                        "feature_extractor",
                                        "requires_safety_checker",
                                        "image_encoder",
                                        "inverse_scheduler",
                                        "caption_generator",
                                        "caption_processor",
                                        NULL};
    reader file;
    open_json(&file, from, name, error);
    if (file.status != DIFFEDIT_OK)
        return close_json(&file);
    const char *key;
    json_t *value = json_object_get(file.json, "_class_name");
    if (value && !(json_is_string(value) && is_listed(pipelines, json_string_value(value))))
        refuse(&file, "_class_name", value,
               "a pipeline of Stable Diffusion 1 or 2, such as StableDiffusionPipeline");
    json_object_foreach (file.json, key, value)
        if (key[0] != '_' && !is_listed(known, key) && !json_is_null(json_array_get(value, 1)) &&
            json_is_array(value))
            refuse(&file, key, value, "a Stable Diffusion 1 or 2 model, which has no such part");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const json_t *part = json_object_get(file.json, parts[i].part);
        char expected[96];
        snprintf(expected, sizeof expected, "class %s", parts[i].class);
        if (!class_is(part, parts[i].class, parts[i].other))
            refuse(&file, parts[i].part, part, expected);
    }
    return close_json(&file);
}

/* ---- diffedit.json ---- */

static char *new_text(reader *file, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        file->status = de_fail_memory(file->error, strlen(text) + 1, "the model's hints");
    return copy;
}

static void read_words(reader *file, de_model_hints *hints)
{
    const json_t *words = get(file, "words");
    size_t count = json_array_size(words);
    if (!words)
        return;
    if (!json_is_array(words))
        refuse(file, "words", words, "a list of words");
    else if (!(hints->words = calloc(count + 1, sizeof *hints->words)))
        file->status = de_fail_memory(file->error, count * sizeof *hints->words,
                                      "the model's words");
    for (size_t i = 0; i < count && file->status == DIFFEDIT_OK; i++) {
        const json_t *word = json_array_get(words, i);
        if (json_is_string(word))
            hints->words[i] = new_text(file, json_string_value(word));
        else
            refuse(file, "words", word, "a list of words");
    }
}

/* Adds preset -> option -> value. */
static void add_default(reader *file, de_model_hints *hints, const char *preset, const char *name,
                        const json_t *value)
{
    char text[TEXT];
    if (!json_is_string(value) && !json_is_number(value)) {
        refuse(file, name, value, "a text or a number");
        return;
    }
    size_t size = ((size_t)hints->default_count + 1) * sizeof *hints->defaults;
    de_model_default *grown = realloc(hints->defaults, size);
    if (!grown) {
        file->status = de_fail_memory(file->error, size, "the model's defaults");
        return;
    }
    hints->defaults = grown;
    grown[hints->default_count++] = (de_model_default){
        .preset = new_text(file, preset),
        .name = new_text(file, name),
        .value = new_text(file,
                          json_is_string(value) ? json_string_value(value) : shown(value, text))};
}

static void read_defaults(reader *file, de_model_hints *hints)
{
    const json_t *presets = get(file, "defaults");
    const char *preset, *name;
    json_t *options, *value;
    if (presets && !json_is_object(presets))
        refuse(file, "defaults", presets,
               "an object: a preset's name, then options and their values");
    json_object_foreach ((json_t *)presets, preset, options) {
        if (!json_is_object(options))
            refuse(file, preset, options, "an object: options and their values");
        json_object_foreach (options, name, value)
            if (file->status == DIFFEDIT_OK)
                add_default(file, hints, preset, name, value);
    }
}

diffedit_status de_model_hints_read(de_model_hints *hints, const de_documents *from,
                                    const char *name, diffedit_error *error)
{
    reader file;
    *hints = (de_model_hints){0};
    if (!de_document_exists(from, name))
        return DIFFEDIT_OK;
    open_json(&file, from, name, error);
    if (file.status == DIFFEDIT_OK)
        read_words(&file, hints);
    if (file.status == DIFFEDIT_OK)
        read_defaults(&file, hints);
    diffedit_status status = close_json(&file);
    if (status != DIFFEDIT_OK)
        de_model_hints_free(hints);
    return status;
}

void de_model_hints_free(de_model_hints *hints)
{
    for (char **word = hints->words; word && *word; word++)
        free(*word);
    free(hints->words);
    for (int i = 0; i < hints->default_count; i++) {
        free(hints->defaults[i].preset);
        free(hints->defaults[i].name);
        free(hints->defaults[i].value);
    }
    free(hints->defaults);
    *hints = (de_model_hints){0};
}
