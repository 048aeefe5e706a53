#include "assess.h"

#include "measure.h"
#include "perform.h"
#include "pie_mask.h"
#include "relative.h"
#include "report.h"
#include "thumbnail.h"

#include "common/join_path.h"
#include "common/read_all.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct assessment {
    figures *of;
    struct page *page;
    const eval_settings *settings;
    report report;
    atomic_size_t next; /* row that nobody has taken yet */
    atomic_bool ends;
    pthread_mutex_t mutex; /* of what follows */
    diffedit_status status;
    diffedit_error *error;
} assessment;

/* ---- files ---- */

/* A picture with its file. */
typedef struct loaded {
    char *path;
    void *bytes;
    size_t size;
    diffedit_picture *picture;
} loaded;

static void unload(loaded *file)
{
    diffedit_picture_free(file->picture);
    free(file->bytes);
    free(file->path);
}

/* A file and nothing that could wait for somebody. */
static diffedit_status read_plain(loaded *file, diffedit_error *error)
{
    struct stat found;
    if (stat(file->path, &found) != 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be read: %s", file->path,
                       strerror(errno));
    if (!S_ISREG(found.st_mode))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: expected a file", file->path);
    return de_read_file(&file->bytes, &file->size, file->path, error);
}

/* Takes `path`, NULL: memory. `hash` is that of the bytes, or longer; NULL: not known. */
static diffedit_status load(loaded *file, char *path, const char *hash, int64_t max_pixels,
                            diffedit_error *error)
{
    char first[TASK_HASH];
    *file = (loaded){.path = path};
    if (!path)
        return de_fail_memory(error, 1, "a path");
    diffedit_status status = read_plain(file, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (!hash)
        return diffedit_picture_decode(&file->picture, file->bytes, file->size, path, max_pixels,
                                       error);
    snprintf(first, sizeof first, "%s", hash);
    return perform_decode(&file->picture, file->bytes, file->size, first, path, max_pixels, error);
}

static char *in_folder(const figures *of, const char *name)
{
    return de_join_path(of->folder, name);
}

/* ---- masks ---- */

static diffedit_status check_size(const char *what, const char *path, int width, int height,
                                  const diffedit_picture *picture, diffedit_error *error)
{
    int of_width = diffedit_picture_width(picture), of_height = diffedit_picture_height(picture);
    if (width == of_width && height == of_height)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_PICTURE,
                   "%.200s%sthe %s is %dx%d pixels, but the picture is %dx%d", path,
                   path[0] ? ": " : "", what, width, height, of_width, of_height);
}

/* *mask [height, width] of the picture, from a file; takes `path`. */
static diffedit_status load_mask(uint8_t **mask, char *path, const char *what,
                                 const diffedit_picture *picture, int64_t max_pixels,
                                 diffedit_error *error)
{
    loaded file;
    diffedit_status status = load(&file, path, NULL, max_pixels, error);
    if (status == DIFFEDIT_OK)
        status = check_size(what, path, diffedit_picture_width(file.picture),
                            diffedit_picture_height(file.picture), picture, error);
    if (status == DIFFEDIT_OK) {
        size_t count = (size_t)diffedit_picture_width(picture) *
                       (size_t)diffedit_picture_height(picture);
        *mask = malloc(count);
        status = *mask ? diffedit_picture_to_mask(*mask, file.picture, error)
                       : de_fail_memory(error, count, "a mask");
    }
    unload(&file);
    return status;
}

static diffedit_status load_truth(uint8_t **mask, const figures_row *row,
                                  const diffedit_picture *picture, int64_t max_pixels,
                                  diffedit_error *error)
{
    if (!pie_mask_is(row->truth))
        return load_mask(mask, strdup(row->truth), "true mask", picture, max_pixels, error);
    diffedit_status status = check_size("true mask", "", PIE_SIDE, PIE_SIDE, picture, error);
    if (status != DIFFEDIT_OK)
        return status;
    *mask = malloc(PIE_SIDE * PIE_SIDE);
    return *mask ? pie_mask_read(*mask, row->truth, error)
                 : de_fail_memory(error, PIE_SIDE * PIE_SIDE, "a mask");
}

/* ---- one line ---- */

static char *link_to(const assessment *at, const char *path)
{
    return path ? relative_link(at->settings->output, path) : NULL;
}

static diffedit_status keep_pictures(assessment *at, figures_row *row, const loaded *picture,
                                     const loaded *result, const measure_input *input,
                                     diffedit_error *error)
{
    int width = diffedit_picture_width(picture->picture);
    int height = diffedit_picture_height(picture->picture);
    bool is_file = row->truth && !pie_mask_is(row->truth);
    char *mask = row->mask ? in_folder(at->of, row->mask) : NULL;
    char *const owned[] = {thumbnail_of_file(picture->bytes, picture->size),
                           input->found ? thumbnail_of_mask(input->found, width, height) : NULL,
                           input->truth ? thumbnail_of_mask(input->truth, width, height) : NULL,
                           thumbnail_of_file(result->bytes, result->size),
                           link_to(at, picture->path),
                           link_to(at, mask),
                           link_to(at, is_file ? row->truth : NULL),
                           link_to(at, result->path)};
    const page_pictures pictures = {owned[0], owned[1], owned[2], owned[3],
                                    owned[4], owned[5], owned[6], owned[7]};
    diffedit_status status = page_keep(at->page, row, &pictures, error);
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    free(mask);
    return status;
}

/* `wrong` is what is wrong with the line, `error` with everything. */
static diffedit_status measure_row(assessment *at, figures_row *row, diffedit_error *wrong,
                                   diffedit_error *error)
{
    int64_t most = at->settings->max_pixels;
    loaded picture, result = {.path = NULL};
    uint8_t *found = NULL, *truth = NULL;
    diffedit_status status = load(&picture, strdup(row->picture), row->picture_hash, most, wrong);
    if (status == DIFFEDIT_OK)
        status = load(&result, in_folder(at->of, row->result), row->result_hash, most, wrong);
    if (status == DIFFEDIT_OK && row->mask)
        status = load_mask(&found, in_folder(at->of, row->mask), "mask", picture.picture, most,
                           wrong);
    if (status == DIFFEDIT_OK && row->truth)
        status = load_truth(&truth, row, picture.picture, most, wrong);
    const measure_input input = {picture.picture, result.picture, found, truth, at->of->edge};
    if (status == DIFFEDIT_OK)
        status = measure(row->values, &input, wrong);
    wrong->code = status;
    status = status == DIFFEDIT_OK ? keep_pictures(at, row, &picture, &result, &input, error)
                                   : DIFFEDIT_OK;
    unload(&picture);
    unload(&result);
    free(found);
    free(truth);
    return status;
}

static diffedit_status assess_row(assessment *at, figures_row *row, diffedit_error *error)
{
    diffedit_error wrong = {.code = DIFFEDIT_OK};
    diffedit_status status = measure_row(at, row, &wrong, error);
    if (status == DIFFEDIT_OK && wrong.code != DIFFEDIT_OK) {
        row->state = ROW_REFUSED;
        free(row->message);
        row->message = strdup(wrong.message);
        if (!row->message)
            status = de_fail_memory(error, strlen(wrong.message), "a message");
    }
    return status;
}

/* ---- all of them ---- */

static void end_with(assessment *at, diffedit_status status, const diffedit_error *why)
{
    pthread_mutex_lock(&at->mutex);
    if (at->status == DIFFEDIT_OK) {
        at->status = status;
        if (at->error)
            *at->error = *why;
    }
    pthread_mutex_unlock(&at->mutex);
    at->ends = true;
}

static void *work(void *user)
{
    assessment *at = user;
    size_t i;
    while (!at->ends && (i = at->next++) < at->of->count) {
        diffedit_error error;
        figures_row *row = &at->of->rows[i];
        if (row->state != ROW_MEASURED)
            continue;
        diffedit_status status = DIFFEDIT_OK;
        if (at->settings->interrupted && at->settings->interrupted())
            status = de_fail(&error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
        if (status == DIFFEDIT_OK)
            status = assess_row(at, row, &error);
        if (status == DIFFEDIT_OK)
            report_ended(&at->report, row->state == ROW_REFUSED);
        else
            end_with(at, status, &error);
    }
    return NULL;
}

/* The calling thread is one of them; fewer than asked for will do. */
static void run_threads(assessment *at, size_t count)
{
    pthread_t *threads = count > 1 ? malloc((count - 1) * sizeof *threads) : NULL;
    size_t started = 0;
    while (threads && started < count - 1 && pthread_create(&threads[started], NULL, work, at) == 0)
        started++;
    work(at);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

diffedit_status assess(figures *of, struct page *page, const eval_settings *settings,
                       diffedit_error *error)
{
    assessment at = {.of = of, .page = page, .settings = settings, .error = error};
    size_t lines = figures_count(of, ROW_MEASURED);
    size_t threads = (size_t)(settings->threads ? settings->threads : diffedit_core_count());
    pthread_mutex_init(&at.mutex, NULL);
    report_begin(&at.report, settings->quiet);
    report_expect(&at.report, (int64_t)lines);
    run_threads(&at, threads < lines || lines == 0 ? threads : lines);
    report_end(&at.report);
    pthread_mutex_destroy(&at.mutex);
    return at.status;
}
