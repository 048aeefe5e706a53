/* DDIM encoding of the picture (DiffEdit section 3.2, step 2): x_0 .. x_k, without text or guided
 * by `from`. */
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double encode_guidance(const diffedit_options *options)
{
    return isnan(options->encode_guidance) ? options->guidance : options->encode_guidance;
}

/* Room for k + 1 states, keeping those there are. */
static diffedit_status reserve(diffedit_editor *editor, int k, diffedit_error *error)
{
    size_t bytes = ((size_t)k + 1) * (size_t)de_latent_count(editor) * sizeof(float);
    float *grown = realloc(editor->inverted, bytes);
    if (!grown)
        return de_fail_memory(error, bytes, "the encoded picture");
    editor->inverted = grown;
    return DIFFEDIT_OK;
}

static diffedit_status encode_to(diffedit_editor *editor, const diffedit_options *options,
                                 const de_ddim_grid *grid, int k, diffedit_error *error)
{
    int64_t count = de_latent_count(editor);
    double guidance = encode_guidance(options);
    const de_text *empty = &editor->texts[DE_TEXT_EMPTY];
    const de_text *text = guidance == 1 ? empty : &editor->texts[DE_TEXT_FROM];
    de_guided guided;
    diffedit_status status = de_guided_new(&guided, editor, empty, text, options->guidance_kind,
                                           guidance, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (editor->inverted_count == 0)
        memcpy(editor->inverted, editor->latent, (size_t)count * sizeof(float));
    for (int i = editor->inverted_count ? editor->inverted_count - 1 : 0;
         i < k && status == DIFFEDIT_OK; i++) {
        float *x = editor->inverted + i * count;
        double from = de_ddim_level(grid, i), to = de_ddim_level(grid, i + 1);
        const float *eps = de_guided_run(&guided, x, de_ddim_timestep(grid, i), from);
        de_ddim_move(x, eps, from, to, count, x + count);
        editor->inverted_count = i + 2;
        status = de_editor_step(editor, DIFFEDIT_STAGE_INVERT, i + 1, k, error);
    }
    de_guided_free(&guided);
    return status;
}

/* What is there of the same encoding is kept: a smaller ratio costs nothing, a larger one only the
 * rest. */
diffedit_status de_stage_invert(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error)
{
    de_ddim_grid grid;
    diffedit_status status = de_ddim_grid_new(&grid, &editor->schedule, options->steps, error);
    if (status != DIFFEDIT_OK)
        return status;
    int k = de_schedule_share(options->steps, options->ratio);
    de_inversion_key key = {.latent = editor->latent_key,
                            .steps = options->steps,
                            .guidance = encode_guidance(options)};
    if (key.guidance != 1) {
        key.from = editor->texts[DE_TEXT_FROM].serial;
        key.guidance_kind = options->guidance_kind;
    }
    if (memcmp(&key, &editor->inversion_key, sizeof key) != 0)
        editor->inverted_count = 0;
    editor->inversion_key = key;
    editor->inverted_shown = 0;
    if (editor->inverted_count <= k) {
        double start = de_seconds();
        status = reserve(editor, k, error);
        if (status == DIFFEDIT_OK)
            status = de_condition_everything(editor, options, error);
        if (status == DIFFEDIT_OK)
            status = encode_to(editor, options, &grid, k, error);
        editor->stats.seconds[DIFFEDIT_STAGE_INVERT] += de_seconds() - start;
    }
    if (status == DIFFEDIT_OK)
        editor->inverted_shown = k + 1;
    return status;
}
