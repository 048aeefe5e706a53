/* A program as it was written for diffedit 0.1: built against the header of that version, run with
 * today's library. Everything is done twice, with the structs of 0.1 and with ones that are a field
 * shorter, as if 0.1 had followed an earlier version; both must come to the same.
 *
 *     program MODEL FOLDER        files are written into FOLDER
 */
#include "0.1/diffedit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 48, GUARD = 64, GUARD_BYTE = 0xa5 };

#define CHECK(condition) \
    ((condition) \
         ? (void)0 \
         : (fprintf(stderr, "line %d: %s\n%s\n", __LINE__, #condition, error.message), exit(1)))

static diffedit_error error;

/* ---- structs of two lengths ---- */

static int is_short;

/* A struct up to the field `last`, or whole; behind it bytes that are not the library's. */
#define NEW(type, last) ((type *)new_struct(is_short ? offsetof(type, last) : sizeof(type)))

static void *new_struct(size_t size)
{
    unsigned char *made = calloc(1, size + GUARD);
    CHECK(made);
    memset(made + size, GUARD_BYTE, GUARD);
    memcpy(made, &size, sizeof size);
    return made;
}

static void end_struct(void *made)
{
    size_t size;
    memcpy(&size, made, sizeof size);
    for (int i = 0; i < GUARD; i++)
        CHECK(((unsigned char *)made)[size + (size_t)i] == GUARD_BYTE);
    free(made);
}

/* ---- tables and names ---- */

static void check_tables(void)
{
    const diffedit_option *row;
    size_t count = 0;
    for (; (row = diffedit_option_at(count)); count++)
        CHECK(row->name[0] && row->help[0] && row->argument[0]);
    CHECK(count >= 22);
    row = diffedit_option_find("scheduler");
    CHECK(row->type == DIFFEDIT_TYPE_CHOICE && !strcmp(row->choices[0], "ddim"));
    CHECK(!strcmp(diffedit_option_default(row, "notebook"), "lms"));
    CHECK(!strcmp(diffedit_presets()[0], "paper"));
    CHECK(!strcmp(diffedit_random_shapes()[0], "sd14"));
    CHECK(!strcmp(diffedit_stage_name(DIFFEDIT_STAGE_COMPOSITE), "composite"));
    CHECK(!strcmp(diffedit_array_name(DIFFEDIT_ARRAY_FINAL), "final"));
    CHECK(!diffedit_stage_name((diffedit_stage_id)1000));
    CHECK(!diffedit_array_name((diffedit_array_id)1000));
    CHECK(diffedit_version()[0] && diffedit_kernels_name()[0] && diffedit_core_count() > 0);
}

/* ---- a model ---- */

static void check_description(const char *path)
{
    diffedit_model_settings *settings = NEW(diffedit_model_settings, text_encoder);
    diffedit_model_description *description;
    CHECK(!diffedit_model_describe(&description, path, settings, NULL, NULL, &error));
    CHECK(description->layout[0] && description->kind[0] && !description->inpaints);
    CHECK(description->info->prediction == DIFFEDIT_PREDICTION_EPSILON);
    CHECK(diffedit_model_description_part(description, DIFFEDIT_PART_VAE)->present == 1);
    CHECK(!diffedit_model_description_part(description, (diffedit_part_id)1000));
    diffedit_free(description);
    end_struct(settings);
}

static diffedit_model *open_model(const char *path)
{
    diffedit_model *model;
    diffedit_model_settings *settings = NEW(diffedit_model_settings, text_encoder);
    settings->flags = DIFFEDIT_MODEL_LOW_MEMORY;
    CHECK(!diffedit_model_open(&model, path, settings, &error));
    end_struct(settings);
    diffedit_model_info *info = NEW(diffedit_model_info, parameters);
    diffedit_model_get_info(info, model);
    CHECK(info->factor > 0 && info->text_width > 0 && info->train_timesteps == 1000);
    CHECK(is_short || info->parameters > 0);
    end_struct(info);
    return model;
}

/* ---- an edit ---- */

static diffedit_picture *new_picture(void)
{
    static unsigned char pixels[HEIGHT][WIDTH][3];
    diffedit_picture *picture;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int inside = (x - 30) * (x - 30) + (y - 20) * (y - 20) < 200;
            pixels[y][x][0] = (unsigned char)(inside ? 220 : 90 + y);
            pixels[y][x][1] = (unsigned char)(inside ? 40 + x : 150);
            pixels[y][x][2] = (unsigned char)(inside ? 30 : 200 - y);
        }
    CHECK(!diffedit_picture_new(&picture, WIDTH, HEIGHT, 3, 8, pixels, WIDTH * 3, &error));
    return picture;
}

static diffedit_options *new_options(const diffedit_model *model)
{
    size_t size = is_short ? offsetof(diffedit_options, width) : sizeof(diffedit_options);
    diffedit_options *options = NEW(diffedit_options, width);
    CHECK(!diffedit_options_init(options, size, "notebook", model, &error));
    CHECK(options->scheduler == DIFFEDIT_SCHEDULER_LMS && options->feather < 0);
    options->from = "an apple";
    options->to = "a lemon";
    CHECK(!diffedit_options_set(options, "steps", "3", &error) && options->steps == 3);
    CHECK(!diffedit_options_set(options, "mask-samples", "1", &error));
    options->mask_threshold = 0.1;
    CHECK(diffedit_options_set(options, "size", "64x48", &error) ==
          (is_short ? DIFFEDIT_ERROR_ARGUMENT : DIFFEDIT_OK));
    if (!is_short) /* a struct without the field has the default */
        CHECK(!diffedit_options_set(options, "size", "fit", &error));
    CHECK(!diffedit_options_check(options, &error));
    return options;
}

static void check_record(diffedit_options *options)
{
    char *json, text[16];
    void *texts;
    CHECK(!diffedit_options_record(&json, options, &error));
    CHECK(!diffedit_options_set(options, "steps", "4", &error));
    CHECK(!diffedit_options_read_record(options, &texts, json, &error));
    CHECK(options->steps == 3 && !strcmp(options->to, "a lemon"));
    CHECK(diffedit_options_get(text, sizeof text, options, "size") == 3 && !strcmp(text, "fit"));
    options->from = "an apple";
    options->to = "a lemon";
    options->negative = "";
    diffedit_free(texts);
    diffedit_free(json);
}

static int steps_seen;

static int see_step(void *user, diffedit_stage_id stage, int done, int total)
{
    (void)user;
    steps_seen += stage >= DIFFEDIT_STAGE_TEXT && done <= total;
    return 0;
}

static void check_what_was_made(diffedit_editor *editor)
{
    diffedit_array *array = NEW(diffedit_array, tokens);
    CHECK(!diffedit_editor_array(array, editor, DIFFEDIT_ARRAY_FINAL, &error));
    CHECK(array->dimensions == 3 && array->shape[0] > 0 && isfinite(array->data[0]));
    CHECK(!diffedit_editor_array(array, editor, DIFFEDIT_ARRAY_TOKENS_TO, &error));
    CHECK(array->dimensions == 1 && !array->data && (is_short || array->tokens[0] > 0));
    end_struct(array);
    diffedit_array unset = {0};
    CHECK(diffedit_editor_array(&unset, editor, DIFFEDIT_ARRAY_MAP, &error) ==
          DIFFEDIT_ERROR_ARGUMENT);
    diffedit_stats *stats = NEW(diffedit_stats, height);
    diffedit_editor_get_stats(stats, editor);
    CHECK(stats->evaluations > 0 && stats->total_seconds > 0 && stats->width > 0);
    CHECK(is_short || stats->height > 0);
    CHECK(diffedit_editor_stage_seconds(editor, DIFFEDIT_STAGE_DENOISE) > 0);
    CHECK(diffedit_editor_stage_seconds(editor, (diffedit_stage_id)1000) == 0);
    end_struct(stats);
}

static diffedit_picture *edit(const diffedit_model *model)
{
    diffedit_picture *picture = new_picture(), *mask, *result;
    diffedit_editor *editor;
    diffedit_options *options = new_options(model);
    check_record(options);
    CHECK(!diffedit_editor_new(&editor, model, picture, &error));
    diffedit_editor_set_threads(editor, 2);
    diffedit_editor_set_progress(editor, see_step, NULL);
    CHECK(!diffedit_find_mask(&mask, editor, options, &error));
    CHECK(diffedit_picture_channels(mask) == 1 && diffedit_picture_width(mask) == WIDTH);
    CHECK(!diffedit_edit(&result, editor, options, &error));
    CHECK(steps_seen > 0);
    check_what_was_made(editor);
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
    end_struct(options);
    return result;
}

/* ---- a file ---- */

static void check_saving(const diffedit_picture *picture, const char *folder)
{
    char path[400];
    diffedit_picture *again;
    diffedit_save_options *how = NEW(diffedit_save_options, format);
    how->quality = 90;
    how->record = "{}";
    snprintf(path, sizeof path, "%s/abi.png", folder);
    CHECK(!diffedit_picture_save(picture, path, how, &error));
    CHECK(!diffedit_picture_open(&again, path, 0, &error));
    CHECK(!strcmp(diffedit_picture_record(again), "{}"));
    diffedit_picture_free(again);
    end_struct(how);
}

int main(int argc, char **argv)
{
    diffedit_picture *results[2];
    if (argc != 3)
        return 2;
    check_tables();
    for (is_short = 0; is_short < 2; is_short++) {
        check_description(argv[1]);
        diffedit_model *model = open_model(argv[1]);
        results[is_short] = edit(model);
        diffedit_model_close(model);
        check_saving(results[is_short], argv[2]);
    }
    CHECK(!memcmp(diffedit_picture_pixels(results[0]), diffedit_picture_pixels(results[1]),
                  WIDTH * HEIGHT * 3));
    diffedit_picture_free(results[0]);
    diffedit_picture_free(results[1]);
    return 0;
}
