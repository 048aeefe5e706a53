/* Signals. SIGINT and SIGTERM are remembered, and checked between two steps. SIGBUS, which means
 * that a mapped file became shorter while it was read, ends the program with one sentence. */
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
