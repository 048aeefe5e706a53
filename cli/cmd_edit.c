#include "commands.h"
#include "session.h"

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    return cli_make_picture(arguments, diffedit_edit, error);
}

const cli_command cli_edit = {
    .name = "edit",
    .bit = CLI_EDIT,
    .call = DIFFEDIT_CALL_EDIT,
    .takes_picture = true,
    .usage = "PICTURE --from TEXT --to TEXT -o OUT",
    .summary = "find the region where the texts differ, change it, keep the rest",
    .examples = "  diffedit edit horse.png --from \"a horse\" --to \"a zebra\" -o zebra.png\n"
                "  diffedit edit horse.png --again zebra.png --mask-threshold 0.4 -o wider.png\n"
                "  diffedit edit cup.jpg -m OWNER/NAME --from tea --to milk -o cup-of-milk.jpg\n",
    .run = run,
};
