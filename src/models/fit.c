#include "models/fit.h"

static const char *const PART_NAMES[DE_PART_COUNT] = {"text encoder", "UNet", "autoencoder"};
static const char *const PART_SETTINGS[DE_PART_COUNT] = {"`settings.text_encoder`", NULL,
                                                         "`settings.vae`"};

static diffedit_status check_complete(const de_model_parts *parts, const char *path,
                                      de_problems *problems, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (parts->absent[part])
            status = de_report_or_fail(problems,
                                       de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: has no %s%s%s",
                                               path, PART_NAMES[part],
                                               PART_SETTINGS[part] ? "; name one with " : "",
                                               PART_SETTINGS[part] ? PART_SETTINGS[part] : ""),
                                       error);
    return status;
}

/* One part's number must be another's. */
static diffedit_status expect_equal(const char *path, const char *what, int found,
                                    const char *other, int expected, diffedit_error *error)
{
    if (found == expected)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: %s is %d, but %s is %d", path, what, found,
                   other, expected);
}

static diffedit_status check_tokenizer(const de_text_config *text, const de_tokenizer *tokenizer,
                                       const char *path, diffedit_error *error)
{
    if (de_tokenizer_length(tokenizer) > text->positions)
        return de_fail(
            error, DIFFEDIT_ERROR_MODEL,
            "%s: the tokenizer makes %d tokens, but the text encoder has only %d positions", path,
            de_tokenizer_length(tokenizer), text->positions);
    if (de_tokenizer_vocab_size(tokenizer) > text->vocab_size)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: the tokenizer has token ids up to %d, but the text encoder has only %d",
                       path, de_tokenizer_vocab_size(tokenizer) - 1, text->vocab_size);
    return DIFFEDIT_OK;
}

/* The UNet reads the latent, or what an inpainting model reads; what else may stand beside it is
 * known by its size. */
static diffedit_status check_unet_input(const de_model_parts *parts, const char *path,
                                        diffedit_error *error)
{
    int found = parts->unet.in_channels, latent = parts->vae.latent_channels;
    if (!parts->described[DE_PART_UNET] || !parts->described[DE_PART_VAE] || found == latent ||
        de_parts_inpaint(parts))
        return DIFFEDIT_OK;
    const char *kind = found == latent + 1
                           ? ": a model that also reads a depth map is not supported"
                       : found == 2 * latent ? ": InstructPix2Pix is not supported"
                                             : "";
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: the UNet's in_channels is %d, but the VAE's latent_channels is %d%s", path,
                   found, latent, kind);
}

/* What is known of the networks must fit together. */
static diffedit_status check_networks(const de_model_parts *parts, const char *path,
                                      de_problems *problems, diffedit_error *error)
{
    const de_unet_config *unet = &parts->unet;
    const de_vae_config *vae = &parts->vae;
    const de_text_config *text = &parts->text;
    const struct {
        de_part a, b;
        const char *what;
        int found;
        const char *other;
        int expected;
    } pairs[] = {
        {DE_PART_UNET, DE_PART_VAE, "the UNet's out_channels", unet->out_channels,
         "the VAE's latent_channels", vae->latent_channels},
        {DE_PART_UNET, DE_PART_TEXT, "the UNet's cross_attention_dim", unet->cross_attention_dim,
         "the text encoder's hidden_size", text->width},
        {DE_PART_VAE, DE_PART_VAE, "the VAE's in_channels", vae->in_channels,
         "a picture's number of colours", 3},
        {DE_PART_VAE, DE_PART_VAE, "the VAE's out_channels", vae->out_channels,
         "a picture's number of colours", 3},
    };
    diffedit_status status = de_report_or_fail(problems, check_unet_input(parts, path, error),
                                               error);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && status == DIFFEDIT_OK; i++)
        if (parts->described[pairs[i].a] && parts->described[pairs[i].b])
            status = de_report_or_fail(problems,
                                       expect_equal(path, pairs[i].what, pairs[i].found,
                                                    pairs[i].other, pairs[i].expected, error),
                                       error);
    return status;
}

diffedit_status de_parts_check_fit(const de_model_parts *parts, const de_tokenizer *tokenizer,
                                   const char *path, de_problems *problems, diffedit_error *error)
{
    diffedit_status status = check_complete(parts, path, problems, error);
    if (status == DIFFEDIT_OK)
        status = check_networks(parts, path, problems, error);
    if (status == DIFFEDIT_OK && tokenizer && parts->described[DE_PART_TEXT])
        status = de_report_or_fail(problems, check_tokenizer(&parts->text, tokenizer, path, error),
                                   error);
    return status;
}
