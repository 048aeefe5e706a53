/* Edits a picture with libdiffedit:
 *
 *     cc edit.c $(pkg-config --cflags --libs diffedit) -o edit
 *     ./edit MODEL photo.jpg "a horse" "a zebra" zebra.png
 */
#include <diffedit/diffedit.h>

#include <stdio.h>

static int show(void *user, diffedit_stage_id stage, int done, int total)
{
    (void)user;
    fprintf(stderr, "\r%s %d/%d   ", diffedit_stage_name(stage), done, total);
    return 0; /* anything else cancels */
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s MODEL PICTURE FROM TO OUTPUT\n", argv[0]);
        return 2;
    }
    diffedit_error error = {.message = ""};
    diffedit_model *model = NULL;
    diffedit_picture *photo = NULL, *result = NULL;
    diffedit_editor *editor = NULL;
    diffedit_options options;
    int failed = diffedit_model_open(&model, argv[1], NULL, &error) ||
                 diffedit_picture_open(&photo, argv[2], 0, &error) ||
                 diffedit_options_init(&options, sizeof options, "paper", model, &error) ||
                 diffedit_editor_new(&editor, model, photo, &error);
    if (!failed) {
        options.from = argv[3];
        options.to = argv[4];
        diffedit_editor_set_progress(editor, show, NULL);
        failed = diffedit_edit(&result, editor, &options, &error) ||
                 diffedit_picture_save(result, argv[5], NULL, &error);
    }
    fprintf(stderr, "\n%s%s", error.message, failed ? "\n" : "");
    diffedit_picture_free(result);
    diffedit_editor_free(editor);
    diffedit_picture_free(photo);
    diffedit_model_close(model);
    return failed;
}
