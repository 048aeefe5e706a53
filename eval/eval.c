#include "eval.h"

#include "assess.h"
#include "csv_tables.h"
#include "joined.h"
#include "ledgers.h"

#include "common/join_path.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the means as JSON ---- */

static json_t *number(double value)
{
    return isnan(value)   ? json_null()
           : isinf(value) ? json_string(value > 0 ? "inf" : "-inf")
                          : json_real(value);
}

static json_t *group_json(const figures *of, const figures_groups *groups,
                          const figures_group *group)
{
    json_t *object = json_object();
    for (size_t i = 0; i < of->column_count; i++) {
        summary found = figures_summary(of, i, groups, group);
        if (found.count > 0)
            json_object_set_new(object, of->columns[i].name,
                                json_pack("{s:o, s:o, s:I, s:I}", "mean", number(found.mean),
                                          "median", number(found.median), "count",
                                          (json_int_t)found.count, "infinite",
                                          (json_int_t)found.infinite));
    }
    return object;
}

static diffedit_status make_means(json_t **means, const figures *of, const figures_groups *groups,
                                  diffedit_error *error)
{
    json_t *object = json_object();
    for (size_t i = 0; i < groups->count; i++) {
        const figures_group *group = &groups->groups[i];
        if (!group->name || group->name[0])
            json_object_set_new(object, group->name ? group->name : "",
                                group_json(of, groups, group));
    }
    *means = object;
    return object ? DIFFEDIT_OK : de_fail_memory(error, 1, "means");
}

/* ---- files ---- */

static diffedit_status make_folder(const char *path, diffedit_error *error)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be made: %s", path, strerror(errno));
}

enum { LINES, MEANS, PAGE, FILES };

static diffedit_status write_file(int file, const char *path, struct page *page, const figures *of,
                                  const figures_groups *groups, diffedit_error *error)
{
    switch (file) {
    case LINES: return csv_write_lines(of, path, error);
    case MEANS: return csv_write_means(of, groups, path, error);
    default: return page_write(page, of, groups, path, error);
    }
}

static diffedit_status write_files(struct page *page, const figures *of,
                                   const figures_groups *groups, const char *folder,
                                   diffedit_error *error)
{
    static const char *const names[FILES] = {"eval.csv", "eval-means.csv", "eval.html"};
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < FILES && status == DIFFEDIT_OK; i++) {
        char *path = de_join_path(folder, names[i]);
        if (!path)
            return de_fail_memory(error, strlen(folder), "a path");
        status = write_file(i, path, page, of, groups, error);
        free(path);
    }
    return status;
}

/* ---- the whole ---- */

static diffedit_status evaluate(figures *of, struct page **page, const eval_settings *settings,
                                diffedit_error *error)
{
    diffedit_status status = ledgers_read(of, error);
    for (size_t i = 0; i < settings->joined_count && status == DIFFEDIT_OK; i++)
        status = joined_read(of, settings->joined[i], error);
    if (status == DIFFEDIT_OK)
        status = make_folder(settings->output, error);
    if (status == DIFFEDIT_OK)
        status = page_begin(page, error);
    if (status == DIFFEDIT_OK)
        status = assess(of, *page, settings, error);
    return status;
}

static diffedit_status conclude(eval_summary *made, figures *of, struct page *page,
                                const char *folder, diffedit_error *error)
{
    figures_groups groups;
    *made = (eval_summary){.lines = of->count,
                           .measured = figures_count(of, ROW_MEASURED),
                           .failed = figures_count(of, ROW_FAILED),
                           .waiting = figures_count(of, ROW_WAITING),
                           .refused = figures_count(of, ROW_REFUSED)};
    diffedit_status status = figures_note_present(of, error);
    if (status == DIFFEDIT_OK)
        status = figures_group_rows(&groups, of, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = write_files(page, of, &groups, folder, error);
    if (status == DIFFEDIT_OK)
        status = make_means(&made->means, of, &groups, error);
    figures_groups_free(&groups);
    return status;
}

diffedit_status eval_run(eval_summary *made, const eval_settings *settings, diffedit_error *error)
{
    figures of;
    struct page *page = NULL;
    *made = (eval_summary){.means = NULL};
    diffedit_status status = figures_begin(&of, settings->folder, settings->edge, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = evaluate(&of, &page, settings, error);
    if (status == DIFFEDIT_OK)
        status = conclude(made, &of, page, settings->output, error);
    page_free(page);
    figures_free(&of);
    return status;
}
