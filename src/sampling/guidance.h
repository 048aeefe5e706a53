/* Guidance: eps[count] from eps of the unconditional u and of the text t. */
#ifndef DE_GUIDANCE_H
#define DE_GUIDANCE_H

#include "base/base.h"

/* By `kind` of diffedit_options (DIFFEDIT_GUIDANCE_...); eps may be u.
 * cfg: u + g (t - u) (Ho and Salimans 2022, equation 6).
 * normalised: p = u + g (t - u) / |t - u| |u|; eps = p |u| / |p|; norms over all values; t = u
 * gives u. */
void de_guide(int kind, const float *u, const float *t, double g, int64_t count, float *eps);

#endif
