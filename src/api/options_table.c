/* The table of options. A preset is a column of `defaults`; nothing outside this file knows its
 * name. */
#include "api/options.h"

#include "sampling/sampler.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define FIELD(name) offsetof(diffedit_options, name)
/* clang-format off */
#define FOR_ALL(value) {value, value, value, value, value, value}
/* clang-format on */

static const char *const preset_names[DE_PRESET_COUNT + 1] = {"paper", "notebook", "diffusers",
                                                              "fast",  "lcm",      "turbo"};

/* in the order of the enumerations of the public header */
static const char *const rng_names[] = {"cpu", "cuda", NULL};
static const char *const guidance_names[] = {"cfg", "normalised", NULL};
static const char *const background_names[] = {"same", "lagged", "start", NULL};
static const char *const encode_names[] = {"auto", "inversion", "none", NULL};
static const char *const posterior_names[] = {"mean", "sample", NULL};
static const char *const mask_names[] = {"contrast", "plus-minus", NULL};
static const char *const limit_names[] = {"method", "percentile", NULL};
static const char *const filter_names[] = {"none", "bilateral", NULL};
static const char *const switch_names[] = {"off", "on", NULL};
static const char *const composite_names[] = {"pixel", "latent", "changed", NULL};
static const char *const region_names[] = {"whole", "crop", "zoom", NULL};
static const char *const syntax_names[] = {"plain", "weighted", NULL};
static const char *const arithmetic_names[] = {"exact", "quick", NULL};

static_assert(FIELD(height) == FIELD(width) + sizeof(int), "a size is two ints in a row");
static_assert(offsetof(de_option, shown) == 0, "a public row is the beginning of a row");

/* The groups in which a form shows options. */
static const char TEXTS[] = "texts", SAMPLING[] = "sampling", REGION[] = "region",
                  RESULT[] = "result";

/* clang-format off */
/* what is public of it, its field, defaults: paper, notebook, diffusers, fast, lcm, turbo */
const de_option de_options_table[] = {
    {{.name = "from", .group = TEXTS, .type = DIFFEDIT_TYPE_TEXT, .argument = "TEXT",
      .help = "what the picture shows; may be empty, except where `mask-method` is plus-minus"},
     .offset = FIELD(from), .defaults = FOR_ALL("")},
    {{.name = "to", .group = TEXTS, .type = DIFFEDIT_TYPE_TEXT, .argument = "TEXT",
      .help = "what it should show; required, may be empty"},
     .offset = FIELD(to)},
    {{.name = "negative", .group = TEXTS, .type = DIFFEDIT_TYPE_TEXT, .argument = "TEXT",
      .help = "what it should not show; the negative prompt of the guided decode"},
     .offset = FIELD(negative), .defaults = FOR_ALL("")},
    {{.name = "seed", .group = SAMPLING, .type = DIFFEDIT_TYPE_SEED, .argument = "N",
      .help = "seed of the random numbers, decimal or 0x"},
     .offset = FIELD(seed), .defaults = FOR_ALL("42")},
    {{.name = "rng", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = rng_names,
      .help = "random numbers as torch draws them on the CPU or on a CUDA card"},
     .offset = FIELD(rng), .defaults = FOR_ALL("cpu")},
    {{.name = "steps", .group = SAMPLING, .type = DIFFEDIT_TYPE_INT, .argument = "N",
      .minimum = 1, .maximum = 999,
      .help = "sampling steps; an edit takes ratio x steps of them"},
     .offset = FIELD(steps), .defaults = {"50", "30", "50", "14", "5", "4"}},
    {{.name = "ratio", .group = SAMPLING, .type = DIFFEDIT_TYPE_REAL, .argument = "R",
      .maximum = 1, .minimum_excluded = 1,
      .help = "how far the picture is taken back to noise; more changes more"},
     .offset = FIELD(ratio), .defaults = {"0.8", "2/3", "0.8", "0.8", "0.8", "0.75"}},
    {{.name = "guidance", .group = SAMPLING, .type = DIFFEDIT_TYPE_REAL, .argument = "G",
      .minimum = -100, .maximum = 100,
      .help = "guidance scale, how closely to follow the text"},
     .offset = FIELD(guidance), .defaults = {"7.5", "0.15", "7.5", "7.5", "1", "1"}},
    {{.name = "guidance-kind", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = guidance_names,
      .help = "classifier-free, or the notebook's normalised form"},
     .offset = FIELD(guidance_kind), .defaults = {"cfg", "normalised", "cfg", "cfg", "cfg", "cfg"}},
    {{.name = "scheduler", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = de_sampler_names,
      .help = "sampler of the decode and of the encoding; lcm is for distilled models"},
     .offset = FIELD(scheduler), .defaults = {"ddim", "lms", "ddim", "dpm++2m", "lcm", "euler-a"}},
    {{.name = "spacing", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = de_spacing_names,
      .help = "where the timesteps lie; auto is what suits the scheduler"},
     .offset = FIELD(spacing), .defaults = {"auto", "auto", "auto", "karras", "auto", "auto"}},
    {{.name = "encode", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = encode_names,
      .help = "what an edit decodes from; the inversion of the picture, or the picture with noise "
              "added; auto is the inversion where the scheduler has one"},
     .offset = FIELD(encode), .defaults = {"auto", "auto", "auto", "auto", "none", "none"}},
    {{.name = "encode-guidance", .group = SAMPLING, .type = DIFFEDIT_TYPE_REAL, .argument = "G",
      .minimum = -100, .maximum = 100, .word = "guidance",
      .help = "guidance scale of the encoding; 1 encodes with the empty text alone, other values "
              "are guided by `from`"},
     .offset = FIELD(encode_guidance), .defaults = {"1", "1", "guidance", "1", "1", "1"},
     .word_value = NAN},
    {{.name = "background", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = background_names,
      .help = "latent outside the mask at each step; the encoding at the same time, one step "
              "noisier, or x_0"},
     .offset = FIELD(background), .defaults = {"same", "start", "lagged", "same", "same", "same"}},
    {{.name = "posterior", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = posterior_names,
      .help = "how the autoencoder's posterior is used"},
     .offset = FIELD(posterior), .defaults = {"mean", "sample", "mean", "mean", "mean", "mean"}},
    {{.name = "mask-method", .group = REGION, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = mask_names,
      .help = "contrast of two texts, or one text with guidance of both signs"},
     .offset = FIELD(mask_method),
     .defaults = {"contrast", "plus-minus", "contrast", "contrast", "contrast", "contrast"}},
    {{.name = "mask-noise-level", .group = REGION, .type = DIFFEDIT_TYPE_REAL, .argument = "S",
      .maximum = 1, .minimum_excluded = 1,
      .help = "noise level at which the predictions for the map are made"},
     .offset = FIELD(mask_noise_level), .defaults = FOR_ALL("0.5")},
    {{.name = "mask-samples", .group = REGION, .type = DIFFEDIT_TYPE_INT, .argument = "N",
      .minimum = 1, .maximum = 1000,
      .help = "noise samples averaged for the map"},
     .offset = FIELD(mask_samples), .defaults = {"10", "20", "10", "2", "2", "2"}},
    {{.name = "mask-limit", .group = REGION, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = limit_names,
      .help = "which value counts as 1 in the map; percentile, the 99th, suits things of any size"},
     .offset = FIELD(mask_limit),
     .defaults = {"method", "method", "method", "percentile", "percentile", "percentile"}},
    {{.name = "mask-filter", .group = REGION, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = filter_names,
      .help = "filter of the map before the threshold; bilateral evens out noise, keeps edges"},
     .offset = FIELD(mask_filter),
     .defaults = {"none", "none", "none", "bilateral", "bilateral", "bilateral"}},
    {{.name = "mask-fill", .group = REGION, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = switch_names,
      .help = "change the holes of the mask found in the map too"},
     .offset = FIELD(mask_fill), .defaults = {"off", "off", "off", "on", "on", "on"}},
    {{.name = "mask-refine", .group = REGION, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = switch_names,
      .help = "let the mask found in the map follow the picture's edges, not the map's cells"},
     .offset = FIELD(mask_refine), .defaults = {"off", "off", "off", "on", "on", "on"}},
    {{.name = "mask-threshold", .group = REGION, .type = DIFFEDIT_TYPE_REAL, .argument = "T",
      .maximum = 1,
      .help = "change where the map is at least T; less changes more"},
     .offset = FIELD(mask_threshold), .defaults = {"0.5", "0.5", "0.5", "0.3", "0.3", "0.3"}},
    {{.name = "mask-grow", .group = REGION, .type = DIFFEDIT_TYPE_INT, .argument = "PX",
      .minimum = -4096, .maximum = 4096,
      .help = "grow the mask by picture pixels; negative shrinks it"},
     .offset = FIELD(mask_grow), .defaults = FOR_ALL("0")},
    {{.name = "mask-blur", .group = RESULT, .type = DIFFEDIT_TYPE_REAL, .argument = "PX",
      .maximum = 4096,
      .help = "blur the edge of the composite, not the mask"},
     .offset = FIELD(mask_blur), .defaults = FOR_ALL("0")},
    {{.name = "composite", .group = RESULT, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = composite_names,
      .help = "pixel keeps the input's pixels outside the mask, "
              "latent takes the decoder's picture, changed takes what really changed"},
     .offset = FIELD(composite),
     .defaults = {"pixel", "pixel", "pixel", "changed", "changed", "changed"}},
    {{.name = "feather", .group = RESULT, .type = DIFFEDIT_TYPE_REAL, .argument = "PX",
      .maximum = 4096, .word = "cell",
      .help = "width of the soft edge outside the mask; cell is one latent cell"},
     .offset = FIELD(feather), .defaults = FOR_ALL("cell"), .word_value = -1},
    {{.name = "size", .group = SAMPLING, .type = DIFFEDIT_TYPE_SIZE, .argument = "WxH",
      .minimum = 1, .maximum = 16384, .word = "fit",
      .help = "working size; fit is the model's area with the picture's aspect ratio"},
     .offset = FIELD(width), .defaults = FOR_ALL("fit")},
    {{.name = "region", .group = REGION, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = region_names,
      .help = "crop works on a box around the mask alone; zoom also finds the mask anew"},
     .offset = FIELD(region), .defaults = FOR_ALL("whole")},
    {{.name = "region-margin", .group = REGION, .type = DIFFEDIT_TYPE_REAL, .argument = "PX",
      .maximum = 4096, .word = "auto",
      .help = "room around the mask in the box of `region`; auto goes by the mask's size"},
     .offset = FIELD(region_margin), .defaults = FOR_ALL("auto"), .word_value = -1},
    {{.name = "prompt-syntax", .group = TEXTS, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
      .choices = syntax_names,
      .help = "how texts are read; weighted is AUTOMATIC1111's: (more), [less], (text:1.3), BREAK, "
              "and any length"},
     .offset = FIELD(prompt_syntax), .defaults = FOR_ALL("plain")},
    {{.name = NULL}, .offset = 0},
};

const de_option de_arithmetic_row = {
    {.name = "arithmetic", .group = SAMPLING, .type = DIFFEDIT_TYPE_CHOICE, .argument = "NAME",
     .choices = arithmetic_names,
     .help = "what networks compute in; exact is float32, quick 16 bits (integers, on a GPU "
             "floats), faster and close to it"},
    .defaults = {"exact", "exact", "exact", "quick", "quick", "quick"}};
/* clang-format on */

enum { ROWS = sizeof de_options_table / sizeof de_options_table[0] - 1 };

const diffedit_option *diffedit_option_at(size_t index)
{
    return index < ROWS ? &de_options_table[index].shown : NULL;
}

const de_option *de_option_find(const char *name)
{
    for (const de_option *row = de_options_table; row->shown.name; row++)
        if (strcmp(row->shown.name, name) == 0)
            return row;
    return NULL;
}

const diffedit_option *diffedit_option_find(const char *name)
{
    const de_option *row = de_option_find(name);
    return row ? &row->shown : NULL;
}

const char *const *diffedit_presets(void)
{
    return preset_names;
}

int de_preset_find(const char *name)
{
    for (int preset = 0; preset < DE_PRESET_COUNT; preset++)
        if (!name || strcmp(preset_names[preset], name) == 0)
            return preset;
    return -1;
}

const char *diffedit_option_default(const diffedit_option *option, const char *preset)
{
    const de_option *row = (const de_option *)option; /* whose beginning it is */
    int column = de_preset_find(preset);
    return column < 0 ? NULL : row->defaults[column];
}
