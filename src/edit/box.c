#include "edit/box.h"

#include <math.h>

static const double SMALLEST_SHARE = 0.25; /* of the native area, that a box is enlarged to */
static const double LONGEST_ASPECT = 2;    /* of a box, unless the picture is thinner */
static const double ROOMIEST = 4;        /* of what is needed, that a box which is kept may have */
static const double MARGIN_SHARE = 0.25; /* of the region's longer side */

double de_box_scale(const de_box_params *params, int width, int height)
{
    double area = (double)width * height;
    double target = fmin(fmax(area, SMALLEST_SHARE * params->native), params->native);
    double whole = params->native / ((double)params->width * params->height);
    return sqrt(fmax(target / area, whole));
}

double de_box_cell(const de_box_params *params, int width, int height)
{
    double pixels = 1 / de_box_scale(params, width, height);
    if (params->asked_width)
        pixels = fmax((double)width / params->asked_width, (double)height / params->asked_height);
    return params->factor * pixels;
}

/* The region and its margin, inside the picture. No soft edge is cut in a part with such cells. */
static de_rectangle needed(const de_box_params *params, de_rectangle region, double cell)
{
    double margin = params->margin;
    if (margin < 0)
        margin = fmax(params->grid / 2.0, MARGIN_SHARE * fmax(region.width, region.height));
    margin = fmax(margin, ceil(params->soft + params->soft_cells * cell));
    int left = (int)fmax(0, region.x - margin), top = (int)fmax(0, region.y - margin);
    int right = (int)fmin(params->width, region.x + region.width + margin);
    int bottom = (int)fmin(params->height, region.y + region.height + margin);
    return (de_rectangle){left, top, right - left, bottom - top};
}

/* Places `length` pixels or a little more, a multiple of unit, in [0, size), around [begin, begin +
 * held). */
static void place(double unit, double length, int begin, int held, int size, int *at, int *extent)
{
    for (int units = (int)ceil(length / unit);; units++) {
        double taken = rint(units * unit);
        if (taken >= size) {
            *at = 0;
            *extent = size;
            return;
        }
        double start = rint(rint((begin + (held - taken) / 2) / unit) * unit);
        *at = (int)fmin(fmax(start, 0), size - taken);
        *extent = (int)taken;
        if (*at <= begin && *at + *extent >= begin + held)
            return;
    }
}

static bool is_inside(de_rectangle a, de_rectangle b)
{
    return a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width &&
           a.y + a.height <= b.y + b.height;
}

static double area(de_rectangle a)
{
    return (double)a.width * a.height;
}

/* A box for what is needed. */
static de_rectangle around(const de_box_params *params, de_rectangle need)
{
    de_rectangle box;
    double width = need.width, height = need.height, unit = 1;
    if (params->asked_width) {
        double aspect = (double)params->asked_width / params->asked_height;
        width = fmax(width, height * aspect);
        height = width / aspect;
    } else {
        width = fmin(fmax(width, height / LONGEST_ASPECT), params->width);
        height = fmin(fmax(height, width / LONGEST_ASPECT), params->height);
        unit = fmax(1, params->grid / de_box_scale(params, (int)width, (int)height));
    }
    place(unit, width, need.x, need.width, params->width, &box.x, &box.width);
    place(unit, height, need.y, need.height, params->height, &box.y, &box.height);
    return box;
}

de_rectangle de_box_choose(const de_box_params *params, de_rectangle region, de_rectangle kept)
{
    de_rectangle box;
    double cell = 0, found = 0;
    do { /* a larger box has larger cells, and so perhaps a wider soft edge */
        cell = found;
        box = around(params, needed(params, region, cell));
        found = de_box_cell(params, box.width, box.height);
    } while (found > cell && params->soft_cells > 0);
    if (!kept.width)
        return box;
    cell = de_box_cell(params, kept.width, kept.height);
    bool keeps = is_inside(needed(params, region, cell), kept) &&
                 area(kept) <= ROOMIEST * area(box);
    return keeps ? kept : box;
}
