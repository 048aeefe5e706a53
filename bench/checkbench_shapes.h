/* What the networks compute, layer by layer: the cases of checkbench. */
#ifndef CHECKBENCH_SHAPES_H
#define CHECKBENCH_SHAPES_H

#include <stdint.h>

typedef enum bench_kind {
    LINEAR,         /* x [n * h * w, in] -> [.., out] */
    EMBEDDING,      /* a linear layer of the time, which is exact in both arithmetics */
    GEGLU,          /* -> [.., out / 2] */
    CONVOLUTION,    /* 3x3, stride 1 */
    ENLARGING,      /* 3x3 on the input enlarged to h x w */
    HALVING,        /* 3x3, stride 2, of an input of h x w */
    ATTENTION,      /* h * w queries and keys, `in` wide, `out` heads */
    TEXT_ATTENTION, /* with 77 keys that all images share */
    GROUP_NORM,     /* 32 groups and SiLU; 8 groups for fewer than 32 channels */
    LAYER_NORM,
} bench_kind;

enum { BENCH_KINDS = LAYER_NORM + 1 };

typedef struct bench_case {
    const char *network;
    bench_kind kind;
    int times; /* how often the network computes it */
    int64_t n, h, w, in, out;
} bench_case;

/* One guided evaluation (batch 2) of the UNet of SD 1.4 at 512 x 512; decoding such a picture; the
 * sizes of the pocket model. 3x3 convolutions with other numbers of channels in than out are listed
 * one by one. */
static const bench_case bench_cases[] = {
    {"unet", CONVOLUTION, 1, 2, 64, 64, 4, 320},
    {"unet", CONVOLUTION, 7, 2, 64, 64, 320, 320},
    {"unet", CONVOLUTION, 2, 2, 64, 64, 640, 320},
    {"unet", CONVOLUTION, 1, 2, 64, 64, 960, 320},
    {"unet", CONVOLUTION, 1, 2, 64, 64, 320, 4},
    {"unet", ENLARGING, 1, 2, 64, 64, 640, 640},
    {"unet", HALVING, 1, 2, 64, 64, 320, 320},
    {"unet", CONVOLUTION, 1, 2, 32, 32, 320, 640},
    {"unet", CONVOLUTION, 6, 2, 32, 32, 640, 640},
    {"unet", CONVOLUTION, 1, 2, 32, 32, 960, 640},
    {"unet", CONVOLUTION, 1, 2, 32, 32, 1280, 640},
    {"unet", CONVOLUTION, 1, 2, 32, 32, 1920, 640},
    {"unet", ENLARGING, 1, 2, 32, 32, 1280, 1280},
    {"unet", HALVING, 1, 2, 32, 32, 640, 640},
    {"unet", CONVOLUTION, 1, 2, 16, 16, 640, 1280},
    {"unet", CONVOLUTION, 6, 2, 16, 16, 1280, 1280},
    {"unet", CONVOLUTION, 1, 2, 16, 16, 1920, 1280},
    {"unet", CONVOLUTION, 2, 2, 16, 16, 2560, 1280},
    {"unet", ENLARGING, 1, 2, 16, 16, 1280, 1280},
    {"unet", HALVING, 1, 2, 16, 16, 1280, 1280},
    {"unet", CONVOLUTION, 11, 2, 8, 8, 1280, 1280},
    {"unet", CONVOLUTION, 3, 2, 8, 8, 2560, 1280},

    {"unet", LINEAR, 20, 2, 64, 64, 320, 320},
    {"unet", LINEAR, 5, 2, 64, 64, 320, 960},
    {"unet", GEGLU, 5, 2, 64, 64, 320, 2560},
    {"unet", LINEAR, 5, 2, 64, 64, 1280, 320},
    {"unet", LINEAR, 2, 2, 64, 64, 640, 320},
    {"unet", LINEAR, 1, 2, 64, 64, 960, 320},
    {"unet", LINEAR, 20, 2, 32, 32, 640, 640},
    {"unet", LINEAR, 5, 2, 32, 32, 640, 1920},
    {"unet", GEGLU, 5, 2, 32, 32, 640, 5120},
    {"unet", LINEAR, 5, 2, 32, 32, 2560, 640},
    {"unet", LINEAR, 1, 2, 32, 32, 1920, 640},
    {"unet", LINEAR, 1, 2, 32, 32, 1280, 640},
    {"unet", LINEAR, 1, 2, 32, 32, 960, 640},
    {"unet", LINEAR, 1, 2, 32, 32, 320, 640},
    {"unet", LINEAR, 20, 2, 16, 16, 1280, 1280},
    {"unet", LINEAR, 5, 2, 16, 16, 1280, 3840},
    {"unet", GEGLU, 5, 2, 16, 16, 1280, 10240},
    {"unet", LINEAR, 5, 2, 16, 16, 5120, 1280},
    {"unet", LINEAR, 2, 2, 16, 16, 2560, 1280},
    {"unet", LINEAR, 1, 2, 16, 16, 1920, 1280},
    {"unet", LINEAR, 1, 2, 16, 16, 640, 1280},
    {"unet", LINEAR, 4, 2, 8, 8, 1280, 1280},
    {"unet", LINEAR, 1, 2, 8, 8, 1280, 3840},
    {"unet", GEGLU, 1, 2, 8, 8, 1280, 10240},
    {"unet", LINEAR, 1, 2, 8, 8, 5120, 1280},
    {"unet", LINEAR, 3, 2, 8, 8, 2560, 1280},
    {"unet", EMBEDDING, 12, 2, 1, 1, 1280, 1280},

    {"unet", ATTENTION, 5, 2, 64, 64, 320, 8},
    {"unet", ATTENTION, 5, 2, 32, 32, 640, 8},
    {"unet", ATTENTION, 5, 2, 16, 16, 1280, 8},
    {"unet", ATTENTION, 1, 2, 8, 8, 1280, 8},
    {"unet", TEXT_ATTENTION, 5, 2, 64, 64, 320, 8},
    {"unet", TEXT_ATTENTION, 5, 2, 32, 32, 640, 8},
    {"unet", TEXT_ATTENTION, 5, 2, 16, 16, 1280, 8},
    {"unet", TEXT_ATTENTION, 1, 2, 8, 8, 1280, 8},

    {"unet", GROUP_NORM, 13, 2, 64, 64, 320, 0},
    {"unet", GROUP_NORM, 2, 2, 64, 64, 640, 0},
    {"unet", GROUP_NORM, 1, 2, 64, 64, 960, 0},
    {"unet", GROUP_NORM, 17, 2, 32, 32, 640, 0},
    {"unet", GROUP_NORM, 17, 2, 16, 16, 1280, 0},
    {"unet", LAYER_NORM, 15, 2, 64, 64, 320, 0},
    {"unet", LAYER_NORM, 15, 2, 32, 32, 640, 0},
    {"unet", LAYER_NORM, 15, 2, 16, 16, 1280, 0},

    {"vae", CONVOLUTION, 1, 1, 64, 64, 4, 512},
    {"vae", CONVOLUTION, 10, 1, 64, 64, 512, 512},
    {"vae", ENLARGING, 1, 1, 128, 128, 512, 512},
    {"vae", CONVOLUTION, 6, 1, 128, 128, 512, 512},
    {"vae", ENLARGING, 1, 1, 256, 256, 512, 512},
    {"vae", CONVOLUTION, 1, 1, 256, 256, 512, 256},
    {"vae", CONVOLUTION, 5, 1, 256, 256, 256, 256},
    {"vae", ENLARGING, 1, 1, 512, 512, 256, 256},
    {"vae", CONVOLUTION, 1, 1, 512, 512, 256, 128},
    {"vae", CONVOLUTION, 5, 1, 512, 512, 128, 128},
    {"vae", CONVOLUTION, 1, 1, 512, 512, 128, 3},
    {"vae", LINEAR, 1, 1, 256, 256, 512, 256},
    {"vae", LINEAR, 1, 1, 512, 512, 256, 128},
    {"vae", ATTENTION, 1, 1, 64, 64, 512, 1},
    {"vae", GROUP_NORM, 11, 1, 64, 64, 512, 0},
    {"vae", GROUP_NORM, 6, 1, 128, 128, 512, 0},
    {"vae", GROUP_NORM, 1, 1, 256, 256, 512, 0},
    {"vae", GROUP_NORM, 5, 1, 256, 256, 256, 0},
    {"vae", GROUP_NORM, 1, 1, 512, 512, 256, 0},
    {"vae", GROUP_NORM, 6, 1, 512, 512, 128, 0},

    {"encoder", CONVOLUTION, 1, 1, 512, 512, 3, 128},
    {"encoder", HALVING, 1, 1, 512, 512, 128, 128},
    {"encoder", HALVING, 1, 1, 256, 256, 256, 256},
    {"encoder", HALVING, 1, 1, 128, 128, 512, 512},

    {"pocket", CONVOLUTION, 1, 2, 32, 32, 8, 64},
    {"pocket", CONVOLUTION, 8, 2, 32, 32, 64, 64},
    {"pocket", CONVOLUTION, 8, 2, 16, 16, 128, 128},
    {"pocket", CONVOLUTION, 8, 2, 8, 8, 192, 192},
    {"pocket", CONVOLUTION, 4, 1, 128, 128, 24, 24},
    {"pocket", ENLARGING, 1, 1, 128, 128, 48, 48},
    {"pocket", HALVING, 1, 2, 32, 32, 64, 64},
    {"pocket", LINEAR, 20, 2, 16, 16, 128, 128},
    {"pocket", GEGLU, 5, 2, 16, 16, 128, 1024},
    {"pocket", LINEAR, 5, 2, 16, 16, 512, 128},
    {"pocket", ATTENTION, 5, 2, 16, 16, 128, 4},
    {"pocket", TEXT_ATTENTION, 5, 2, 16, 16, 128, 4},
    {"pocket", GROUP_NORM, 8, 2, 32, 32, 64, 0},
    {"pocket", LAYER_NORM, 15, 2, 16, 16, 128, 0},
};

#endif
