#include "bench_edit.h"

#include "fail.h"
#include "interrupt.h"

#include <stdlib.h>

/* Whether a point of a side lies in the square. */
static bool is_inside(int at, int side)
{
    return 32 * at >= 12 * side && 32 * at < 20 * side;
}

/* A grey square on a darker ground, so that a region has an edge to follow. */
static diffedit_status new_picture(diffedit_picture **picture, int width, int height,
                                   diffedit_error *error)
{
    uint8_t *pixels = malloc((size_t)width * (size_t)height);
    if (!pixels)
        return cli_fail_memory(error);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            pixels[(size_t)y * (size_t)width + (size_t)x] = is_inside(x, width) &&
                                                                    is_inside(y, height)
                                                                ? 190
                                                                : 60;
    diffedit_status status = diffedit_picture_new(picture, width, height, 1, 8, pixels,
                                                  (size_t)width, error);
    free(pixels);
    return status;
}

/* Puts the square in the place of the map that was found. */
static diffedit_status give_map(diffedit_editor *editor, diffedit_error *error)
{
    diffedit_array found = {.struct_size = sizeof found};
    diffedit_status status = diffedit_editor_array(&found, editor, DIFFEDIT_ARRAY_MAP, error);
    if (status != DIFFEDIT_OK)
        return status;
    int height = (int)found.shape[0], width = (int)found.shape[1];
    float *map = malloc((size_t)height * (size_t)width * sizeof *map);
    if (!map)
        return cli_fail_memory(error);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            map[y * width + x] = is_inside(x, width) && is_inside(y, height);
    status = diffedit_editor_set_map(editor, map, height, width, error);
    free(map);
    return status;
}

static int stop_if_interrupted(void *user, diffedit_stage_id stage, int done, int total)
{
    (void)user, (void)stage, (void)done, (void)total;
    return cli_interrupted();
}

/* What the last call of the editor cost. */
static void add_times(cli_edit_times *times, const diffedit_editor *editor)
{
    diffedit_stats stats = {.struct_size = sizeof stats};
    diffedit_editor_get_stats(&stats, editor);
    times->evaluations += stats.evaluations;
    times->total += stats.total_seconds;
    times->width = stats.width;
    times->height = stats.height;
    for (int i = 0; i < CLI_BENCH_STAGES; i++)
        times->stages[i] += diffedit_editor_stage_seconds(editor, (diffedit_stage_id)i);
}

static diffedit_status edit(cli_edit_times *times, diffedit_editor *editor,
                            const diffedit_options *options, diffedit_error *error)
{
    diffedit_picture *result = NULL;
    diffedit_status status = diffedit_find_map(editor, options, error);
    if (status == DIFFEDIT_OK)
        add_times(times, editor);
    if (status == DIFFEDIT_OK)
        status = give_map(editor, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_edit(&result, editor, options, error);
    if (status == DIFFEDIT_OK)
        add_times(times, editor);
    diffedit_picture_free(result);
    return status;
}

diffedit_status cli_bench_edit(cli_edit_times *times, const diffedit_model *model,
                               const diffedit_options *options, int threads, diffedit_error *error)
{
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_picture *picture = NULL;
    diffedit_editor *editor = NULL;
    *times = (cli_edit_times){.computed = {.struct_size = sizeof times->computed}};
    diffedit_model_get_info(&info, model);
    diffedit_status status = new_picture(&picture, info.native_width, info.native_height, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_editor_new(&editor, model, picture, error);
    if (status == DIFFEDIT_OK) {
        diffedit_editor_set_threads(editor, threads);
        diffedit_editor_set_progress(editor, stop_if_interrupted, NULL);
        status = edit(times, editor, options, error);
        diffedit_editor_get_computed(&times->computed, editor);
    }
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
    return status;
}
