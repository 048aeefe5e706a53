#include "commands.h"
#include "json.h"
#include "npy.h"
#include "session.h"

static diffedit_status write_inverted(const cli_session *session, diffedit_error *error)
{
    diffedit_array inverted = {.struct_size = sizeof inverted};
    diffedit_status status = diffedit_editor_array(&inverted, session->editor,
                                                   DIFFEDIT_ARRAY_INVERTED, error);
    return status == DIFFEDIT_OK ? cli_npy_write(session->arguments->output, &inverted, error)
                                 : status;
}

static diffedit_status run(cli_arguments *arguments, diffedit_error *error)
{
    cli_session session;
    diffedit_status status = cli_session_open(&session, arguments, error);
    if (status == DIFFEDIT_OK)
        status = diffedit_invert(session.editor, &session.options, error);
    if (status == DIFFEDIT_OK)
        status = cli_session_write_extras(&session, NULL, error);
    if (status == DIFFEDIT_OK)
        status = write_inverted(&session, error);
    if (status == DIFFEDIT_OK && arguments->json)
        status = cli_json_write(&session, error);
    cli_session_close(&session);
    return status;
}

const cli_command cli_invert = {
    .name = "invert",
    .bit = CLI_INVERT,
    .call = DIFFEDIT_CALL_INVERT,
    .takes_picture = true,
    .usage = "PICTURE -o OUT.npy",
    .summary = "encode a picture towards noise: an array [k+1, c, h, w], k = ratio x steps",
    .examples = "  diffedit invert horse.png -o latents.npy\n"
                "  diffedit invert horse.png --steps 20 --ratio 1 -o latents.npy\n",
    .run = run,
};
