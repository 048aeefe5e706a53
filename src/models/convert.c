#include "models/convert.h"

#include "models/config_write.h"
#include "models/packed.h"
#include "weights/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the tensors ---- */

typedef struct collection {
    de_written_tensor *tensors;
    size_t count, capacity;
    const char *folder; /* these two are those of the network that is being collected */
    const de_weights *source;
    int precision;
    diffedit_status status;
    diffedit_error *error;
} collection;

static bool make_room(collection *to)
{
    if (to->count < to->capacity)
        return true;
    size_t capacity = 2 * to->capacity + 512;
    de_written_tensor *grown = realloc(to->tensors, capacity * sizeof *grown);
    if (!grown) {
        to->status = de_fail_memory(to->error, capacity * sizeof *grown, "a list of tensors");
        return false;
    }
    to->tensors = grown;
    to->capacity = capacity;
    return true;
}

static void collect(void *user, const char *name, const de_weight *weight, const char *problem)
{
    collection *to = user;
    if (to->status != DIFFEDIT_OK || (weight && !make_room(to)))
        return;
    if (!weight) {
        to->status = de_fail(to->error, DIFFEDIT_ERROR_MODEL, "%s", problem);
        return;
    }
    de_written_tensor *tensor = &to->tensors[to->count++];
    *tensor = (de_written_tensor){.weight = *weight,
                                  .dtype = de_weight_kept_type(weight),
                                  .source = to->source,
                                  .prefix = strlen(to->folder) + 1};
    snprintf(tensor->name, sizeof tensor->name, "%s.%s", to->folder, name);
    if (to->precision != DIFFEDIT_PRECISION_KEPT)
        tensor->dtype = to->precision == DIFFEDIT_PRECISION_F16 ? DE_F16 : DE_F32;
}

/* f32 before what has two bytes, so that every array is aligned; else by name. */
static int compare_tensors(const void *a, const void *b)
{
    const de_written_tensor *first = a, *second = b;
    if ((first->dtype == DE_F32) != (second->dtype == DE_F32))
        return first->dtype == DE_F32 ? -1 : 1;
    return strcmp(first->name, second->name);
}

static diffedit_status collect_tensors(collection *to, const diffedit_model *model,
                                       diffedit_error *error)
{
    const de_network_sources sources = de_model_sources(model);
    to->error = error;
    for (de_part part = 0; part < DE_PART_COUNT && to->status == DIFFEDIT_OK; part++) {
        to->folder = de_layout_parts[part].folder;
        to->source = sources.weights[part];
        diffedit_status status = de_network_survey(&sources, part, &(de_survey){collect, to, false},
                                                   error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    if (to->status == DIFFEDIT_OK)
        qsort(to->tensors, to->count, sizeof *to->tensors, compare_tensors);
    return to->status;
}

/* ---- the notes ---- */

/* Adds a text, which is freed; false without memory. */
static bool add_text(json_t *notes, const char *name, char *text)
{
    bool added = text && json_object_set_new(notes, name, json_string(text)) == 0;
    free(text);
    return added;
}

/* What the program does not keep as numbers is copied as it stands. */
static diffedit_status copy_documents(json_t *notes, const de_documents *from,
                                      diffedit_error *error)
{
    static const char *const names[] = {DE_LAYOUT_VOCABULARY, DE_LAYOUT_MERGES, DE_LAYOUT_TOKENIZER,
                                        DE_LAYOUT_SPECIALS, DE_LAYOUT_HINTS};
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == DIFFEDIT_OK; i++) {
        char *text;
        size_t size;
        if (!de_document_exists(from, names[i]))
            continue;
        status = de_document_read(&text, &size, from, names[i], error);
        if (status == DIFFEDIT_OK && !add_text(notes, names[i], text))
            status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s/%s: is not UTF-8 text", from->path,
                             names[i]);
    }
    return status;
}

static diffedit_status make_notes(json_t *notes, const diffedit_model *model, diffedit_error *error)
{
    bool added = json_object_set_new(notes, DE_PACKED_NOTE, json_string(DE_PACKED_VERSION)) == 0 &&
                 json_object_set_new(notes, "format", json_string("pt")) ==
                     0 && /* torch's way of arrays: what readers ask */
                 add_text(notes, DE_LAYOUT_INDEX,
                          de_model_index_text(de_parts_inpaint(&model->parts))) &&
                 add_text(notes, de_layout_parts[DE_PART_TEXT].config,
                          de_text_config_text(&model->parts.text)) &&
                 add_text(notes, de_layout_parts[DE_PART_UNET].config,
                          de_unet_config_text(&model->parts.unet)) &&
                 add_text(notes, de_layout_parts[DE_PART_VAE].config,
                          de_vae_config_text(&model->parts.vae)) &&
                 add_text(notes, DE_LAYOUT_SCHEDULE,
                          de_schedule_config_text(&model->parts.schedule));
    if (added && model->parts.merged)
        added = json_object_set_new(notes, DE_PACKED_MERGED, json_string("1")) == 0;
    if (added && model->parts.pad)
        added = add_text(
            notes, DE_LAYOUT_TOKENIZER,
            de_tokenizer_config_text(de_tokenizer_length(model->tokenizer), model->parts.pad));
    if (!added)
        return de_fail_memory(error, 1 << 12, "a model's notes");
    return model->parts.pad ? DIFFEDIT_OK : copy_documents(notes, &model->parts.documents, error);
}

/* Whether the files are still as long as they were. */
static diffedit_status check_sizes(const diffedit_model *model, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        status = de_weights_check_size(model->parts.weights[part], error);
    return status;
}

diffedit_status de_model_pack(const diffedit_model *model, const char *path, int precision,
                              diffedit_bytes_fn progress, void *user, diffedit_error *error)
{
    collection tensors = {.precision = precision};
    json_t *notes = json_object();
    diffedit_status status = notes ? DIFFEDIT_OK
                                   : de_fail_memory(error, 1 << 12, "a model's notes");
    if (status == DIFFEDIT_OK)
        status = make_notes(notes, model, error);
    if (status == DIFFEDIT_OK)
        status = check_sizes(model, error);
    if (status == DIFFEDIT_OK)
        status = collect_tensors(&tensors, model, error);
    if (status == DIFFEDIT_OK)
        status = de_safetensors_write(path, tensors.tensors, tensors.count, notes, progress, user,
                                      error);
    if (status == DIFFEDIT_ERROR_FILE)
        check_sizes(model, error); /* the system cannot write what is not there any more */
    free(tensors.tensors);
    json_decref(notes);
    return status;
}
