/* How alike two pictures are, in parts of them: pure functions on pixels and masks, without files.
 * docs/EVAL.md has the formulas; scikit-image's functions give the same numbers. */
#ifndef EVAL_METRICS_H
#define EVAL_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

enum {
    METRICS_REGIONS = 8, /* of a comparison: one for each bit of a byte */
    METRICS_WINDOW = 7   /* the side of the window of structural similarity, in pixels */
};

/* Pixels as diffedit_picture_pixels() has them. */
typedef struct metrics_picture {
    const void *values; /* [height, width, channels], 8 or 16 bit in native byte order */
    int width, height;
    int channels; /* 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha */
    int bits;
} metrics_picture;

/* What is summed over a region. Differences are in levels of 8 bit: a value of 16 bit counts as a
 * 257th. */
typedef struct metrics_sums {
    int64_t pixels;
    int64_t kept;    /* pixels that are equal in every channel that both pictures have */
    double squared;  /* squared differences of the colours, alpha left out */
    int64_t colours; /* 1 or 3: so many differences a pixel */
    double similarity;
    int64_t windows; /* pixels whose window lies within the picture: terms of `similarity` */
} metrics_sums;

/* sums[r] over the pixels whose byte in regions [height, width] has bit r. Where one picture is
 * deeper than the other it is cut to the other's depth, and grey is compared with colours as RGB.
 * Errors: ARGUMENT (sizes differ), MEMORY. */
diffedit_status metrics_compare(metrics_sums sums[METRICS_REGIONS], const metrics_picture *a,
                                const metrics_picture *b, const uint8_t *regions,
                                diffedit_error *error);

/* All of these are NaN where the region has no pixel. */

double metrics_kept(const metrics_sums *sums);  /* share of the pixels */
double metrics_equal(const metrics_sums *sums); /* 1: all are kept; 0 */
double metrics_mse(const metrics_sums *sums);
double metrics_psnr(const metrics_sums *sums); /* dB, the peak being 255; infinite: all equal */
/* The mean of the map of structural similarity; NaN also where no window lies in the picture. */
double metrics_ssim(const metrics_sums *sums);

/* Masks of bytes 0 or 1. */

/* Intersection over union of count pixels; 1 where both are empty. */
double metrics_overlap(const uint8_t *a, const uint8_t *b, int64_t count);
double metrics_share(const uint8_t *mask, int64_t count);
/* near [height, width] is 1 where mask has a 1 in the square of side 2 distance + 1 around the
 * pixel. Errors: MEMORY. */
diffedit_status metrics_grow(uint8_t *near, const uint8_t *mask, int width, int height,
                             int distance, diffedit_error *error);

#endif
