/* Words of a command line, as main() would get them. */
#ifndef WORDS_H
#define WORDS_H

#include "cli/arguments.h"

/* NULL-terminated */
#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

int count_words(char **words);
/* cli_arguments_parse(), which must succeed. */
void parse_words(cli_arguments *arguments, const cli_command *command, char **words);

#endif
