/* Attention with what quick arithmetic multiplies, and its keys and values. */
#define DE_ATTENTION_QUICK
#include "kernels/attention_simd.c"
