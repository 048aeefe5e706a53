#include "sampling/guidance.h"

#include <math.h>
#include <string.h>

static void guide_cfg(const float *u, const float *t, double g, int64_t count, float *eps)
{
    float scale = (float)g;
    for (int64_t i = 0; i < count; i++)
        eps[i] = u[i] + scale * (t[i] - u[i]);
}

static void guide_normalised(const float *u, const float *t, double g, int64_t count, float *eps)
{
    double norm_u = 0, norm_difference = 0, norm_p = 0;
    for (int64_t i = 0; i < count; i++) {
        double difference = (double)t[i] - u[i];
        norm_u += (double)u[i] * u[i];
        norm_difference += difference * difference;
    }
    if (norm_difference == 0 || g == 0) {
        memmove(eps, u, (size_t)count * sizeof *eps);
        return;
    }
    double along = g * sqrt(norm_u / norm_difference);
    for (int64_t i = 0; i < count; i++) {
        double p = u[i] + along * ((double)t[i] - u[i]);
        norm_p += p * p;
        eps[i] = (float)p;
    }
    float scale = norm_p > 0 ? (float)sqrt(norm_u / norm_p) : 0.0f;
    for (int64_t i = 0; i < count; i++)
        eps[i] *= scale;
}

void de_guide(int kind, const float *u, const float *t, double g, int64_t count, float *eps)
{
    if (kind == DIFFEDIT_GUIDANCE_CFG)
        guide_cfg(u, t, g, count, eps);
    else
        guide_normalised(u, t, g, count, eps);
}
