/* Measuring every line, in threads. */
#ifndef EVAL_ASSESS_H
#define EVAL_ASSESS_H

#include "eval.h"
#include "figures.h"
#include "page.h"

/* Fills the figures of every row that has a result, and keeps its pictures for the page. What is
 * wrong with a line becomes its message. Memory is that of a few pictures for each thread. Errors:
 * CANCELLED, FILE, MEMORY. */
diffedit_status assess(figures *of, struct page *page, const eval_settings *settings,
                       diffedit_error *error);

#endif
