/* A libvulkan.so.1 for tests. It passes everything on to the real one's software driver, but
 *
 * - shows what GPUs it is told to, made of that driver;
 * - lets calls fail on demand, and forgets nothing of a lost device;
 * - keeps account of every object, and aborts where one is destroyed that is not alive, or a device
 *   before what was made from it;
 * - has whatever a call that fails leaves in its output be an address of nothing, as the
 *   specification allows;
 * - aborts where it is asked for a function that it has not been taught (fake_vulkan.c).
 *
 * C tests link it, which is why the library finds it before any other. Programs do, where the
 * folder that it was built in is in LD_LIBRARY_PATH. What it shall do, FAKE_VULKAN says when the
 * instance is made, in words:
 *
 *   gpu=KIND,MIB[,WORD...]   a GPU: discrete, integrated, virtual or software, and its memory.
 *                            Without any: one discrete GPU of 8192 MiB. WORD:
 *                            name=TEXT (with _ for blanks), times=N (as many of them), vulkan=1.1,
 *                            shared=BYTES (of a workgroup), largest=MIB (of one allocation),
 *                            buffer=MIB (the same of a buffer), group=N (invocations of one),
 *                            busy=MIB (which others use), families=N (queues that copy only,
 *                            before the one that computes), draw (these draw and compute, too),
 *                            subgroup=N (invocations), matrices=N (so many shapes of cooperative
 *                            ones; none of them computes, so with `devices` alone),
 *                            endless (a name without an end), and what it lacks: -addresses,
 *                            -16bit, -scalar, -int64, -timestamps, -compute
 *   none                     no GPU at all
 *   fail=CALL,N,RESULT       as fake_vulkan_fail(); RESULT is lost, memory, host, refused, absent
 *                            or endless (of WaitForFences, and of all that follow)
 *   hang                     waits that are endless take the time that they are given
 *   idle                     as fake_vulkan_idle()
 *   validate                 the validation layer watches; what it reports is printed and counted
 *   report=FILE              when the process ends, FILE gets one line: LIVE MESSAGES CALLS */
#ifndef FAKE_VULKAN_H
#define FAKE_VULKAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#define FAKE_EXPORT __attribute__((visibility("default")))

/* The n-th call from now on (the first is 1) fails: of `call` ("AllocateMemory"), or, where that is
 * NULL, of all that can. 0: none does. */
FAKE_EXPORT void fake_vulkan_fail(const char *call, int n, VkResult result);
/* Memory beyond so many bytes in all is refused. 0: only what its heaps do not hold */
FAKE_EXPORT void fake_vulkan_limit(uint64_t bytes);
/* Nothing is compiled or computed by devices that are made from now on, which saves most of the
 * time. */
FAKE_EXPORT void fake_vulkan_idle(bool idle);
/* How many calls that can fail there were since then, and the one that did fail; NULL: none */
FAKE_EXPORT int fake_vulkan_calls(void);
FAKE_EXPORT const char *fake_vulkan_failed(void);
/* Objects that are alive, the instance apart, and bytes of memory that are allocated */
FAKE_EXPORT int fake_vulkan_live(void);
FAKE_EXPORT uint64_t fake_vulkan_bytes(void);
/* What the validation layer has reported */
FAKE_EXPORT int fake_vulkan_messages(void);

#endif
