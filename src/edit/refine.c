/* A map knows where the thing is, but not to the pixel; the picture knows where things end. */
#include "edit/stage.h"
#include "picture/guided.h"
#include "picture/interpolate.h"

#include <math.h>
#include <stdlib.h>

enum {
    CHANNELS = 3,
    FINENESS = 2, /* pixels of a cell, where the filter's coefficients are made */
    WINDOW = 10,  /* cells to each side: wide, so that a window holds thing and place */
};
static const double EPSILON = 1e-4;

static de_guided_params filter_params(int height, int width, de_cells cells)
{
    int h = FINENESS * cells.h < height ? FINENESS * cells.h : height,
        w = FINENESS * cells.w < width ? FINENESS * cells.w : width;
    return (de_guided_params){.height = height,
                              .width = width,
                              .channels = CHANNELS,
                              .h = h,
                              .w = w,
                              .radius = (int)ceil((double)WINDOW * h / cells.h),
                              .epsilon = EPSILON};
}

diffedit_status de_map_refine(float *refined, const float *values, de_cells cells,
                              const diffedit_picture *picture, de_stage_context *context,
                              diffedit_error *error)
{
    enum { LOOPS = 3 };
    int height = diffedit_picture_height(picture), width = diffedit_picture_width(picture);
    const de_guided_params params = filter_params(height, width, cells);
    de_stage_listener listener = {context, DIFFEDIT_STAGE_MAP};
    de_work work = de_stage_work(&listener, LOOPS);
    uint8_t *guide = NULL;
    float *scaled = NULL;
    diffedit_status status = de_allocate_bytes(&guide, (int64_t)height * width * CHANNELS,
                                               "the picture", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&scaled, (int64_t)params.h * params.w, "the map", error);
    if (status == DIFFEDIT_OK)
        status = de_picture_network_input(picture, width, height, guide, error);
    if (status == DIFFEDIT_OK)
        status = de_scale_linear(scaled, params.h, params.w, values, cells.h, cells.w, &work,
                                 error);
    if (status == DIFFEDIT_OK)
        status = de_guided_filter(refined, &params, guide, scaled, &work, error);
    free(scaled);
    free(guide);
    return status;
}
