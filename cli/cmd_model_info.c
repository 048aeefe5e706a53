#include "commands.h"
#include "fail.h"
#include "find_model.h"
#include "json.h"
#include "transfer.h"

#include <stdio.h>

static const struct {
    diffedit_part_id id;
    const char *key, *name;
} parts[] = {{DIFFEDIT_PART_TEXT_ENCODER, "text_encoder", "text encoder"},
             {DIFFEDIT_PART_UNET, "unet", "UNet"},
             {DIFFEDIT_PART_VAE, "vae", "autoencoder"}};

enum { PARTS = sizeof parts / sizeof *parts };

static const char *const predictions[] = {[DIFFEDIT_PREDICTION_AUTO] = "unknown",
                                          [DIFFEDIT_PREDICTION_EPSILON] = "epsilon",
                                          [DIFFEDIT_PREDICTION_V] = "v"};

/* ---- the table ---- */

/* "f16" or "12 f32, 674 f16" */
static void format_precisions(char text[96], const diffedit_part_info *part)
{
    const struct {
        const char *name;
        int64_t count;
    } kinds[] = {{"f32", part->f32},
                 {"f16", part->f16},
                 {"bf16", part->bf16},
                 {"f64", part->f64},
                 {"f8", part->f8}};
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].count == part->tensors && part->tensors > 0)
            snprintf(text, 96, "%s", kinds[i].name);
        else if (kinds[i].count > 0)
            length += (size_t)snprintf(text + length, 96 - length, "%s%jd %s", length ? ", " : "",
                                       (intmax_t)kinds[i].count, kinds[i].name);
    }
}

static void print_part(const char *name, const diffedit_part_info *part)
{
    char bytes[16], precisions[96];
    if (!part->present) {
        printf("  %-14s missing\n", name);
        return;
    }
    cli_format_bytes(bytes, part->bytes);
    format_precisions(precisions, part);
    printf("  %-14s %7jd %14.1f M %10s  %s\n", name, (intmax_t)part->tensors,
           (double)part->parameters * 1e-6, bytes, precisions);
}

static void print_loras(const diffedit_model_description *model)
{
    const diffedit_lora_info *lora;
    for (size_t i = 0; (lora = diffedit_model_description_lora(model, i)); i++) {
        printf("%s  LoRA %s\n", i ? "" : "\n", lora->path);
        if (lora->most_rank == 0) { /* a problem says why */
            printf("    weight %g, cannot be added\n", lora->weight);
            continue;
        }
        printf("    weight %g, rank %jd", lora->weight, (intmax_t)lora->least_rank);
        if (lora->most_rank > lora->least_rank)
            printf(" to %jd", (intmax_t)lora->most_rank);
        printf(", changes %jd layers of the UNet and %jd of the text encoder\n",
               (intmax_t)lora->unet_layers, (intmax_t)lora->text_encoder_layers);
    }
}

static void print_table(const diffedit_model_description *model, const char *path,
                        const json_t *problems)
{
    const diffedit_model_info *info = model->info;
    printf("%s\n", path);
    printf("  kind           %s%s\n", model->kind, model->inpaints ? ", inpainting" : "");
    printf("  layout         %s\n", model->layout);
    printf("  native size    %dx%d pixels, %d to a cell\n", info->native_width, info->native_height,
           info->factor);
    printf("  texts          %d tokens, %d numbers each\n", info->text_tokens, info->text_width);
    printf("  prediction     %s, %d timesteps\n", predictions[info->prediction],
           info->train_timesteps);
    printf("  parameters     %.1f M\n\n", (double)info->parameters * 1e-6);
    printf("  part           tensors       parameters       size  precision\n");
    for (int i = 0; i < PARTS; i++)
        print_part(parts[i].name, diffedit_model_description_part(model, parts[i].id));
    print_loras(model);
    if (json_array_size(problems) > 0)
        putchar('\n');
    for (size_t i = 0; i < json_array_size(problems); i++)
        printf("  %s\n", json_string_value(json_array_get(problems, i)));
}

/* ---- JSON ---- */

static json_t *part_object(const diffedit_part_info *part)
{
    if (!part->present)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I}}", "tensors",
                     (json_int_t)part->tensors, "parameters", (json_int_t)part->parameters, "bytes",
                     (json_int_t)part->bytes, "precisions", "f32", (json_int_t)part->f32, "f16",
                     (json_int_t)part->f16, "bf16", (json_int_t)part->bf16, "f64",
                     (json_int_t)part->f64, "f8", (json_int_t)part->f8);
}

static json_t *lora_array(const diffedit_model_description *model)
{
    const diffedit_lora_info *lora;
    json_t *array = json_array();
    for (size_t i = 0; array && (lora = diffedit_model_description_lora(model, i)); i++)
        json_array_append_new(
            array,
            json_pack("{s:o, s:f, s:I, s:I, s:I, s:I}", "file", cli_json_path(lora->path), "weight",
                      lora->weight, "unet_layers", (json_int_t)lora->unet_layers,
                      "text_encoder_layers", (json_int_t)lora->text_encoder_layers, "least_rank",
                      (json_int_t)lora->least_rank, "most_rank", (json_int_t)lora->most_rank));
    return array;
}

static diffedit_status print_json(const diffedit_model_description *model, const char *path,
                                  json_t *problems, diffedit_error *error)
{
    const diffedit_model_info *info = model->info;
    json_t *networks = json_object();
    for (int i = 0; i < PARTS; i++)
        json_object_set_new(networks, parts[i].key,
                            part_object(diffedit_model_description_part(model, parts[i].id)));
    return cli_json_print(
        json_pack(
            "{s:o, s:s, s:s, s:b, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:o, s:o, s:O}",
            "path", cli_json_path(path), "kind", model->kind, "layout", model->layout, "inpainting",
            model->inpaints, "prediction", predictions[info->prediction], "native_width",
            info->native_width, "native_height", info->native_height, "factor", info->factor,
            "latent_channels", info->latent_channels, "text_tokens", info->text_tokens,
            "text_width", info->text_width, "train_timesteps", info->train_timesteps, "parameters",
            (json_int_t)info->parameters, "parts", networks, "lora", lora_array(model), "problems",
            problems),
        error);
}

static diffedit_status show(const cli_arguments *arguments, const char *path, json_t *problems,
                            diffedit_error *error)
{
    diffedit_model_settings settings;
    diffedit_model_description *model = NULL;
    diffedit_status status = cli_model_settings(&settings, arguments, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_model_describe(&model, path, &settings, cli_json_collect, problems,
                                         error);
    if (status == DIFFEDIT_OK && arguments->json)
        status = print_json(model, path, problems, error);
    else if (status == DIFFEDIT_OK)
        print_table(model, path, problems);
    diffedit_free(model);
    return status;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    char *path;
    diffedit_status status = cli_find_operand_model(&path, arguments, error);
    if (status != DIFFEDIT_OK)
        return status;
    json_t *problems = json_array();
    status = problems ? show(arguments, path, problems, error) : cli_fail_memory(error);
    json_decref(problems);
    free(path);
    return status;
}

const cli_command cli_model_info = {
    .name = "model info",
    .bit = CLI_MODEL_INFO,
    .takes_model = true,
    .usage = "MODEL",
    .summary = "say what a model's files hold, and what is missing",
    .examples = "  diffedit model info v1-5-pruned-emaonly.safetensors\n"
                "  diffedit model info OWNER/NAME --json\n",
    .run = run,
};
