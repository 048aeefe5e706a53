/* A whole model in one file, as convert.c writes it: the notes of the file are the documents of a
 * folder, and its tensors have their published names behind the name of their folder
 * ("unet.conv_in.weight"), so that nothing is renamed. */
#include "models/model.h"

#include <stdio.h>
#include <string.h>

bool de_packed_is(const de_weight_file *file)
{
    return de_table_note(de_weight_file_table(file), DE_PACKED_NOTE) != NULL;
}

static diffedit_status check_version(const de_weight_file *file, diffedit_error *error)
{
    const char *version = de_table_note(de_weight_file_table(file), DE_PACKED_NOTE);
    if (strcmp(version, DE_PACKED_VERSION) == 0)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: expected a model that diffedit packed in form " DE_PACKED_VERSION
                   ", found form \"%.40s\"",
                   de_weight_file_path(file), version);
}

/* `user`: the folder whose tensors are taken */
static bool name_in_folder(const void *user, const char *name, char published[DE_TENSOR_NAME])
{
    const char *folder = user;
    size_t length = strlen(folder);
    return strncmp(name, folder, length) == 0 && name[length] == '.' &&
           snprintf(published, DE_TENSOR_NAME, "%s", name + length + 1) < DE_TENSOR_NAME;
}

static diffedit_status read_weights(diffedit_model *model, de_part part, de_weight_file *file,
                                    diffedit_error *error)
{
    de_weights *weights;
    diffedit_status status = de_weights_new(&weights, de_weight_file_path(file), error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_weights_add_file(weights, file, name_in_folder, de_layout_parts[part].folder,
                                 error);
    if (status == DIFFEDIT_OK)
        status = de_weights_finish(weights, error);
    if (status != DIFFEDIT_OK || de_weights_table(weights)->count == 0) {
        model->absent[part] = status == DIFFEDIT_OK;
        de_weights_close(weights);
        return status;
    }
    model->weights[part] = weights;
    return DIFFEDIT_OK;
}

diffedit_status de_packed_read_part(diffedit_model *model, de_part part, de_weight_file *file,
                                    diffedit_error *error)
{
    const de_documents from = {.path = de_weight_file_path(file),
                               .notes = de_weight_file_table(file)};
    diffedit_status status = check_version(file, error);
    if (status == DIFFEDIT_OK)
        status = de_model_read_part_config(model, part, &from, error);
    if (status == DIFFEDIT_OK)
        status = read_weights(model, part, file, error);
    if (status == DIFFEDIT_OK && model->absent[part])
        status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: holds no tensor `%s.*`", from.path,
                         de_layout_parts[part].folder);
    return status;
}

diffedit_status de_packed_read(diffedit_model *model, de_weight_file *file, diffedit_error *error)
{
    diffedit_status status = check_version(file, error);
    if (status != DIFFEDIT_OK)
        return status;
    model->layout = "one file, converted by diffedit";
    model->packed = de_weight_file_hold(file);
    model->documents = (de_documents){.path = de_weight_file_path(file),
                                      .notes = de_weight_file_table(file)};
    status = de_model_read_documents(model, &model->documents, error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        status = de_model_keep(model, read_weights(model, part, file, error), error);
    return status;
}
