/* The functions a value may go through before it is stored. */
#ifndef DE_ACTIVATION_H
#define DE_ACTIVATION_H

typedef enum de_activation { DE_NONE, DE_SILU, DE_GELU, DE_QUICK_GELU } de_activation;

#endif
