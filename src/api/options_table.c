/* The table of options. A preset is a column of `defaults`; nothing outside this file knows its
 * name. */
#include "api/options.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define FIELD(name) offsetof(diffedit_options, name)
/* clang-format off */
#define FOR_ALL(value) {value, value, value}
/* clang-format on */

static const char *const preset_names[DIFFEDIT_PRESET_COUNT + 1] = {"paper", "notebook",
                                                                    "diffusers"};

/* in the order of the enumerations of the public header */
static const char *const rng_names[] = {"cpu", "cuda", NULL};
static const char *const guidance_names[] = {"cfg", "normalised", NULL};
static const char *const scheduler_names[] = {"ddim", "lms", NULL};
static const char *const background_names[] = {"same", "lagged", "start", NULL};
static const char *const posterior_names[] = {"mean", "sample", NULL};
static const char *const mask_names[] = {"contrast", "plus-minus", NULL};
static const char *const composite_names[] = {"pixel", "latent", NULL};

static_assert(FIELD(height) == FIELD(width) + sizeof(int), "a size is two ints in a row");

/* clang-format off */
/* defaults: paper, notebook, diffusers */
static const diffedit_option table[] = {
    {.name = "from", .type = DIFFEDIT_TYPE_TEXT, .offset = FIELD(from),
     .defaults = FOR_ALL(""), .argument = "TEXT",
     .help = "what the picture shows; may be empty, except where --mask-method is plus-minus"},
    {.name = "to", .type = DIFFEDIT_TYPE_TEXT, .offset = FIELD(to),
     .argument = "TEXT",
     .help = "what it should show; required, may be empty"},
    {.name = "negative", .type = DIFFEDIT_TYPE_TEXT, .offset = FIELD(negative),
     .defaults = FOR_ALL(""), .argument = "TEXT",
     .help = "what it should not show; the negative prompt of the guided decode"},
    {.name = "seed", .type = DIFFEDIT_TYPE_SEED, .offset = FIELD(seed),
     .defaults = FOR_ALL("42"), .argument = "N",
     .help = "where the random numbers start, decimal or 0x"},
    {.name = "rng", .type = DIFFEDIT_TYPE_CHOICE, .offset = FIELD(rng),
     .choices = rng_names, .defaults = FOR_ALL("cpu"), .argument = "NAME",
     .help = "random numbers as torch draws them on the CPU or on a CUDA card"},
    {.name = "steps", .type = DIFFEDIT_TYPE_INT, .offset = FIELD(steps),
     .minimum = 1, .maximum = 999, .defaults = {"50", "30", "50"}, .argument = "N",
     .help = "length of the time grid"},
    {.name = "ratio", .type = DIFFEDIT_TYPE_REAL, .offset = FIELD(ratio),
     .maximum = 1, .minimum_excluded = 1, .defaults = {"0.8", "2/3", "0.8"}, .argument = "R",
     .help = "how far the picture is encoded; more changes more"},
    {.name = "guidance", .type = DIFFEDIT_TYPE_REAL, .offset = FIELD(guidance),
     .minimum = -100, .maximum = 100, .defaults = {"7.5", "0.15", "7.5"}, .argument = "G",
     .help = "guidance scale, how strongly the text pulls"},
    {.name = "guidance-kind", .type = DIFFEDIT_TYPE_CHOICE, .offset = FIELD(guidance_kind),
     .choices = guidance_names, .defaults = {"cfg", "normalised", "cfg"}, .argument = "NAME",
     .help = "classifier-free, or the notebook's normalised form"},
    {.name = "scheduler", .type = DIFFEDIT_TYPE_CHOICE, .offset = FIELD(scheduler),
     .choices = scheduler_names, .defaults = {"ddim", "lms", "ddim"}, .argument = "NAME",
     .help = "of the decode; lms edits only with --background start"},
    {.name = "encode-guidance", .type = DIFFEDIT_TYPE_REAL, .offset = FIELD(encode_guidance),
     .minimum = -100, .maximum = 100, .word = "guidance", .word_value = NAN,
     .defaults = {"1", "1", "guidance"}, .argument = "G",
     .help = "1 encodes with the empty text alone; else guided by --from"},
    {.name = "background", .type = DIFFEDIT_TYPE_CHOICE, .offset = FIELD(background),
     .choices = background_names, .defaults = {"same", "start", "lagged"}, .argument = "NAME",
     .help = "outside the mask at each step: the encoding at the same time, one step noisier, "
             "or x_0"},
    {.name = "posterior", .type = DIFFEDIT_TYPE_CHOICE, .offset = FIELD(posterior),
     .choices = posterior_names, .defaults = {"mean", "sample", "mean"}, .argument = "NAME",
     .help = "what is taken of the autoencoder's posterior"},
    {.name = "mask-method", .type = DIFFEDIT_TYPE_CHOICE, .offset = FIELD(mask_method),
     .choices = mask_names, .defaults = {"contrast", "plus-minus", "contrast"}, .argument = "NAME",
     .help = "two texts contrasted, or one text with guidance of both signs"},
    {.name = "mask-noise-level", .type = DIFFEDIT_TYPE_REAL, .offset = FIELD(mask_noise_level),
     .maximum = 1, .minimum_excluded = 1, .defaults = FOR_ALL("0.5"), .argument = "S",
     .help = "noise strength at which the predictions for the map are made"},
    {.name = "mask-samples", .type = DIFFEDIT_TYPE_INT, .offset = FIELD(mask_samples),
     .minimum = 1, .maximum = 1000, .defaults = {"10", "20", "10"}, .argument = "N",
     .help = "noises averaged for the map"},
    {.name = "mask-threshold", .type = DIFFEDIT_TYPE_REAL, .offset = FIELD(mask_threshold),
     .maximum = 1, .defaults = FOR_ALL("0.5"), .argument = "T",
     .help = "changed where map >= T; less changes more"},
    {.name = "mask-grow", .type = DIFFEDIT_TYPE_INT, .offset = FIELD(mask_grow),
     .minimum = -4096, .maximum = 4096, .defaults = FOR_ALL("0"), .argument = "PX",
     .help = "grow the mask by picture pixels; negative shrinks it"},
    {.name = "mask-blur", .type = DIFFEDIT_TYPE_REAL, .offset = FIELD(mask_blur),
     .maximum = 4096, .defaults = FOR_ALL("0"), .argument = "PX",
     .help = "soften the composite, and only it"},
    {.name = "composite", .type = DIFFEDIT_TYPE_CHOICE, .offset = FIELD(composite),
     .choices = composite_names, .defaults = FOR_ALL("pixel"), .argument = "NAME",
     .help = "pixel keeps the input's pixels outside the mask, latent takes the decoder's picture"},
    {.name = "feather", .type = DIFFEDIT_TYPE_REAL, .offset = FIELD(feather),
     .maximum = 4096, .word = "cell", .word_value = -1, .defaults = FOR_ALL("cell"),
     .argument = "PX",
     .help = "width of the soft edge outside the mask; cell is one latent cell"},
    {.name = "size", .type = DIFFEDIT_TYPE_SIZE, .offset = FIELD(width),
     .minimum = 1, .maximum = 16384, .word = "fit", .defaults = FOR_ALL("fit"), .argument = "WxH",
     .help = "working size; fit takes the model's area and the picture's aspect"},
};
/* clang-format on */

enum { ROWS = sizeof table / sizeof table[0] };

const diffedit_option *diffedit_options_table(size_t *count)
{
    *count = ROWS;
    return table;
}

const char *const *diffedit_presets(void)
{
    return preset_names;
}

const diffedit_option *de_option_find(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
