/* Holes of a mask. Rows are lists of runs of 0; runs that touch one another in the next row are one
 * part (a union of sets), and a part that touches no border is a hole. */
#include "picture/picture.h"

#include <stdlib.h>
#include <string.h>

typedef struct run {
    int y, begin, end;
    bool outside;  /* of a root: the part touches the border */
    int64_t above; /* another run of the same part, or itself: then it is the root */
} run;

typedef struct runs {
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
    at[j].above = i;
    at[i].outside |= at[j].outside;
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
        const uint8_t *zero = memchr(row + x, 0, (size_t)(width - x));
        if (!zero)
            break;
        run new = {.y = y, .begin = (int)(zero - row)};
        const uint8_t *one = memchr(zero, 1, (size_t)(width - new.begin));
        x = new.end = one ? (int)(one - row) : width;
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

diffedit_status de_mask_fill(uint8_t *mask, int height, int width, diffedit_error *error)
{
    runs list = {0};
    diffedit_status status = DIFFEDIT_OK;
    int64_t before = 0;
    for (int y = 0; y < height && status == DIFFEDIT_OK; y++) {
        int64_t first = list.count;
        status = add_row(&list, mask + (int64_t)y * width, y, height, width, before, error);
        before = first;
    }
    for (int64_t i = 0; i < list.count && status == DIFFEDIT_OK; i++) {
        const run *r = &list.at[i];
        if (!list.at[find_root(list.at, i)].outside)
            memset(mask + (int64_t)r->y * width + r->begin, 1, (size_t)(r->end - r->begin));
    }
    free(list.at);
    return status;
}
