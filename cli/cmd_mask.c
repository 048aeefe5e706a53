#include "commands.h"
#include "session.h"

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    return cli_make_picture(arguments, diffedit_find_mask, error);
}

const cli_command cli_mask = {
    .name = "mask",
    .bit = CLI_MASK,
    .call = DIFFEDIT_CALL_FIND,
    .takes_picture = true,
    .usage = "PICTURE --from TEXT --to TEXT -o OUT",
    .summary = "only find the region, and write it as a mask: white would be changed",
    .examples = "  diffedit mask horse.png --from \"a horse\" --to \"a zebra\" -o mask.png\n"
                "  diffedit mask cup.jpg --from tea --to milk --map-out map.png -o mask.png\n",
    .run = run,
};
