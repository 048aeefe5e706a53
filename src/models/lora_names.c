#include "models/lora_names.h"

#include "models/lora_layer.h"
#include "models/original_names.h"

#include <stdio.h>
#include <string.h>

/* ---- endings ---- */

static const struct {
    const char *written, *ending;
} ENDINGS[] = {{".lora_down.weight", DE_LORA_DOWN},
               {".lora_up.weight", DE_LORA_UP},
               {".lora_mid.weight", DE_LORA_MIDDLE},
               {".lora_A.weight", DE_LORA_DOWN},
               {".lora_B.weight", DE_LORA_UP},
               {".lora.down.weight", DE_LORA_DOWN},
               {".lora.up.weight", DE_LORA_UP},
               {"_lora.down.weight", DE_LORA_DOWN},
               {"_lora.up.weight", DE_LORA_UP},
               {".lora_linear_layer.down.weight", DE_LORA_DOWN},
               {".lora_linear_layer.up.weight", DE_LORA_UP},
               {".alpha", DE_LORA_ALPHA}};

/* Told by a part of the name. */
static const struct {
    const char *part, *what;
} REFUSED[] = {{".hada_", "a LoHa"},
               {".lokr_", "a LoKr"},
               {".oft_", "an OFT"},
               {".dora_scale", "a DoRA"},
               {".lora_magnitude_vector", "a DoRA"},
               {".on_input", "an (IA)^3"},
               {".lora_B.bias", "a LoRA with biases"},
               {".lora_embedding_", "a LoRA of embeddings"}};

static const char *refusal(const char *name)
{
    const char *ending = strrchr(name, '.');
    if (ending && (strcmp(ending, ".diff") == 0 || strcmp(ending, ".diff_b") == 0))
        return "a difference of whole weights";
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
        if (strstr(name, REFUSED[i].part))
            return REFUSED[i].what;
    return NULL;
}

/* PEFT writes the adapter's name between: "lora_A.default.weight". */
static void leave_adapter_out(char *name)
{
    static const char *const halves[] = {".lora_A.", ".lora_B."};
    for (int i = 0; i < 2; i++) {
        char *half = strstr(name, halves[i]), *adapter = half ? half + strlen(halves[i]) : NULL;
        char *dot = adapter ? strchr(adapter, '.') : NULL;
        if (dot && strcmp(dot, ".weight") == 0)
            memmove(adapter, dot + 1, strlen(dot));
    }
}

/* Cuts the ending off. */
static const char *cut_ending(char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t tail = strlen(ENDINGS[i].written);
        if (length > tail && strcmp(name + length - tail, ENDINGS[i].written) == 0) {
            name[length - tail] = '\0';
            return ENDINGS[i].ending;
        }
    }
    return NULL;
}

/* ---- beginnings ---- */

static const struct {
    const char *prefix;
    de_part part; /* DE_PART_COUNT: says nothing */
} PREFIXES[] = {{"lora_unet_", DE_PART_UNET},       {"unet.", DE_PART_UNET},
                {"diffusion_model.", DE_PART_UNET}, {"model.diffusion_model.", DE_PART_UNET},
                {"lora_te_", DE_PART_TEXT},         {"lora_te1_", DE_PART_TEXT},
                {"text_encoder.", DE_PART_TEXT},    {"base_model.model.", DE_PART_COUNT}};

static const char *after_prefixes(const char *name, de_part *part)
{
    *part = DE_PART_COUNT;
    for (bool more = true; more;) { /* they may follow each other */
        more = false;
        for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES && !more; i++) {
            const char *rest = de_after_prefix(name, PREFIXES[i].prefix);
            if (!rest)
                continue;
            if (PREFIXES[i].part != DE_PART_COUNT)
                *part = PREFIXES[i].part;
            name = rest;
            more = true;
        }
    }
    return name;
}

/* ---- modules ---- */

/* What diffusers called the layers of an attention before they were its own. */
static const struct {
    de_part part;
    const char *old, *published;
} TAILS[] = {{DE_PART_UNET, "_to_out", "_to_out_0"},
             {DE_PART_TEXT, "_to_q", "_q_proj"},
             {DE_PART_TEXT, "_to_k", "_k_proj"},
             {DE_PART_TEXT, "_to_v", "_v_proj"},
             {DE_PART_TEXT, "_to_out", "_out_proj"}};

static void rename_tail(char module[DE_TENSOR_NAME], de_part part)
{
    size_t length = strlen(module);
    for (size_t i = 0; i < sizeof TAILS / sizeof *TAILS; i++) {
        size_t tail = strlen(TAILS[i].old);
        bool fits = part == TAILS[i].part || (part == DE_PART_COUNT && i == 0);
        if (fits && length > tail && strcmp(module + length - tail, TAILS[i].old) == 0) {
            snprintf(module + length - tail, DE_TENSOR_NAME - (length - tail), "%s",
                     TAILS[i].published);
            return;
        }
    }
}

#define PROCESSOR ".processor" /* of an attention, in older files */

void de_lora_name_flatten(char flat[DE_TENSOR_NAME], const char *name)
{
    snprintf(flat, DE_TENSOR_NAME, "%s", name);
    for (char *dot = flat; (dot = strchr(dot, '.'));)
        *dot = '_';
}

void de_lora_name_read(de_lora_name *found, const char *name)
{
    char text[DE_TENSOR_NAME];
    *found = (de_lora_name){.refused = refusal(name), .part = DE_PART_COUNT};
    if (found->refused || strlen(name) >= sizeof text)
        return;
    snprintf(text, sizeof text, "%s", name);
    leave_adapter_out(text);
    found->ending = cut_ending(text);
    char *processor = strstr(text, PROCESSOR ".");
    if (processor) {
        const char *rest = processor + strlen(PROCESSOR);
        memmove(processor, rest, strlen(rest) + 1);
    }
    de_lora_name_flatten(found->module, after_prefixes(text, &found->part));
    rename_tail(found->module, found->part);
}

bool de_lora_name_is_xl(const char *name)
{
    return de_after_prefix(name, "lora_te2_") || de_after_prefix(name, "text_encoder_2.") ||
           strstr(name, "add_embedding") || strstr(name, "label_emb");
}
