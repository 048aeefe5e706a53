#include "picture/distance.h"

#include <math.h>
#include <stdlib.h>

/* Room for one line: its values, and the lower envelope of the parabolas that stand on them. */
typedef struct line {
    double *values, *starts; /* starts[k]: where parabola k begins to be the lowest */
    int *roots;              /* where parabola k stands */
} line;

/* values[n] -> min over q of (p - q)^2 + values[q] */
static void transform(const line *l, int n)
{
    int top = -1;
    for (int q = 0; q < n; q++) {
        if (isinf(l->values[q]))
            continue;
        double start = -INFINITY;
        while (top >= 0) {
            int r = l->roots[top];
            start = (l->values[q] + (double)q * q - l->values[r] - (double)r * r) / (2.0 * (q - r));
            if (start > l->starts[top])
                break;
            top--;
        }
        top++;
        l->roots[top] = q;
        l->starts[top] = top ? start : -INFINITY;
    }
    if (top < 0)
        return;
    double *out = l->starts + n; /* a second half, so that values are read to the end */
    for (int p = 0, k = 0; p < n; p++) {
        while (k < top && l->starts[k + 1] < p)
            k++;
        double away = p - l->roots[k];
        out[p] = away * away + l->values[l->roots[k]];
    }
    for (int p = 0; p < n; p++)
        l->values[p] = out[p];
}

diffedit_status de_squared_distance(const uint8_t *mask, uint8_t value, int height, int width,
                                    float *squared, diffedit_error *error)
{
    size_t longest = (size_t)(height > width ? height : width);
    line l = {.values = malloc(longest * sizeof(double)),
              .starts = malloc(2 * longest * sizeof(double)),
              .roots = malloc(longest * sizeof(int))};
    bool enough = l.values && l.starts && l.roots;
    for (int x = 0; x < width && enough; x++) {
        for (int y = 0; y < height; y++)
            l.values[y] = mask[(size_t)y * (size_t)width + (size_t)x] == value ? 0 : INFINITY;
        transform(&l, height);
        for (int y = 0; y < height; y++)
            squared[(size_t)y * (size_t)width + (size_t)x] = (float)l.values[y];
    }
    for (int y = 0; y < height && enough; y++) {
        float *row = squared + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++)
            l.values[x] = row[x];
        transform(&l, width);
        for (int x = 0; x < width; x++)
            row[x] = (float)l.values[x];
    }
    free(l.values);
    free(l.starts);
    free(l.roots);
    return enough ? DIFFEDIT_OK : de_fail_memory(error, longest * 3 * sizeof(double), "a distance");
}
