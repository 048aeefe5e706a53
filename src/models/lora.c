#include "models/lora.h"

#include "models/lora_names.h"
#include "models/merged_weights.h"
#include "models/networks.h"
#include "models/original_names.h"
#include "weights/scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT ".weight"
#define NOTES "lora_adapter_metadata"

/* ---- the weights that a LoRA may change ---- */

/* A matrix or convolution of the model. */
typedef struct target {
    de_part part;
    char name[DE_TENSOR_NAME]; /* published, with ".weight" */
    char flat[DE_TENSOR_NAME]; /* the same with '_' for each dot, without it */
    int rank;
    int64_t shape[DE_WEIGHT_RANK];
} target;

typedef struct target_list {
    target *rows; /* [count], sorted by network and flat name */
    size_t count, capacity;
    de_part part; /* of the network that is being looked at */
    bool out_of_memory;
    de_unet_naming naming;
} target_list;

static void add_target(void *user, const char *name, const de_weight *weight, const char *problem)
{
    target_list *to = user;
    size_t length = strlen(name), tail = strlen(WEIGHT);
    (void)problem;
    if (!weight || weight->rank < 2 || length >= DE_TENSOR_NAME || length <= tail ||
        strcmp(name + length - tail, WEIGHT) != 0 || strstr(name, ".embeddings."))
        return;
    if (to->count == to->capacity) {
        size_t capacity = 2 * to->capacity + 256;
        target *grown = realloc(to->rows, capacity * sizeof *grown);
        to->out_of_memory |= !grown;
        if (!grown)
            return;
        to->rows = grown;
        to->capacity = capacity;
    }
    target *row = &to->rows[to->count++];
    *row = (target){.part = to->part, .rank = weight->rank};
    memcpy(row->shape, weight->shape, sizeof row->shape);
    snprintf(row->name, sizeof row->name, "%s", name);
    de_lora_name_flatten(row->flat, name);
    row->flat[length - tail] = '\0';
}

static int compare_targets(const void *a, const void *b)
{
    const target *first = a, *second = b;
    if (first->part != second->part)
        return first->part < second->part ? -1 : 1;
    return strcmp(first->flat, second->flat);
}

static diffedit_status find_targets(target_list *to, const de_model_parts *parts,
                                    diffedit_error *error)
{
    const de_network_sources sources = {.text = &parts->text,
                                        .unet = &parts->unet,
                                        .vae = &parts->vae,
                                        .weights = {parts->weights[DE_PART_TEXT],
                                                    parts->weights[DE_PART_UNET],
                                                    parts->weights[DE_PART_VAE]}};
    const de_part changed[] = {DE_PART_TEXT, DE_PART_UNET};
    diffedit_status status = DIFFEDIT_OK;
    to->naming = (de_unet_naming){parts->unet.down_layers[0], '_'};
    for (int i = 0; i < 2 && status == DIFFEDIT_OK; i++) {
        to->part = changed[i];
        status = de_network_survey(&sources, changed[i], &(de_survey){add_target, to, false},
                                   error);
    }
    if (status == DIFFEDIT_OK && to->out_of_memory)
        return de_fail_memory(error, to->capacity * sizeof *to->rows, "a list of weights");
    if (to->count > 0)
        qsort(to->rows, to->count, sizeof *to->rows, compare_targets);
    return status;
}

static const target *look_up(const target_list *in, de_part part, const char *flat)
{
    target key = {.part = part};
    if (in->count == 0)
        return NULL;
    snprintf(key.flat, sizeof key.flat, "%s", flat);
    return bsearch(&key, in->rows, in->count, sizeof key, compare_targets);
}

/* A layer of the UNet by the name that the original code gives it. */
static const target *look_up_original(const target_list *in, const char *flat)
{
    char original[DE_TENSOR_NAME + sizeof WEIGHT], published[DE_TENSOR_NAME];
    snprintf(original, sizeof original, "%s_weight", flat);
    if (!de_original_unet_name(&in->naming, original, published))
        return NULL;
    char renamed[DE_TENSOR_NAME];
    de_lora_name_flatten(renamed, published);
    size_t length = strlen(renamed), tail = strlen(WEIGHT);
    if (length <= tail)
        return NULL;
    renamed[length - tail] = '\0';
    return look_up(in, DE_PART_UNET, renamed);
}

static const target *find_target(const target_list *in, const de_lora_name *name)
{
    const target *found = NULL;
    if (name->part != DE_PART_TEXT)
        found = look_up(in, DE_PART_UNET, name->module);
    if (!found && name->part != DE_PART_TEXT)
        found = look_up_original(in, name->module);
    if (!found && name->part != DE_PART_UNET)
        found = look_up(in, DE_PART_TEXT, name->module);
    return found;
}

/* ---- one file ---- */

typedef struct reading {
    de_weight_file *file;
    const target_list *targets;
    de_file_set *sets[DE_PART_COUNT]; /* NULL: not made, or handed over */
    const char *misfit;               /* the first array without a place */
    size_t fitting, arrays;
    bool is_xl;
} reading;

static diffedit_status add_array(reading *from, const de_table_entry *entry, diffedit_error *error)
{
    const char *path = de_weight_file_path(from->file), *in_file = de_table_entry_in_file(entry);
    char array[DE_TENSOR_NAME];
    de_lora_name name;
    de_lora_name_read(&name, entry->name);
    if (name.refused)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s` is of %s, which is not supported: only LoRA and LoCon are",
                       path, in_file, name.refused);
    from->is_xl |= de_lora_name_is_xl(entry->name);
    from->arrays++;
    const target *found = name.ending ? find_target(from->targets, &name) : NULL;
    if (!found) {
        from->misfit = from->misfit ? from->misfit : in_file;
        return DIFFEDIT_OK;
    }
    from->fitting++;
    int length = snprintf(array, sizeof array, "%.*s%s",
                          (int)(strlen(found->name) - strlen(WEIGHT)), found->name, name.ending);
    return length < DE_TENSOR_NAME
               ? de_file_set_add(from->sets[found->part], from->file, entry, array, error)
               : DIFFEDIT_OK;
}

static diffedit_status add_arrays(reading *from, const de_model_parts *parts, diffedit_error *error)
{
    const de_table *table = de_weight_file_table(from->file);
    const char *path = de_weight_file_path(from->file);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < table->count && status == DIFFEDIT_OK; i++)
        if (!de_scale_is(table, &table->entries[i]))
            status = add_array(from, &table->entries[i], error);
    if (status != DIFFEDIT_OK || (!from->misfit && from->arrays > 0))
        return status;
    if (from->fitting == 0)
        return de_fail(
            error, DIFFEDIT_ERROR_MODEL, "%s: expected a LoRA for this model (%s), found %s%s%s%s",
            path, de_parts_kind(parts),
            from->is_xl    ? "one for Stable Diffusion XL (`"
            : from->misfit ? "no array that fits it (`"
                           : "no array",
            from->misfit ? from->misfit : "", from->misfit ? "`" : "", from->misfit ? ")" : "");
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: tensor `%s` has no place in this model (%s)%s; %zu of its %zu tensors fit",
                   path, from->misfit, de_parts_kind(parts),
                   from->is_xl ? ": the LoRA is for Stable Diffusion XL" : "", from->fitting,
                   from->arrays);
}

/* diffusers and PEFT write one alpha for all layers of a network beside the arrays. What else their
 * notes may say of scales is refused. */
static diffedit_status read_notes(de_lora_set sets[DE_PART_COUNT], const de_weight_file *file,
                                  diffedit_error *error)
{
    static const char *const networks[] = {
        [DE_PART_TEXT] = "text_encoder", [DE_PART_UNET] = "unet"};
    const char *text = de_table_note(de_weight_file_table(file), NOTES);
    json_t *notes = text ? json_loads(text, 0, NULL) : NULL;
    bool sound = !text || json_is_object(notes), plain = true;
    for (de_part part = DE_PART_TEXT; part <= DE_PART_UNET && notes; part++) {
        char key[64];
        snprintf(key, sizeof key, "%s.lora_alpha", networks[part]);
        const json_t *alpha = json_object_get(notes, key);
        sets[part].alpha = json_number_value(alpha);
        sound &= !alpha || (json_is_number(alpha) && isfinite((float)sets[part].alpha));
        snprintf(key, sizeof key, "%s.alpha_pattern", networks[part]);
        plain &= json_object_size(json_object_get(notes, key)) == 0;
        snprintf(key, sizeof key, "%s.use_rslora", networks[part]);
        plain &= !json_is_true(json_object_get(notes, key));
    }
    json_decref(notes);
    if (!sound)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: its note `" NOTES "` is damaged",
                       de_weight_file_path(file));
    return plain ? DIFFEDIT_OK
                 : de_fail(error, DIFFEDIT_ERROR_MODEL,
                           "%s: its note `" NOTES "` says alpha_pattern or use_rslora, which are "
                           "not supported",
                           de_weight_file_path(file));
}

/* Hands the arrays over as sources, if they could be read. */
static diffedit_status keep_sets(de_lora_set sets[DE_PART_COUNT], reading *from,
                                 diffedit_status status, diffedit_error *error)
{
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        bool empty;
        de_file_set *set = from->sets[part];
        if (!set)
            continue;
        sets[part].set = set;
        status = de_file_set_keep(&sets[part].weights, &empty, set, status, error);
    }
    return status;
}

static diffedit_status read_sets(de_lora_set sets[DE_PART_COUNT], const char *path,
                                 const target_list *targets, const de_model_parts *parts,
                                 diffedit_error *error)
{
    reading from = {.targets = targets};
    diffedit_status status = de_weight_file_open(&from.file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        status = de_file_set_new(&from.sets[part], path, error);
    if (status == DIFFEDIT_OK)
        status = add_arrays(&from, parts, error);
    if (status == DIFFEDIT_OK)
        status = read_notes(sets, from.file, error);
    status = keep_sets(sets, &from, status, error);
    de_weight_file_release(from.file);
    return status;
}

/* Checks every layer, and counts. */
static diffedit_status check_layers(de_lora_facts *facts, const de_lora_set sets[DE_PART_COUNT],
                                    const target_list *targets, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < targets->count && status == DIFFEDIT_OK; i++) {
        const target *row = &targets->rows[i];
        de_lora_layer layer;
        bool found = false;
        if (sets[row->part].weights)
            status = de_lora_layer_find(&layer, &found, &sets[row->part], row->name, row->rank,
                                        row->shape, error);
        if (status != DIFFEDIT_OK || !found)
            continue;
        facts->layers[row->part]++;
        facts->least_rank = facts->least_rank ? de_min_i64(facts->least_rank, layer.rank)
                                              : layer.rank;
        facts->most_rank = de_max_i64(facts->most_rank, layer.rank);
    }
    return status;
}

/* ---- on top of the model ---- */

/* Takes over the set. */
static diffedit_status put_on_top(de_weights **weights, de_lora_set lora, bool first, double factor,
                                  diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (first) {
        de_weights *base = *weights;
        *weights = NULL;
        status = de_merged_weights_new(weights, base, error);
    }
    if (status == DIFFEDIT_OK)
        return de_merged_weights_add(*weights, lora, factor, error);
    de_weights_close(lora.weights);
    return status;
}

static diffedit_status apply(de_model_parts *parts, const diffedit_lora *lora,
                             const target_list *targets, bool merged[DE_PART_COUNT],
                             diffedit_error *error)
{
    de_lora_set sets[DE_PART_COUNT] = {0};
    de_lora_facts *facts = &parts->loras[parts->lora_count];
    if (!isfinite(lora->weight) || !isfinite((float)lora->weight))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "%s: the weight of a LoRA must be a finite number", lora->path);
    *facts = (de_lora_facts){.path = strdup(lora->path), .weight = lora->weight};
    if (!facts->path)
        return de_fail_memory(error, strlen(lora->path) + 1, "a path");
    parts->lora_count++;
    diffedit_status status = read_sets(sets, lora->path, targets, parts, error);
    if (status == DIFFEDIT_OK)
        status = check_layers(facts, sets, targets, error);
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        if (!sets[part].weights)
            continue;
        if (status == DIFFEDIT_OK && lora->weight != 0) { /* which leaves every bit */
            status = put_on_top(&parts->weights[part], sets[part], !merged[part], lora->weight,
                                error);
            merged[part] = parts->merged = true;
        } else {
            de_weights_close(sets[part].weights);
        }
    }
    return status;
}

static bool can_change(const de_model_parts *parts, de_part part)
{
    return parts->described[part] && parts->weights[part];
}

diffedit_status de_loras_apply(de_model_parts *parts, const diffedit_model_settings *settings,
                               diffedit_error *error)
{
    target_list targets = {0};
    bool merged[DE_PART_COUNT] = {0};
    if (settings->lora_count == 0 || !can_change(parts, DE_PART_TEXT) ||
        !can_change(parts, DE_PART_UNET))
        return DIFFEDIT_OK;
    parts->loras = calloc(settings->lora_count, sizeof *parts->loras);
    if (!parts->loras)
        return de_fail_memory(error, settings->lora_count * sizeof *parts->loras,
                              "a list of LoRAs");
    diffedit_status status = find_targets(&targets, parts, error);
    for (size_t i = 0; i < settings->lora_count && status == DIFFEDIT_OK; i++)
        status = apply(parts, settings->lora[i], &targets, merged, error);
    free(targets.rows);
    return status;
}
