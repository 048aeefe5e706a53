/* Looking at what an editor computed. */
#include "base/sized.h"
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>

const char *diffedit_array_name(diffedit_array_id array)
{
    static const char *const names[] = {[DIFFEDIT_ARRAY_TOKENS_FROM] = "tokens-from",
                                        [DIFFEDIT_ARRAY_TOKENS_TO] = "tokens-to",
                                        [DIFFEDIT_ARRAY_TOKENS_NEGATIVE] = "tokens-negative",
                                        [DIFFEDIT_ARRAY_EMBEDDING_FROM] = "embedding-from",
                                        [DIFFEDIT_ARRAY_EMBEDDING_TO] = "embedding-to",
                                        [DIFFEDIT_ARRAY_EMBEDDING_NEGATIVE] = "embedding-negative",
                                        [DIFFEDIT_ARRAY_LATENT] = "latent",
                                        [DIFFEDIT_ARRAY_MASK_NOISE] = "mask-noise",
                                        [DIFFEDIT_ARRAY_MAP] = "map",
                                        [DIFFEDIT_ARRAY_MASK] = "mask",
                                        [DIFFEDIT_ARRAY_INVERTED] = "inverted",
                                        [DIFFEDIT_ARRAY_NOISE] = "noise",
                                        [DIFFEDIT_ARRAY_FINAL] = "final",
                                        [DIFFEDIT_ARRAY_MAP_REFINED] = "map-refined",
                                        [DIFFEDIT_ARRAY_RUNNING] = "running"};
    return (unsigned)array < sizeof names / sizeof *names ? names[array] : NULL;
}

static diffedit_array text_array(const diffedit_editor *editor, de_text_role role, bool tokens)
{
    const de_text *text = &editor->texts.roles[role];
    int64_t n = (int64_t)text->chunks.count * editor->networks.text_tokens;
    if (!text->serial)
        return (diffedit_array){0};
    if (tokens)
        return (diffedit_array){.dimensions = 1, .shape = {n}, .tokens = text->chunks.tokens};
    return (diffedit_array){
        .dimensions = 2, .shape = {n, editor->networks.text_width}, .data = text->embedding};
}

int diffedit_editor_text_chunks(const diffedit_editor *editor)
{
    return editor->texts.roles[DE_TEXT_EMPTY].chunks.count;
}

static diffedit_array latent_array(const diffedit_editor *editor, const de_latent_params *params,
                                   const float *data)
{
    if (!data)
        return (diffedit_array){0};
    de_cells cells = de_latent_cells(params, &editor->networks);
    return (diffedit_array){
        .dimensions = 3, .shape = {editor->networks.channels, cells.h, cells.w}, .data = data};
}

static diffedit_array latents_array(const diffedit_editor *editor, const de_latent_params *params,
                                    int count, const float *data)
{
    if (!data || !count)
        return (diffedit_array){0};
    de_cells cells = de_latent_cells(params, &editor->networks);
    return (diffedit_array){.dimensions = 4,
                            .shape = {count, editor->networks.channels, cells.h, cells.w},
                            .data = data};
}

static diffedit_status mask_array(diffedit_editor *editor, diffedit_array *array,
                                  diffedit_error *error)
{
    const de_region *region = &editor->whole.region;
    int64_t cells = (int64_t)region->h * region->w;
    *array = (diffedit_array){0};
    if (!region->cells)
        return DIFFEDIT_OK;
    free(editor->mask_view);
    editor->mask_view = NULL;
    diffedit_status status = de_allocate_floats(&editor->mask_view, cells, "the mask", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int64_t i = 0; i < cells; i++)
        editor->mask_view[i] = region->cells[i];
    *array = (diffedit_array){
        .dimensions = 2, .shape = {region->h, region->w}, .data = editor->mask_view};
    return DIFFEDIT_OK;
}

static diffedit_array map_array(const diffedit_editor *editor)
{
    const de_map *map = de_frame_map_in_use(&editor->whole);
    if (!map->values)
        return (diffedit_array){0};
    return (diffedit_array){.dimensions = 2, .shape = {map->h, map->w}, .data = map->values};
}

static diffedit_array refined_array(const de_region *region)
{
    if (!region->from || !region->from->refined)
        return (diffedit_array){0};
    return (diffedit_array){
        .dimensions = 2, .shape = {region->height, region->width}, .data = region->from->refined};
}

static diffedit_array running_array(const diffedit_editor *editor)
{
    const de_running *running = editor->context.running;
    if (!running)
        return (diffedit_array){0};
    return (diffedit_array){.dimensions = 3,
                            .shape = {editor->networks.channels, running->size.h, running->size.w},
                            .data = running->x_0};
}

static diffedit_status find_array(diffedit_array *array, diffedit_editor *editor,
                                  diffedit_array_id id, diffedit_error *error)
{
    const de_frame *frame = editor->shown, *whole = &editor->whole;
    switch (id) {
    case DIFFEDIT_ARRAY_TOKENS_FROM: *array = text_array(editor, DE_TEXT_FROM, true); break;
    case DIFFEDIT_ARRAY_TOKENS_TO: *array = text_array(editor, DE_TEXT_TO, true); break;
    case DIFFEDIT_ARRAY_TOKENS_NEGATIVE: *array = text_array(editor, DE_TEXT_NEGATIVE, true); break;
    case DIFFEDIT_ARRAY_EMBEDDING_FROM: *array = text_array(editor, DE_TEXT_FROM, false); break;
    case DIFFEDIT_ARRAY_EMBEDDING_TO: *array = text_array(editor, DE_TEXT_TO, false); break;
    case DIFFEDIT_ARRAY_EMBEDDING_NEGATIVE:
        *array = text_array(editor, DE_TEXT_NEGATIVE, false);
        break;
    case DIFFEDIT_ARRAY_LATENT:
        *array = latent_array(editor, &frame->latent.params, frame->latent.values);
        break;
    case DIFFEDIT_ARRAY_MASK_NOISE:
        *array = latents_array(editor, &whole->map.params.latent,
                               de_frame_map_in_use(whole)->samples, whole->map.result.noise);
        break;
    case DIFFEDIT_ARRAY_MAP: *array = map_array(editor); break;
    case DIFFEDIT_ARRAY_MASK: return mask_array(editor, array, error);
    case DIFFEDIT_ARRAY_INVERTED:
        *array = latents_array(editor, &frame->inversion.params.latent, frame->inversion.shown,
                               frame->inversion.result.states);
        break;
    case DIFFEDIT_ARRAY_NOISE:
        *array = latent_array(editor, &frame->final.params.latent, frame->final.result.noise);
        break;
    case DIFFEDIT_ARRAY_FINAL:
        *array = latent_array(editor, &frame->final.params.latent, frame->final.result.latent);
        break;
    case DIFFEDIT_ARRAY_MAP_REFINED: *array = refined_array(&editor->whole.region); break;
    case DIFFEDIT_ARRAY_RUNNING: *array = running_array(editor); break;
    default: return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "unknown array %d", (int)id);
    }
    return DIFFEDIT_OK;
}

diffedit_status diffedit_editor_array(diffedit_array *array, diffedit_editor *editor,
                                      diffedit_array_id id, diffedit_error *error)
{
    diffedit_array found = {0};
    diffedit_status status = de_sized_check(array, "diffedit_array", error);
    if (status == DIFFEDIT_OK)
        status = find_array(&found, editor, id, error);
    if (status == DIFFEDIT_OK)
        de_sized_write(array, &found, sizeof found);
    return status;
}

/* ---- pictures on the way ---- */

static diffedit_status map_view(const diffedit_editor *editor, diffedit_picture **picture,
                                diffedit_error *error)
{
    const de_map *map = de_frame_map_in_use(&editor->whole);
    if (!map->values)
        return DIFFEDIT_OK;
    int width = diffedit_picture_width(editor->whole.picture),
        height = diffedit_picture_height(editor->whole.picture);
    uint8_t *grey;
    diffedit_status status = de_allocate_bytes(&grey, (int64_t)width * height, "the map", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int y = 0; y < height; y++) {
        const float *row = map->values + (int64_t)y * map->h / height * map->w;
        for (int x = 0; x < width; x++)
            grey[(int64_t)y * width + x] = (uint8_t)rintf(255 * row[(int64_t)x * map->w / width]);
    }
    status = diffedit_picture_new(picture, width, height, 1, 8, grey, (size_t)width, error);
    free(grey);
    return status;
}

static uint16_t to_wide(float value)
{
    return (uint16_t)rintf(65535 * value);
}

/* The map that the last region followed from, at 16 bit. */
static diffedit_status region_map_view(const diffedit_editor *editor, diffedit_picture **picture,
                                       diffedit_error *error)
{
    const de_cleaned *from = editor->whole.region.from;
    if (!from)
        return DIFFEDIT_OK;
    int64_t width = from->width, height = from->height;
    uint8_t *memory = NULL;
    diffedit_status status = de_allocate_bytes(&memory, 2 * width * height, "the map", error);
    if (status != DIFFEDIT_OK)
        return status;
    uint16_t *grey = (void *)memory;
    for (int64_t y = 0; y < height; y++) {
        const float *row = from->cells + y * from->h / height * from->w;
        for (int64_t x = 0; x < width; x++)
            grey[y * width + x] = to_wide(from->refined ? from->refined[y * width + x]
                                                        : row[x * from->w / width]);
    }
    status = diffedit_picture_new(picture, from->width, from->height, 1, 16, grey,
                                  (size_t)width * sizeof *grey, error);
    free(memory);
    return status;
}

static diffedit_status mask_view(const diffedit_editor *editor, diffedit_picture **picture,
                                 diffedit_error *error)
{
    const de_region *region = &editor->whole.region;
    if (!region->mask)
        return DIFFEDIT_OK;
    uint8_t *grey;
    int64_t area = (int64_t)region->width * region->height;
    diffedit_status status = de_allocate_bytes(&grey, area, "the mask", error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int64_t i = 0; i < area; i++)
        grey[i] = region->mask[i] ? 255 : 0;
    status = diffedit_picture_new(picture, region->width, region->height, 1, 8, grey,
                                  (size_t)region->width, error);
    free(grey);
    return status;
}

/* pixels [height, width, 3]; NULL: none */
static diffedit_status colour_view(diffedit_picture **picture, int width, int height,
                                   const uint8_t *pixels, diffedit_error *error)
{
    return pixels ? diffedit_picture_new(picture, width, height, 3, 8, pixels, (size_t)width * 3,
                                         error)
                  : DIFFEDIT_OK;
}

diffedit_status diffedit_editor_view(diffedit_picture **picture, diffedit_editor *editor,
                                     diffedit_view_id id, diffedit_error *error)
{
    const de_frame *frame = editor->shown;
    const de_latent_params *decoded = &frame->decoded.params.latent;
    *picture = NULL;
    switch (id) {
    case DIFFEDIT_VIEW_INPUT:
        return colour_view(picture, frame->input.width, frame->input.height, frame->input.pixels,
                           error);
    case DIFFEDIT_VIEW_MAP: return map_view(editor, picture, error);
    case DIFFEDIT_VIEW_MASK: return mask_view(editor, picture, error);
    case DIFFEDIT_VIEW_DECODED:
        return colour_view(picture, decoded->width, decoded->height, frame->decoded.pixels, error);
    case DIFFEDIT_VIEW_REGION_MAP: return region_map_view(editor, picture, error);
    case DIFFEDIT_VIEW_PREVIEW: return de_editor_preview(picture, editor, error);
    default: return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "unknown view %d", (int)id);
    }
}
