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

static double margin_of(const de_box_params *params, de_rectangle region)
{
    double margin = params->margin;
    if (margin < 0)
        margin = fmax(params->grid / 2.0, MARGIN_SHARE * fmax(region.width, region.height));
    return fmax(margin, ceil(params->soft));
}

/* The region and its margin, inside the picture. */
static de_rectangle needed(const de_box_params *params, de_rectangle region)
{
    double margin = margin_of(params, region);
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

de_rectangle de_box_choose(const de_box_params *params, de_rectangle region, de_rectangle kept)
{
    de_rectangle need = needed(params, region), box;
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
    bool keeps = kept.width && is_inside(need, kept) && area(kept) <= ROOMIEST * area(box);
    return keeps ? kept : box;
}
