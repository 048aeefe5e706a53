/* What time it is, in seconds. */
#ifndef SERVER_CLOCK_H
#define SERVER_CLOCK_H

#include <stdbool.h>

/* Since an arbitrary moment: for spans and deadlines. It never goes back. */
double clock_monotonic(void);
/* Since 1970: for what is kept. */
double clock_date(void);
/* Sleeps, unless `stops`, which is asked after each signal and every quarter of a second, says to
 * end: false then. */
bool clock_rest(double seconds, bool (*stops)(void *user), void *user);

#endif
