/* What time it is, in seconds. */
#ifndef SERVER_CLOCK_H
#define SERVER_CLOCK_H

/* Since an arbitrary moment: for spans and deadlines. It never goes back. */
double clock_monotonic(void);
/* Since 1970: for what is kept. */
double clock_date(void);

#endif
