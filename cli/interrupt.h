/* Signals. Ctrl-C and a polite kill: remembered, and looked at between two steps. A mapped file
 * that became shorter while it was read: one sentence, and the end. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/* The first SIGINT or SIGTERM is remembered, a second one ends the program at once. */
void cli_interrupt_install(void);
bool cli_interrupted(void);
/* The file that is being written, to be removed if a signal ends the program; NULL: none. Borrowed.
 */
void cli_interrupt_remove(const char *temporary);

#endif
