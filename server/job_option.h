/* What a job may choose: the options of an edit, and `arithmetic`, for which its model is opened.
 */
#ifndef SERVER_JOB_OPTION_H
#define SERVER_JOB_OPTION_H

#include <string.h>

#include <diffedit/diffedit.h>

/* The one of this name; NULL: there is none. */
static inline const diffedit_option *job_option_find(const char *name)
{
    const diffedit_option *arithmetic = diffedit_arithmetic_option();
    return strcmp(name, arithmetic->name) == 0 ? arithmetic : diffedit_option_find(name);
}

#endif
