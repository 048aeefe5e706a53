#include "commands.h"
#include "session.h"

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    return cli_make_picture(arguments, diffedit_inpaint, error);
}

const cli_command cli_inpaint = {
    .name = "inpaint",
    .bit = CLI_INPAINT,
    .call = DIFFEDIT_CALL_INPAINT,
    .takes_picture = true,
    .needs_mask = true,
    .usage = "PICTURE --mask FILE --to TEXT -o OUT",
    .summary = "change a region that you give",
    .examples = "  diffedit inpaint horse.png --mask mask.png --to \"a zebra\" -o zebra.png\n"
                "  diffedit inpaint horse.png --mask mask.png --to grass -o gone.png\n",
    .run = run,
};
