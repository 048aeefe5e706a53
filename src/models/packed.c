#include "models/packed.h"

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
                   "%s: expected version " DE_PACKED_VERSION
                   " of diffedit's packed models, found version \"%.40s\"",
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

static diffedit_status read_weights(de_model_parts *parts, de_part part, de_weight_file *file,
                                    diffedit_error *error)
{
    de_file_set *set;
    diffedit_status status = de_file_set_new(&set, de_weight_file_path(file), error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_file_set_add_file(set, file, name_in_folder, de_layout_parts[part].folder, error);
    return de_file_set_keep(&parts->weights[part], &parts->absent[part], set, status, error);
}

diffedit_status de_packed_read_part(de_model_parts *parts, de_part part, de_weight_file *file,
                                    diffedit_error *error)
{
    const de_documents from = {.path = de_weight_file_path(file),
                               .notes = de_weight_file_table(file)};
    diffedit_status status = check_version(file, error);
    if (status == DIFFEDIT_OK)
        status = de_parts_read_config(parts, part, &from, de_layout_parts[part].config, error);
    if (status == DIFFEDIT_OK)
        status = read_weights(parts, part, file, error);
    if (status == DIFFEDIT_OK && parts->absent[part])
        status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: contains no tensor `%s.*`", from.path,
                         de_layout_parts[part].folder);
    return status;
}

diffedit_status de_packed_read(de_model_parts *parts, de_weight_file *file, de_problems *problems,
                               diffedit_error *error)
{
    diffedit_status status = check_version(file, error);
    if (status != DIFFEDIT_OK)
        return status;
    parts->layout = "one file, converted by diffedit";
    parts->packed = de_weight_file_hold(file);
    parts->merged = de_table_note(de_weight_file_table(file), DE_PACKED_MERGED) != NULL;
    parts->documents = (de_documents){.path = de_weight_file_path(file),
                                      .notes = de_weight_file_table(file)};
    status = de_parts_read_documents(parts, problems, error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        status = de_report_or_fail(problems, read_weights(parts, part, file, error), error);
    return status;
}
