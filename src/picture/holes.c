/* Parts of a mask: its holes, its specks, and those without anything of another mask. Rows are
 * lists of runs of one value; runs that touch one another in the next row are one part (a union of
 * sets). */
#include "picture/picture.h"

#include <stdlib.h>
#include <string.h>

typedef struct run {
    int y, begin, end;
    bool outside;  /* of a root: the part touches the border */
    bool held;     /* likewise: something of another mask lies in it */
    int64_t area;  /* likewise: its pixels */
    int64_t above; /* another run of the same part, or itself: then it is the root */
} run;

typedef struct runs {
    uint8_t value;        /* of the mask, of which they are */
    const uint8_t *other; /* [height, width], of which they may hold something; or NULL */
    run *at;
    int64_t count, capacity;
} runs;

static int64_t find_root(run *at, int64_t i)
{
    while (at[i].above != i) {
        at[i].above = at[at[i].above].above;
        i = at[i].above;
    }
    return i;
}

static void join(run *at, int64_t i, int64_t j)
{
    i = find_root(at, i);
    j = find_root(at, j);
    if (i == j)
        return;
    at[j].above = i;
    at[i].outside |= at[j].outside;
    at[i].held |= at[j].held;
    at[i].area += at[j].area;
}

static diffedit_status add(runs *list, run new, diffedit_error *error)
{
    if (list->count == list->capacity) {
        int64_t capacity = 2 * list->capacity + 1024;
        run *more = realloc(list->at, (size_t)capacity * sizeof *more);
        if (!more)
            return de_fail_memory(error, (size_t)capacity * sizeof *more, "the mask");
        list->at = more;
        list->capacity = capacity;
    }
    new.above = list->count;
    list->at[list->count++] = new;
    return DIFFEDIT_OK;
}

/* Adds the runs of row y, joined to those of the row before, which begin at `before`. */
static diffedit_status add_row(runs *list, const uint8_t *row, int y, int height, int width,
                               int64_t before, diffedit_error *error)
{
    const int64_t first = list->count;
    for (int x = 0; x < width;) {
        const uint8_t *begin = memchr(row + x, list->value, (size_t)(width - x));
        if (!begin)
            break;
        run new = {.y = y, .begin = (int)(begin - row)};
        const uint8_t *end = memchr(begin, !list->value, (size_t)(width - new.begin));
        x = new.end = end ? (int)(end - row) : width;
        new.area = new.end - new.begin;
        new.held = list->other &&memchr(list->other + (int64_t)y * width + new.begin, 1,
                                        (size_t) new.area);
        new.outside = y == 0 || y == height - 1 || new.begin == 0 || x == width;
        diffedit_status status = add(list, new, error);
        if (status != DIFFEDIT_OK)
            return status;
        while (before < first && list->at[before].end <= new.begin)
            before++;
        for (int64_t i = before; i < first && list->at[i].begin < new.end; i++)
            join(list->at, i, list->count - 1);
    }
    return DIFFEDIT_OK;
}

static diffedit_status find_parts(runs *list, const uint8_t *mask, int height, int width,
                                  diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    int64_t before = 0;
    for (int y = 0; y < height && status == DIFFEDIT_OK; y++) {
        int64_t first = list->count;
        status = add_row(list, mask + (int64_t)y * width, y, height, width, before, error);
        before = first;
    }
    return status;
}

static void turn(uint8_t *mask, int width, const runs *list, int64_t i)
{
    const run *r = &list->at[i];
    memset(mask + (int64_t)r->y * width + r->begin, !list->value, (size_t)(r->end - r->begin));
}

diffedit_status de_mask_fill(uint8_t *mask, int height, int width, diffedit_error *error)
{
    runs list = {.value = 0};
    diffedit_status status = find_parts(&list, mask, height, width, error);
    for (int64_t i = 0; i < list.count && status == DIFFEDIT_OK; i++)
        if (!list.at[find_root(list.at, i)].outside)
            turn(mask, width, &list, i);
    free(list.at);
    return status;
}

diffedit_status de_mask_drop_specks(uint8_t *mask, int height, int width, int64_t area,
                                    diffedit_error *error)
{
    runs list = {.value = 1};
    diffedit_status status = find_parts(&list, mask, height, width, error);
    for (int64_t i = 0; i < list.count && status == DIFFEDIT_OK; i++)
        if (list.at[find_root(list.at, i)].area < area)
            turn(mask, width, &list, i);
    free(list.at);
    return status;
}

diffedit_status de_mask_keep_parts(uint8_t *mask, const uint8_t *other, int height, int width,
                                   diffedit_error *error)
{
    runs list = {.value = 1, .other = other};
    diffedit_status status = find_parts(&list, mask, height, width, error);
    for (int64_t i = 0; i < list.count && status == DIFFEDIT_OK; i++)
        if (!list.at[find_root(list.at, i)].held)
            turn(mask, width, &list, i);
    free(list.at);
    return status;
}
