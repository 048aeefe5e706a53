#include "models/problems.h"

void de_problems_add(de_problems *problems, const char *format, ...)
{
    diffedit_error sentence;
    va_list arguments;
    va_start(arguments, format);
    de_sentence_list(sentence.message, sizeof sentence.message, format, arguments);
    va_end(arguments);
    problems->count++;
    if (problems->report)
        problems->report(problems->user, sentence.message);
}

diffedit_status de_report_or_fail(de_problems *problems, diffedit_status status,
                                  const diffedit_error *error)
{
    if (status == DIFFEDIT_OK || status == DIFFEDIT_ERROR_MEMORY || !problems)
        return status;
    de_problems_add(problems, "%s", error->message);
    return DIFFEDIT_OK;
}
