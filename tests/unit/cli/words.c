#include "words.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

int count_words(char **words)
{
    int count = 0;
    while (words[count])
        count++;
    return count;
}

void parse_words(cli_arguments *arguments, const cli_command *command, char **words)
{
    diffedit_error error;
    if (cli_arguments_parse(arguments, command, count_words(words), words, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_ptr_equal(arguments->command, command);
}
