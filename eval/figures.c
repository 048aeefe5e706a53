#include "figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

diffedit_status figures_begin(figures *new, const char *folder, int edge, diffedit_error *error)
{
    *new = (figures){.folder = folder, .edge = edge, .column_count = COLUMNS};
    new->columns = malloc(sizeof column_table);
    if (!new->columns)
        return de_fail_memory(error, sizeof column_table, "columns");
    memcpy(new->columns, column_table, sizeof column_table);
    return DIFFEDIT_OK;
}

void figures_row_free(figures_row *row)
{
    char *const texts[] = {row->id,     row->name,    row->category,     row->from,
                           row->to,     row->message, row->picture,      row->truth,
                           row->result, row->mask,    row->picture_hash, row->result_hash};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    free(row->values);
}

void figures_free(figures *old)
{
    for (size_t i = 0; i < old->count; i++)
        figures_row_free(&old->rows[i]);
    for (size_t i = COLUMNS; i < old->column_count; i++)
        free((char *)(uintptr_t)old->columns[i].name);
    free(old->rows);
    free(old->columns);
    free(old->present);
}

/* Room for one more in an array that grows by doubling. */
static void *grown(void *rows, size_t count, size_t size)
{
    bool full = count == 0 || (count & (count - 1)) == 0;
    return full ? realloc(rows, (count ? 2 * count : 1) * size) : rows;
}

figures_row *figures_add(figures *to)
{
    figures_row *rows = grown(to->rows, to->count, sizeof *rows);
    if (!rows)
        return NULL;
    to->rows = rows;
    figures_row *row = &rows[to->count];
    *row = (figures_row){.values = malloc(to->column_count * sizeof *row->values)};
    if (!row->values)
        return NULL;
    for (size_t i = 0; i < to->column_count; i++)
        row->values[i] = NAN;
    to->count++;
    return row;
}

static int compare_rows(const void *a, const void *b)
{
    const figures_row *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

void figures_sort(figures *of)
{
    if (of->count)
        qsort(of->rows, of->count, sizeof *of->rows, compare_rows);
}

diffedit_status figures_add_column(figures *to, const char *name, diffedit_error *error)
{
    size_t count = to->column_count;
    column *columns = realloc(to->columns, (count + 1) * sizeof *columns);
    if (!columns)
        return de_fail_memory(error, (count + 1) * sizeof *columns, "columns");
    to->columns = columns;
    for (size_t i = 0; i < to->count; i++) {
        double *values = realloc(to->rows[i].values, (count + 1) * sizeof *values);
        if (!values)
            return de_fail_memory(error, (count + 1) * sizeof *values, "a line's figures");
        values[count] = NAN;
        to->rows[i].values = values;
    }
    char *copy = strdup(name);
    if (!copy)
        return de_fail_memory(error, strlen(name), "a column's name");
    columns[count] = (column){.name = copy,
                              .title = copy,
                              .group = COLUMN_OF_USER,
                              .form = COLUMN_NUMBER,
                              .digits = 3,
                              .main = true};
    to->column_count++;
    return DIFFEDIT_OK;
}

const char *figures_state_name(row_state state)
{
    static const char *const names[] = {"measured", "failed", "waiting", "refused"};
    return names[state];
}

size_t figures_count(const figures *of, row_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < of->count; i++)
        count += of->rows[i].state == state;
    return count;
}

/* ---- groups ---- */

static const char *category_of(const figures_row *row)
{
    return row->category ? row->category : "";
}

/* A measured row and its category. */
typedef struct labelled {
    const char *category;
    size_t row;
} labelled;

static int compare_labelled(const void *a, const void *b)
{
    const labelled *x = a, *y = b;
    int order = strcmp(x->category, y->category);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* The rows in the order of their categories, and a group for each. */
static void fill_groups(figures_groups *groups, const labelled *labels, size_t count)
{
    groups->groups[0] = (figures_group){NULL, groups->rows, count};
    groups->count = 1;
    for (size_t i = 0; i < count; i++) {
        figures_group *last = &groups->groups[groups->count - 1];
        groups->rows[i] = labels[i].row;
        if (groups->count == 1 || strcmp(last->name, labels[i].category) != 0)
            groups->groups[groups->count++] = (figures_group){labels[i].category, groups->rows + i,
                                                              1};
        else
            last->count++;
    }
}

diffedit_status figures_group_rows(figures_groups *groups, const figures *of, diffedit_error *error)
{
    size_t count = figures_count(of, ROW_MEASURED), used = 0;
    labelled *labels = malloc((count + 1) * sizeof *labels);
    *groups = (figures_groups){.groups = malloc((count + 2) * sizeof(figures_group)),
                               .rows = malloc((count + 1) * sizeof(size_t)),
                               .scratch = malloc((count + 1) * sizeof(double))};
    if (!labels || !groups->groups || !groups->rows || !groups->scratch) {
        free(labels);
        figures_groups_free(groups);
        return de_fail_memory(error, count * sizeof *labels, "categories");
    }
    for (size_t i = 0; i < of->count; i++)
        if (of->rows[i].state == ROW_MEASURED)
            labels[used++] = (labelled){category_of(&of->rows[i]), i};
    qsort(labels, count, sizeof *labels, compare_labelled);
    fill_groups(groups, labels, count);
    free(labels);
    return DIFFEDIT_OK;
}

void figures_groups_free(figures_groups *groups)
{
    free(groups->groups);
    free(groups->rows);
    free(groups->scratch);
}

bool figures_groups_differ(const figures_groups *groups)
{
    return groups->count > 2 || (groups->count == 2 && groups->groups[1].name[0]);
}

summary figures_summary(const figures *of, size_t place, const figures_groups *groups,
                        const figures_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        groups->scratch[i] = of->rows[group->rows[i]].values[place];
    return summary_make(groups->scratch, group->count);
}

diffedit_status figures_note_present(figures *of, diffedit_error *error)
{
    of->present = malloc(of->column_count * sizeof *of->present);
    if (!of->present)
        return de_fail_memory(error, of->column_count, "columns");
    for (size_t place = 0; place < of->column_count; place++) {
        bool present = false;
        for (size_t i = 0; i < of->count && !present; i++)
            present = of->rows[i].state == ROW_MEASURED && !isnan(of->rows[i].values[place]);
        of->present[place] = present;
    }
    return DIFFEDIT_OK;
}

/* ---- numbers ---- */

void figures_write_number(char text[FIGURES_NUMBER], double value)
{
    text[0] = '\0';
    if (isinf(value))
        snprintf(text, FIGURES_NUMBER, "%s", value > 0 ? "inf" : "-inf");
    else if (!isnan(value))
        snprintf(text, FIGURES_NUMBER, "%.10g", value);
}
