/* The activations that can be applied to a value before it is stored. */
#ifndef DE_ACTIVATION_H
#define DE_ACTIVATION_H

typedef enum de_activation { DE_NONE, DE_SILU, DE_GELU, DE_QUICK_GELU } de_activation;

#endif
