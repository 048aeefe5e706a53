#include "picture/interpolate.h"

#include <stdlib.h>

typedef struct scaling {
    float *scaled;
    const float *values;
    const de_between *columns; /* [width] */
    int height, width, h, w;
} scaling;

static void scale_rows(void *user, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const scaling *s = user;
    for (int64_t y = begin; y < end; y++) {
        de_between row = de_between_at(y, s->height, s->h);
        const float *above = s->values + (int64_t)row.at * s->w,
                    *below = s->values + (int64_t)row.next * s->w;
        for (int64_t x = 0; x < s->width; x++) {
            de_between b = s->columns[x];
            s->scaled[y * s->width + x] = de_mix(de_mix(above[b.at], above[b.next], b.part),
                                                 de_mix(below[b.at], below[b.next], b.part),
                                                 row.part);
        }
    }
}

diffedit_status de_scale_linear(float *scaled, int height, int width, const float *values, int h,
                                int w, de_work *work, diffedit_error *error)
{
    enum { ROWS = 16 };
    de_between *columns = malloc((size_t)width * sizeof *columns);
    if (!columns)
        return de_fail_memory(error, (size_t)width * sizeof *columns, "a scaled map");
    for (int x = 0; x < width; x++)
        columns[x] = de_between_at(x, width, w);
    scaling s = {scaled, values, columns, height, width, h, w};
    diffedit_status status = de_work_run(work, height, ROWS, scale_rows, &s, error);
    free(columns);
    return status;
}
