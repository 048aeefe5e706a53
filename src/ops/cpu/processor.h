/* The processor, as the system describes it. */
#ifndef DE_PROCESSOR_H
#define DE_PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

/* Its name, as one line; "unknown" where the system has none. */
void de_processor_title(char *title, size_t size);
/* Bytes of the machine's memory; 0: unknown. */
int64_t de_processor_memory(void);

#endif
