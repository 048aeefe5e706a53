#include "common/layout.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

const de_layout_part de_layout_parts[DE_PART_COUNT] = {
    [DE_PART_TEXT] = {"text_encoder", "text_encoder/" DE_LAYOUT_CONFIG, {"model", "pytorch_model"}},
    [DE_PART_UNET] = {"unet", "unet/" DE_LAYOUT_CONFIG, {"diffusion_pytorch_model"}},
    [DE_PART_VAE] = {"vae", "vae/" DE_LAYOUT_CONFIG, {"diffusion_pytorch_model"}}};

const de_layout_document de_layout_documents[] = {{DE_LAYOUT_SPECIALS, true},
                                                  {DE_LAYOUT_HINTS, true},
                                                  {DE_LAYOUT_SCHEDULE, false},
                                                  {DE_LAYOUT_VOCABULARY, false},
                                                  {DE_LAYOUT_MERGES, false},
                                                  {DE_LAYOUT_TOKENIZER, false},
                                                  {"text_encoder/" DE_LAYOUT_CONFIG, false},
                                                  {"unet/" DE_LAYOUT_CONFIG, false},
                                                  {"vae/" DE_LAYOUT_CONFIG, false},
                                                  {DE_LAYOUT_INDEX, false},
                                                  {0}};

/* In the order in which they are looked for. */
static const char *const FORMATS[] = {".safetensors", ".bin"};
static const char *const VARIANTS[] = {"", "fp16", "bf16", "ema", "non_ema"};
enum { STEMS = 2 };

/* One file, or the index of several: "model.fp16.safetensors", "model.safetensors.index.fp16.json"
 */
static bool find_variant(char name[DE_LAYOUT_NAME], const char *stem, const char *variant,
                         const char *format, de_layout_has_fn *has, const void *user)
{
    const char *dot = variant[0] ? "." : "";
    snprintf(name, DE_LAYOUT_NAME, "%s%s%s%s", stem, dot, variant, format);
    if (has(user, name))
        return true;
    snprintf(name, DE_LAYOUT_NAME, "%s%s.index%s%s.json", stem, format, dot, variant);
    return has(user, name);
}

bool de_layout_find_weights(char name[DE_LAYOUT_NAME], de_part part, const char *variant,
                            de_layout_has_fn *has, const void *user)
{
    const char *const *stems = de_layout_parts[part].stems;
    for (size_t f = 0; f < sizeof FORMATS / sizeof *FORMATS; f++)
        for (size_t v = 0; v < sizeof VARIANTS / sizeof *VARIANTS; v++)
            for (int s = 0; s < STEMS && stems[s]; s++)
                if ((!variant || strcmp(variant, VARIANTS[v]) == 0) &&
                    find_variant(name, stems[s], VARIANTS[v], FORMATS[f], has, user))
                    return true;
    return false;
}

/* What follows `prefix` in `name`, or NULL. */
static const char *after(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    return name && strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

bool de_layout_is_weights(const char *name)
{
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        for (int s = 0; s < STEMS && de_layout_parts[part].stems[s]; s++) {
            const char *rest = after(after(name, de_layout_parts[part].folder), "/");
            rest = after(rest, de_layout_parts[part].stems[s]);
            if (rest && (*rest == '.' || *rest == '-') && !strchr(rest, '/'))
                return true;
        }
    return false;
}

bool de_layout_is_index(const char *name)
{
    const char *slash = strrchr(name, '/'), *ending = strrchr(name, '.');
    return ending && strcmp(ending, ".json") == 0 && strstr(slash ? slash : name, ".index.");
}

/* ---- the hub's cache ---- */

/* The only entry of snapshots/; false where there is none or more than one. */
static bool only_snapshot(char name[DE_LAYOUT_NAME], const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/snapshots", folder);
    DIR *directory = opendir(path);
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (entry->d_name[0] != '.' &&
            snprintf(name, DE_LAYOUT_NAME, "snapshots/%s", entry->d_name) < DE_LAYOUT_NAME)
            count++;
    if (directory)
        closedir(directory);
    return count == 1;
}

bool de_layout_find_snapshot(char name[DE_LAYOUT_NAME], const char *folder)
{
    char path[PATH_MAX], reference[DE_LAYOUT_NAME - 16] = "";
    snprintf(path, sizeof path, "%s/refs/main", folder);
    FILE *file = fopen(path, "r");
    if (file && !fgets(reference, sizeof reference, file))
        reference[0] = '\0';
    if (file)
        fclose(file);
    reference[strcspn(reference, "\n/")] = '\0';
    snprintf(name, DE_LAYOUT_NAME, "snapshots/%s", reference);
    return reference[0] || only_snapshot(name, folder);
}
