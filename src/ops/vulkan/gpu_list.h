/* The GPUs of this machine, and what they can do. */
#ifndef DE_GPU_LIST_H
#define DE_GPU_LIST_H

#include "ops/vulkan/entry_points.h"

enum { DE_MAX_GPUS = 16, DE_GPU_TEXT = 256 };

/* The shape of matrices whose product a subgroup computes together, f16 x f16 -> f32: [m, k] x [k,
 * n]; m 0: none */
typedef struct de_matrix_shape {
    uint32_t m, n, k;
} de_matrix_shape;

typedef struct de_gpu_info {
    VkPhysicalDevice handle;
    char title[DE_GPU_TEXT];   /* "AMD Radeon RX 7600 (RADV NAVI33)" */
    char driver[DE_GPU_TEXT];  /* "radv Mesa 24.1.3" */
    char problem[DE_GPU_TEXT]; /* why it cannot be used, a sentence without an end; "": it can */
    VkPhysicalDeviceType type;
    uint64_t memory;  /* bytes of its largest heap */
    uint64_t largest; /* bytes of one allocation that shaders reach */
    uint32_t subgroup;
    uint32_t shared_memory; /* bytes that a workgroup may share */
    uint32_t queue_family;
    float timestamp_period;  /* nanoseconds; 0: it has no timestamps */
    uint64_t timestamp_mask; /* the bits that count; it begins again after them */
    bool sizes_subgroups;    /* a pipeline may ask for the subgroup's size */
    bool has_maintenance4;   /* as shaders of cooperative matrices need it */
    de_matrix_shape matrix;
} de_gpu_info;

/* Those that can be used come first, in the driver's order: gpu:0 is gpus[0]. Asked of the driver
 * once; static storage. 0 with `reason` set where there is no driver or no GPU. */
int de_gpu_list(const de_gpu_info **gpus, diffedit_error *reason);
/* Bytes of its largest heap that are free, as far as the driver says; asked each time. */
uint64_t de_gpu_room(const de_gpu_info *gpu);
bool de_gpu_has_extension(const de_vk_instance *vk, VkPhysicalDevice gpu, const char *name);
/* The cooperative matrices that the driver offers, to be freed; without any *count is 0. */
VkCooperativeMatrixPropertiesKHR *de_gpu_matrices(const de_vk_instance *vk, VkPhysicalDevice gpu,
                                                  uint32_t *count);
/* "discrete GPU" ... */
const char *de_gpu_type_name(VkPhysicalDeviceType type);

#endif
