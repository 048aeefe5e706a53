/* Ctrl-C and a polite kill: remembered, and looked at between two steps. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/* The first SIGINT or SIGTERM is remembered, a second one ends the program at once. */
void cli_interrupt_install(void);
bool cli_interrupted(void);

#endif
