#include "commands.h"
#include "session.h"

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    return cli_make_picture(arguments, diffedit_generate, error);
}

const cli_command cli_generate = {
    .name = "generate",
    .bit = CLI_GENERATE,
    .call = DIFFEDIT_CALL_GENERATE,
    .usage = "--to TEXT -o OUT",
    .summary = "make a picture from a text",
    .examples = "  diffedit generate --to \"a zebra\" -o zebra.png\n"
                "  diffedit generate --to \"a zebra\" --seed random --scheduler lms -o z.jpg\n",
    .run = run,
};
