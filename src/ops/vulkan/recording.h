/* A program recorded: the dispatches of one forward pass in command buffers, submitted for each
 * run.
 *
 * A command buffer is a job to a driver, which gives up a GPU that is at one for some seconds (two
 * on Windows, two to ten elsewhere); and where the same GPU draws the screen, that may stand still
 * until the job is done. So a job has de_vulkan_device.job operations at most, and each is
 * submitted alone, because drivers make one job of what is submitted together. Nobody waits between
 * them: the next are in the queue while one is computed. */
#ifndef DE_RECORDING_H
#define DE_RECORDING_H

#include "ops/vulkan/gpu_device.h"

enum { DE_MOST_GROUPS = 65535 }; /* workgroups in a row, which every driver has */

/* One dispatch: what an op is made of */
typedef struct de_dispatch {
    de_shader_use use;
    const void *push; /* the shader's push constants, at most DE_PUSH_BYTES */
    uint32_t push_bytes;
    uint32_t x, y, z; /* workgroups; each at most DE_MOST_GROUPS */
} de_dispatch;

/* Adds it to the program that the context records; it sees what those before it wrote. The first of
 * an op whose operations are more than a job's is divided along one dimension of its workgroups:
 * gl_WorkGroupID is as in the whole, gl_NumWorkGroups only of a dimension of DE_MOST_GROUPS.
 * Nothing on a measuring arena. What goes wrong is remembered, and recording fails at its end. */
void de_record(de_context *context, const de_dispatch *dispatch);

diffedit_status de_vulkan_record(de_program *program, diffedit_error *error);
diffedit_status de_vulkan_replay(de_program *program, diffedit_error *error);
void de_vulkan_forget(de_program *program);
/* Seconds that the GPU took for the last run (there is one); 0 where it has no timestamps */
double de_vulkan_seconds(const de_program *program);

#endif
