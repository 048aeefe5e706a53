#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

diffedit_status de_allocate_floats(float **memory, int64_t count, const char *what,
                                   diffedit_error *error)
{
    size_t bytes;
    if (!de_multiply_size((size_t)count, sizeof(float), &bytes) ||
        !(*memory = malloc(bytes ? bytes : 1)))
        return de_fail_memory(error, (size_t)count * sizeof(float), what);
    return DIFFEDIT_OK;
}

diffedit_status de_allocate_bytes(uint8_t **memory, int64_t count, const char *what,
                                  diffedit_error *error)
{
    *memory = malloc(count ? (size_t)count : 1);
    return *memory ? DIFFEDIT_OK : de_fail_memory(error, (size_t)count, what);
}

diffedit_status de_editor_step(diffedit_editor *editor, diffedit_stage_id stage, int done,
                               int total, diffedit_error *error)
{
    if (editor->progress && editor->progress(editor->progress_user, stage, done, total) != 0)
        return de_fail(error, DIFFEDIT_ERROR_CANCELLED, "cancelled");
    return DIFFEDIT_OK;
}

/* Drops everything that depends on the working size. */
static void forget(diffedit_editor *editor)
{
    editor->has_latent = editor->has_map = editor->has_final = false;
    float **floats[] = {&editor->latent,    &editor->mask_noise, &editor->map,
                        &editor->inverted,  &editor->noise,      &editor->final,
                        &editor->mask_view, &editor->condition};
    uint8_t **bytes[] = {&editor->mask, &editor->cells, &editor->final_cells, &editor->decoded};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        free(*floats[i]);
        *floats[i] = NULL;
    }
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        free(*bytes[i]);
        *bytes[i] = NULL;
    }
    editor->inverted_count = editor->inverted_shown = 0;
}

static int nearest_multiple(double side, int factor)
{
    int multiple = (int)rint(side / factor) * factor;
    return multiple < factor ? factor : multiple;
}

/* The working size: as asked, or the picture scaled to the model's native area with each side
 * rounded to the nearest multiple of the factor. */
static diffedit_status working_size(const diffedit_editor *editor, const diffedit_options *options,
                                    int *width, int *height, diffedit_error *error)
{
    int factor = editor->factor;
    int native_width = editor->model->unet_config.sample_width * factor;
    int native_height = editor->model->unet_config.sample_height * factor;
    if (options->width) {
        if (options->width % factor || options->height % factor)
            return de_fail(
                error, DIFFEDIT_ERROR_ARGUMENT,
                "--size: expected multiples of %d (the model's autoencoder), found %dx%d", factor,
                options->width, options->height);
        *width = options->width;
        *height = options->height;
    } else if (editor->picture) {
        double w = diffedit_picture_width(editor->picture),
               h = diffedit_picture_height(editor->picture);
        double scale = sqrt((double)native_width * native_height / (w * h));
        *width = nearest_multiple(w * scale, factor);
        *height = nearest_multiple(h * scale, factor);
    } else {
        *width = native_width;
        *height = native_height;
    }
    return DIFFEDIT_OK;
}

void de_editor_set_size(diffedit_editor *editor, int width, int height)
{
    if (width == editor->width && height == editor->height)
        return;
    forget(editor);
    editor->width = width;
    editor->height = height;
    editor->latent_w = width / editor->factor;
    editor->latent_h = height / editor->factor;
}

diffedit_status de_editor_begin(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error)
{
    editor->stats = (diffedit_stats){.total_seconds = -de_seconds()};
    int width = 0, height = 0;
    diffedit_status status = working_size(editor, options, &width, &height, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_editor_set_size(editor, width, height);
    editor->stats.width = width;
    editor->stats.height = height;
    return de_editor_set_texts(editor, options, error);
}

void de_editor_end(diffedit_editor *editor)
{
    if (editor->stats.total_seconds < 0) /* else the call ended before it began */
        editor->stats.total_seconds += de_seconds();
}

diffedit_status de_editor_use(diffedit_editor *editor, de_part part, diffedit_error *error)
{
    de_networks *networks = editor->model->networks;
    if (!de_networks_ready(networks, part))
        de_arena_free(&editor->context.arena);
    return de_networks_use(networks, part, error);
}

diffedit_status diffedit_editor_new(diffedit_editor **editor, const diffedit_model *model,
                                    const diffedit_picture *picture, diffedit_error *error)
{
    diffedit_editor *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "an editor");
    new->model = model;
    new->factor = de_vae_factor(&model->vae_config);
    new->channels = model->vae_config.latent_channels;
    new->context.threads = de_core_count();
    diffedit_status status = de_schedule_new(&new->schedule, &model->schedule_config, error);
    if (status == DIFFEDIT_OK && picture)
        status = de_picture_copy(&new->picture, picture, error);
    if (status != DIFFEDIT_OK) {
        diffedit_editor_free(new);
        return status;
    }
    *editor = new;
    return DIFFEDIT_OK;
}

void diffedit_editor_free(diffedit_editor *editor)
{
    if (!editor)
        return;
    forget(editor);
    free(editor->input);
    free(editor->user_map);
    free(editor->user_mask);
    de_editor_free_texts(editor);
    diffedit_picture_free(editor->picture);
    de_arena_free(&editor->context.arena);
    de_schedule_free(&editor->schedule);
    free(editor);
}
