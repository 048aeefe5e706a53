#ifndef DE_BLUR_H
#define DE_BLUR_H

#include "picture/work.h"

/* Softens alpha [height, width], in 0..1, with what is nearly a Gaussian, edges replicated, in time
 * that does not depend on sigma. Of the Gaussian's own result it is at most 0.015 away, its
 * variance is the same, and where all of alpha within 4 (r + 1) pixels is 0 or 1 (r: about 0.87
 * sigma) it stays exactly that. Two loops of work. Errors: MEMORY, of the step. */
diffedit_status de_blur(float *alpha, int height, int width, double sigma, de_work *work,
                        diffedit_error *error);

/* How far it carries a value. */
int de_blur_reach(double sigma);

#endif
