#include "models/lora_layer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WEIGHT ".weight"

/* The array of the weight `name` that is called `ending`; its name goes to `array`. */
static const de_table_entry *find(const de_lora_set *lora, const char *name, const char *ending,
                                  char array[DE_TENSOR_NAME])
{
    size_t length = strlen(name), tail = strlen(WEIGHT);
    if (length < tail || strcmp(name + length - tail, WEIGHT) != 0)
        return NULL;
    int written = snprintf(array, DE_TENSOR_NAME, "%.*s%s", (int)(length - tail), name, ending);
    return written < DE_TENSOR_NAME ? de_table_find(de_file_set_table(lora->set), array) : NULL;
}

bool de_lora_layer_exists(const de_lora_set *lora, const char *name)
{
    char array[DE_TENSOR_NAME];
    return find(lora, name, DE_LORA_DOWN, array) || find(lora, name, DE_LORA_UP, array) ||
           find(lora, name, DE_LORA_MIDDLE, array) || find(lora, name, DE_LORA_ALPHA, array);
}

/* One number of any type that trainers write. */
static bool read_number(const de_table_entry *entry, double *value)
{
    int64_t whole;
    float number;
    if (de_table_entry_count(entry) != 1)
        return false;
    if (entry->readable) {
        de_weight_to_f32(&(de_weight){.data = entry->data, .dtype = entry->dtype, .scale = 1}, 0, 1,
                         &number);
        *value = (double)number;
        return true;
    }
    if (strcmp(entry->type, "I64") != 0)
        return false;
    memcpy(&whole, entry->data, sizeof whole);
    *value = (double)whole;
    return true;
}

static diffedit_status find_scale(de_lora_layer *layer, const de_lora_set *lora, const char *name,
                                  diffedit_error *error)
{
    char array[DE_TENSOR_NAME];
    const de_table_entry *entry = find(lora, name, DE_LORA_ALPHA, array);
    double alpha = lora->alpha != 0 ? lora->alpha : (double)layer->rank;
    if (entry && (!read_number(entry, &alpha) || !isfinite((float)alpha)))
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor %s: expected one finite number",
                       de_weights_path(lora->weights), entry->title);
    layer->scale = (float)(alpha / (double)layer->rank);
    return DIFFEDIT_OK;
}

/* The shapes that the rank and the weight ask for. */
static diffedit_status find_arrays(de_lora_layer *layer, const de_lora_set *lora, const char *name,
                                   int rank, const int64_t *shape, diffedit_error *error)
{
    char down[DE_TENSOR_NAME], up[DE_TENSOR_NAME], middle[DE_TENSOR_NAME];
    int64_t of_down[DE_WEIGHT_RANK] = {layer->rank, 1, 1, 1};
    int64_t of_middle[DE_WEIGHT_RANK] = {layer->rank, layer->rank, 1, 1};
    bool has_middle = find(lora, name, DE_LORA_MIDDLE, middle) != NULL;
    find(lora, name, DE_LORA_DOWN, down);
    find(lora, name, DE_LORA_UP, up);
    for (int i = 1; i < rank; i++) {
        of_down[i] = has_middle && i > 1 ? 1 : shape[i];
        of_middle[i] = i > 1 ? shape[i] : layer->rank;
    }
    diffedit_status status = de_weights_get(lora->weights, down, rank, of_down, &layer->down,
                                            error);
    if (status == DIFFEDIT_OK)
        status = de_weights_get(lora->weights, up, 2, (int64_t[]){shape[0], layer->rank},
                                &layer->up, error);
    if (status == DIFFEDIT_OK && has_middle)
        status = de_weights_get(lora->weights, middle, rank, of_middle, &layer->middle, error);
    return status;
}

diffedit_status de_lora_layer_find(de_lora_layer *layer, bool *found, const de_lora_set *lora,
                                   const char *name, int rank, const int64_t *shape,
                                   diffedit_error *error)
{
    char array[DE_TENSOR_NAME];
    *layer = (de_lora_layer){0};
    *found = de_lora_layer_exists(lora, name);
    if (!*found)
        return DIFFEDIT_OK;
    const de_table_entry *down = find(lora, name, DE_LORA_DOWN, array);
    const de_table_entry *up = find(lora, name, DE_LORA_UP, array);
    if (!down || !up)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: the LoRA of `%s` has no %s; expected a down and an up for each weight",
                       de_weights_path(lora->weights), name, down ? "up" : "down");
    layer->rank = down->rank > 0 ? down->shape[0] : 0;
    if (layer->rank < 1)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: tensor %s: has no rank",
                       de_weights_path(lora->weights), down->title);
    diffedit_status status = find_arrays(layer, lora, name, rank, shape, error);
    return status == DIFFEDIT_OK ? find_scale(layer, lora, name, error) : status;
}
