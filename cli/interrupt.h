/* Signals. SIGINT, SIGTERM and SIGHUP are remembered, and checked between two steps. SIGBUS, which
 * means that a mapped file became shorter while it was read, ends the program with one sentence.
 * SIGXFSZ is ignored: whoever writes a file that may not grow says so. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/* The first of them is remembered, a second one ends the program at once. One that was ignored when
 * the program started stays so. */
void cli_interrupt_install(void);
/* From any thread. */
bool cli_interrupted(void);
/* Waits until `descriptor` can be read; false: interrupted, now or before. */
bool cli_interrupt_wait(int descriptor);
/* The exit status of a program that was: 129 after SIGHUP, else 130. */
int cli_interrupt_status(void);
/* The file that is being written, to be removed if a signal ends the program; NULL: none. Borrowed.
 */
void cli_interrupt_remove(const char *temporary);

#endif
