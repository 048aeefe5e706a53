/* diffedit: text-driven picture editing with automatic masks. The whole public interface.
 *
 * Four things: a model (weights), a picture (pixels), an editor (one picture under one model, which
 * remembers what it has computed) and options (a plain struct).
 *
 *     diffedit_error error;
 *     diffedit_model *model;   diffedit_model_open(&model, "models/pocket", NULL, &error);
 *     diffedit_picture *photo; diffedit_picture_open(&photo, "photo.jpg", 0, &error);
 *     diffedit_editor *editor; diffedit_editor_new(&editor, model, photo, &error);
 *     diffedit_options options;
 *     diffedit_options_init(&options, sizeof options, "paper", model, &error);
 *     options.from = "a horse";
 *     options.to = "a zebra";
 *     diffedit_picture *result;
 *     if (diffedit_edit(&result, editor, &options, &error) == DIFFEDIT_OK)
 *         diffedit_picture_save(result, "zebra.png", NULL, &error);
 *
 * Errors. A function that can fail returns a diffedit_status and takes a diffedit_error * last,
 * which may be NULL. On failure it contains one sentence, and every output is NULL or unchanged.
 * "Errors" below lists the codes; MEMORY is possible wherever something is allocated.
 *
 * Arguments. Outputs come first. Strings are UTF-8, paths are bytes as the system has them. What a
 * function creates is owned by the caller, who releases it with the _free or _close function of its
 * type (both take NULL), and bytes and texts with diffedit_free(). "Static storage" is never freed.
 *
 * Structs that the caller allocates begin with `struct_size`, which the caller sets:
 * `diffedit_stats stats = {.struct_size = sizeof stats};` (diffedit_options_init() sets that of
 * diffedit_options). So a program runs with a later library, whose structs are longer: fields that
 * the program does not know keep their defaults. It also runs with an earlier library, which leaves
 * fields that it does not know alone, and refuses a struct in which one of them is not zero
 * (ARGUMENT). A struct without a size is refused, or nothing is written to it. Fields are only
 * added, at the end; enumerators keep their values. diffedit_error never changes.
 *
 * Threads. Models and pictures are read-only once created: any number of threads may use one at the
 * same time. An editor belongs to one thread at a time. Two editors on one model, each in its own
 * thread, give the same results as alone, bit for bit. All editors share one set of helper threads:
 * while one editor's loop uses them, another's runs on its own thread only, so concurrent editors
 * do not multiply the threads. With DIFFEDIT_MODEL_LOW_MEMORY a thread waits while another prepares
 * a network, and a network in use stays: editors at different stages need memory for both networks.
 *
 * The library never exits, prints or installs a signal handler, and keeps no global state. libvips,
 * which it uses, may print a warning about a picture, unless VIPS_WARNING=1 is set.
 */
#ifndef DIFFEDIT_H
#define DIFFEDIT_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pictures ---- */

/* Pixels with their colour profile and metadata, upright (EXIF orientation applied). */
typedef struct diffedit_picture diffedit_picture;

#define DIFFEDIT_MAX_PIXELS_DEFAULT ((int64_t)1 << 28)

/* Reads a PNG, JPEG, WebP, TIFF, HEIC or AVIF file, recognised by its content, not its name.
 * A picture of more than `max_pixels` pixels (0: 2^28) is refused before it is decoded. 1, 2, 4
 * bit, 8 and 16 bit, grey, RGB, CMYK, with or without alpha; bit depth, profile, EXIF, XMP,
 * texts and comments are kept, but no previews. Errors: FILE, PICTURE. */
DIFFEDIT_API diffedit_status diffedit_picture_open(diffedit_picture **picture, const char *path,
                                                   int64_t max_pixels, diffedit_error *error);
/* The same from `size` bytes of an encoded file in memory, which need not outlive the call.
 * Messages use `name` for it. Errors: PICTURE. */
DIFFEDIT_API diffedit_status diffedit_picture_decode(diffedit_picture **picture, const void *bytes,
                                                     size_t size, const char *name,
                                                     int64_t max_pixels, diffedit_error *error);
/* Copies sRGB pixels: `channels` 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha), interleaved;
 * `bits` 8 or 16 (native byte order) per channel; rows `stride` bytes apart. Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_picture_new(diffedit_picture **picture, int width, int height,
                                                  int channels, int bits, const void *pixels,
                                                  size_t stride, diffedit_error *error);
DIFFEDIT_API void diffedit_picture_free(diffedit_picture *picture);

DIFFEDIT_API int diffedit_picture_width(const diffedit_picture *picture);  /* pixels */
DIFFEDIT_API int diffedit_picture_height(const diffedit_picture *picture); /* pixels */
DIFFEDIT_API int diffedit_picture_channels(const diffedit_picture *picture);
DIFFEDIT_API int diffedit_picture_bits(const diffedit_picture *picture); /* per channel, 8 or 16 */
/* Rows of width x channels values of 8 or 16 bit, top first, no padding; valid as long as it is. */
DIFFEDIT_API const void *diffedit_picture_pixels(const diffedit_picture *picture);
/* The JSON record that diffedit wrote into this PNG, or NULL; valid as long as the picture. */
DIFFEDIT_API const char *diffedit_picture_record(const diffedit_picture *picture);
/* A warning about how the picture was read ("the picture is CMYK; it was converted to sRGB ..."),
 * or NULL; several are joined by semicolons. Valid as long as the picture. */
DIFFEDIT_API const char *diffedit_picture_warning(const diffedit_picture *picture);
/* mask [height, width]: 1 where diffedit_editor_set_mask() would change a pixel if it were given
 * this picture, else 0. Errors: MEMORY. */
DIFFEDIT_API diffedit_status diffedit_picture_to_mask(uint8_t *mask,
                                                      const diffedit_picture *picture,
                                                      diffedit_error *error);

/* How a picture is written. Zero is the default of each field. */
typedef struct diffedit_save_options {
    size_t struct_size;
    int quality;        /* 1..100, of JPEG (4:4:4) and WebP; 100 is lossless for WebP; 0: 95 */
    const char *record; /* JSON to store in a PNG's text chunk `diffedit`; NULL: none */
    const char *format; /* ".png", ".jpg", ".webp", ".tif"; NULL: by the path, in memory PNG */
} diffedit_save_options;

/* Checks that the ending of `path` is a supported format and that its folder is writable; call it
 * before long work. Errors: ARGUMENT (unsupported format), FILE. */
DIFFEDIT_API diffedit_status diffedit_picture_check_output(const char *path, diffedit_error *error);
/* Writes PNG, JPEG, WebP or TIFF by the ending of `path`, to a temporary file in the same folder
 * that is renamed at the end. `options` may be NULL. Errors: ARGUMENT, FILE. */
DIFFEDIT_API diffedit_status diffedit_picture_save(const diffedit_picture *picture,
                                                   const char *path,
                                                   const diffedit_save_options *options,
                                                   diffedit_error *error);
/* The same into memory; *bytes is released with diffedit_free(). Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_picture_encode(void **bytes, size_t *size,
                                                     const diffedit_picture *picture,
                                                     const diffedit_save_options *options,
                                                     diffedit_error *error);

/* ---- options ---- */

/* How random numbers are drawn from a seed, as torch does. */
typedef enum diffedit_rng {
    DIFFEDIT_RNG_CPU, /* on the CPU: MT19937 */
    DIFFEDIT_RNG_CUDA /* on a CUDA card: Philox */
} diffedit_rng;

typedef enum diffedit_guidance_kind {
    DIFFEDIT_GUIDANCE_CFG,       /* classifier-free (Ho and Salimans 2022, equation 6) */
    DIFFEDIT_GUIDANCE_NORMALISED /* of the DiffEdit-practice notebook; ignores `negative` */
} diffedit_guidance_kind;

typedef enum diffedit_scheduler {
    DIFFEDIT_SCHEDULER_DDIM, /* Song et al. 2021, equation 12, eta 0 */
    DIFFEDIT_SCHEDULER_LMS,  /* linear multistep, of order 4 (k-diffusion) */
    /* DPM-Solver++(2M) (Lu et al. 2022, "DPM-Solver++", algorithm 2) */
    DIFFEDIT_SCHEDULER_DPMPP_2M,
    /* for distilled models: latent consistency (Luo et al. 2023), and Euler steps with fresh noise
     * (k-diffusion's ancestral sampling) */
    DIFFEDIT_SCHEDULER_LCM,
    DIFFEDIT_SCHEDULER_EULER_A
} diffedit_scheduler;

/* Where the timesteps of the N steps lie among the model's T training timesteps. */
typedef enum diffedit_spacing {
    DIFFEDIT_SPACING_AUTO,     /* as suits the scheduler: ddim leading, lms linspace, dpm++2m
                                  karras, lcm and euler-a trailing */
    DIFFEDIT_SPACING_LEADING,  /* T // N apart from the offset up, as the paper's code has it */
    DIFFEDIT_SPACING_TRAILING, /* T / N apart from T - 1 down */
    DIFFEDIT_SPACING_KARRAS,   /* denser where there is little noise (Karras et al. 2022, eq. 5) */
    DIFFEDIT_SPACING_LINSPACE  /* evenly from 0 to T - 1, fractional (k-diffusion) */
} diffedit_spacing;

/* What an edit decodes from. */
typedef enum diffedit_encode {
    DIFFEDIT_ENCODE_AUTO,      /* the inversion where the scheduler has one, else none */
    DIFFEDIT_ENCODE_INVERSION, /* the encoded picture (DiffEdit section 3.2, step 2) */
    DIFFEDIT_ENCODE_NONE       /* the picture with noise added, outside the mask too */
} diffedit_encode;

/* The latent outside the mask after each step of the decode. */
typedef enum diffedit_background {
    DIFFEDIT_BACKGROUND_SAME,   /* the encoding at the same time (DiffEdit section 3.2, step 3) */
    DIFFEDIT_BACKGROUND_LAGGED, /* the encoding one step noisier (diffusers' pipeline) */
    DIFFEDIT_BACKGROUND_START   /* the picture's latent itself */
} diffedit_background;

/* How the picture's latent is taken from the autoencoder's posterior. */
typedef enum diffedit_posterior {
    DIFFEDIT_POSTERIOR_MEAN,
    DIFFEDIT_POSTERIOR_SAMPLE /* drawn with `seed` */
} diffedit_posterior;

/* How the map is made. */
typedef enum diffedit_mask_method {
    DIFFEDIT_MASK_CONTRAST,  /* predictions under `from` and `to` (DiffEdit section 3.2, step 1) */
    DIFFEDIT_MASK_PLUS_MINUS /* under `from` with guidance of both signs (the notebook) */
} diffedit_mask_method;

/* Which value counts as 1 in the map; larger ones do too. */
typedef enum diffedit_mask_limit {
    DIFFEDIT_MASK_LIMIT_METHOD,    /* the method's own: 3 times the mean contrast, say */
    DIFFEDIT_MASK_LIMIT_PERCENTILE /* the 99th percentile, whatever the size of the thing */
} diffedit_mask_limit;

/* What the map is passed through before the threshold. */
typedef enum diffedit_mask_filter {
    DIFFEDIT_MASK_FILTER_NONE,
    DIFFEDIT_MASK_FILTER_BILATERAL /* evens out noise, keeps edges (docs/MASKS.md) */
} diffedit_mask_filter;

typedef enum diffedit_switch { DIFFEDIT_OFF, DIFFEDIT_ON } diffedit_switch;

typedef enum diffedit_composite {
    DIFFEDIT_COMPOSITE_PIXEL,  /* the input's own pixels outside the mask */
    DIFFEDIT_COMPOSITE_LATENT, /* the decoder's picture everywhere */
    /* as pixel, but of a mask found in a map: the decode has room around it, and the composite
     * takes what really changed (docs/MASKS.md) */
    DIFFEDIT_COMPOSITE_CHANGED
} diffedit_composite;

/* How `from`, `to` and `negative` are read (docs/PROMPTS.md). */
typedef enum diffedit_prompt_syntax {
    DIFFEDIT_PROMPT_PLAIN,   /* as they stand, cut to the model's number of tokens */
    DIFFEDIT_PROMPT_WEIGHTED /* AUTOMATIC1111's: (more), [less], (text:1.3), BREAK; any length */
} diffedit_prompt_syntax;

/* What is worked on, once it is known what is to be changed. */
typedef enum diffedit_region {
    DIFFEDIT_REGION_WHOLE, /* the whole picture */
    DIFFEDIT_REGION_CROP,  /* a box around what is to be changed (docs/REGION.md) */
    DIFFEDIT_REGION_ZOOM   /* likewise; a map is found once more in the box */
} diffedit_region;

/* The options of an edit. Fill the struct with diffedit_options_init() and change what you need.
 * Texts are borrowed: they must live as long as the struct is used. Range and default (by preset
 * where they differ) are in parentheses. */
typedef struct diffedit_options {
    size_t struct_size; /* set by diffedit_options_init() */
    const char *preset; /* set by diffedit_options_init(): whose defaults these are */

    const char *from;     /* what the picture shows; empty: anything (default "") */
    const char *to;       /* what it should show; may be empty, but not NULL where it is used */
    const char *negative; /* what it should not show (default "") */

    /* seed of the random numbers (0..2^64-1; default 42) */
    uint64_t seed;
    /* how they are drawn (cpu or cuda; default cpu) */
    diffedit_rng rng;

    /* sampling steps from noise to picture; an edit takes ratio x steps of them
     * (1..999; default 50, notebook 30, fast 14, lcm 5, turbo 4) */
    int steps;
    /* share of the steps over which the picture is encoded and decoded again; more changes more
     * (above 0..1; default 0.8, notebook 2/3, turbo 0.75) */
    double ratio;
    /* guidance scale, how closely to follow `to`; 1 uses the prediction under `to` alone, 0 ignores
     * it
     * (-100..100; default 7.5, notebook 0.15, lcm 1, turbo 1) */
    double guidance;
    /* how guidance combines predictions
     * (cfg or normalised; default cfg, notebook normalised) */
    diffedit_guidance_kind guidance_kind;
    /* sampler of the decode and of the encoding
     * (ddim or lms or dpm++2m or lcm or euler-a; default ddim, notebook lms, fast dpm++2m, lcm lcm,
     * turbo euler-a) */
    diffedit_scheduler scheduler;
    /* guidance towards `from` while the picture is encoded; 1 encodes with the empty text alone;
     * NaN: as `guidance` (-100..100 or guidance; default 1, diffusers guidance) */
    double encode_guidance;
    /* the latent outside the mask
     * (same or lagged or start; default same, notebook start, diffusers lagged) */
    diffedit_background background;
    /* the picture's latent (mean or sample; default mean, notebook sample) */
    diffedit_posterior posterior;

    /* how the map is made
     * (contrast or plus-minus; default contrast, notebook plus-minus) */
    diffedit_mask_method mask_method;
    /* noise level of the map's predictions, as a share of the steps, or of the training timesteps:
     * docs/SAMPLERS.md says where which (above 0..1; default 0.5) */
    double mask_noise_level;
    /* noise samples averaged for the map (1..1000; default 10, notebook 20, fast 2, lcm 2, turbo 2)
     */
    int mask_samples;
    /* the mask is where the map, of values 0..1, is at least this
     * (0..1; default 0.5, fast 0.3, lcm 0.3, turbo 0.3) */
    double mask_threshold;
    /* picture pixels that the mask grows by; negative shrinks it (-4096..4096; default 0) */
    int mask_grow;
    /* blur of the composite's edge, not of the mask: a Gaussian with sigma of half this, in picture
     * pixels (0..4096; default 0) */
    double mask_blur;

    /* what the result has outside the mask (pixel or latent or changed; default pixel,
     * fast changed, lcm changed, turbo changed) */
    diffedit_composite composite;
    /* width of the soft edge outside the mask, in picture pixels; negative: one latent cell
     * (0..4096 or cell; default cell) */
    double feather;
    /* working size in pixels, multiples of the model's factor; 0, 0: the model's native area in the
     * picture's aspect (sides 1..16384 or fit; default fit) */
    int width, height;
    /* how the texts are read (plain or weighted; default plain) */
    diffedit_prompt_syntax prompt_syntax;
    /* what a map is passed through; the array DIFFEDIT_ARRAY_MAP stays as it is
     * (none or bilateral; default none, fast bilateral, lcm bilateral, turbo bilateral) */
    diffedit_mask_filter mask_filter;
    /* whether holes in the mask that follows from a map are changed too
     * (off or on; default off, fast on, lcm on, turbo on) */
    diffedit_switch mask_fill;
    /* whether the mask follows the picture's edges, not the map's cells
     * (off or on; default off, fast on, lcm on, turbo on) */
    diffedit_switch mask_refine;
    /* room around the mask in the part that `region` crop works on, in picture pixels; negative: by
     * the mask's size (0..4096 or auto; default auto) */
    double region_margin;
    /* what is worked on: the picture, or the part of it that the mask needs, at its own scale;
     * `width` and `height` are then that part's (whole or crop or zoom; default whole) */
    diffedit_region region;
    /* where the timesteps lie
     * (auto or leading or trailing or karras or linspace; default auto, fast karras) */
    diffedit_spacing spacing;
    /* what an edit decodes from (auto or inversion or none; default auto, lcm none, turbo none) */
    diffedit_encode encode;
    /* which value counts as 1 in the map (method or percentile; default method, fast percentile,
     * lcm percentile, turbo percentile) */
    diffedit_mask_limit mask_limit;
} diffedit_options;

/* Fills `options` with the defaults of a preset (NULL: "paper"), then with those that the model's
 * own diffedit.json gives for that preset, unless `model` is NULL. `size` is sizeof options.
 * Errors: ARGUMENT (unknown preset), MODEL (a default that is out of range). */
DIFFEDIT_API diffedit_status diffedit_options_init(diffedit_options *options, size_t size,
                                                   const char *preset, const diffedit_model *model,
                                                   diffedit_error *error);
/* Sets one option by name ("mask-samples") from text, checking its range. A text value is borrowed.
 * Errors: ARGUMENT (also: an option that the program's struct is too old for). */
DIFFEDIT_API diffedit_status diffedit_options_set(diffedit_options *options, const char *name,
                                                  const char *value, diffedit_error *error);
/* Writes an option's value as text that diffedit_options_set() reads back to the same value.
 * Returns the length that it needs, as snprintf; 0 and "" for an unknown name. */
DIFFEDIT_API size_t diffedit_options_get(char *text, size_t size, const diffedit_options *options,
                                         const char *name);
/* Checks every range. Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_options_check(const diffedit_options *options,
                                                    diffedit_error *error);

/* A JSON object, in ASCII, from which the edit can be repeated: the options and the version. *json
 * is released with diffedit_free(). Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_options_record(char **json, const diffedit_options *options,
                                                     diffedit_error *error);
/* Sets `options` from such a record. Its texts are in *texts, which is released with
 * diffedit_free() when the options are no longer used. Errors: ARGUMENT, FILE (damaged). */
DIFFEDIT_API diffedit_status diffedit_options_read_record(diffedit_options *options, void **texts,
                                                          const char *json, diffedit_error *error);

/* ---- the table of options, for command lines and forms ---- */

typedef enum diffedit_option_type {
    DIFFEDIT_TYPE_TEXT,
    DIFFEDIT_TYPE_INT,
    DIFFEDIT_TYPE_SEED,   /* 0..2^64-1, decimal or 0x */
    DIFFEDIT_TYPE_REAL,   /* decimal or a fraction, "2/3"; or `word` */
    DIFFEDIT_TYPE_CHOICE, /* one of `choices` */
    DIFFEDIT_TYPE_SIZE    /* "WxH"; or `word` */
} diffedit_option_type;

/* One option, static storage. The library makes these, so the struct may grow. */
typedef struct diffedit_option {
    const char *name; /* for diffedit_options_set(): "mask-samples" */
    diffedit_option_type type;
    double minimum, maximum;    /* of INT, REAL and each side of SIZE */
    int minimum_excluded;       /* 1: the range is (minimum, maximum] */
    const char *const *choices; /* NULL-terminated, of CHOICE; else NULL */
    const char *word;           /* a word allowed in place of a number, or NULL */
    const char *argument;       /* placeholder of the value in help: "N" */
    const char *help;           /* one line; options in backquotes, as in messages */
    const char *group;          /* where a form shows it: "texts", "sampling", "region", "result" */
} diffedit_option;

/* The option at `index`, from 0 in the order of help; NULL after the last. */
DIFFEDIT_API const diffedit_option *diffedit_option_at(size_t index);
/* The option of this name; NULL if there is none. */
DIFFEDIT_API const diffedit_option *diffedit_option_find(const char *name);
/* Its default under a preset (NULL: "paper"), as a user would type it; NULL: the preset is unknown,
 * or the option has none. Static storage. */
DIFFEDIT_API const char *diffedit_option_default(const diffedit_option *option, const char *preset);
/* `arithmetic`, which is a setting of a model and so not among them, described in the same way: for
 * command lines and forms that open models. Its default under a preset is what that proposes. */
DIFFEDIT_API const diffedit_option *diffedit_arithmetic_option(void);
/* The names of the presets, NULL-terminated, "paper" first; static storage. */
DIFFEDIT_API const char *const *diffedit_presets(void);

/* ---- the editor ---- */

/* One picture under one model. It remembers the encoded picture, the map and the inversion, each
 * with the options that made it, and recomputes only what a changed option touches. With region
 * crop it also keeps its box, so that a corrected mask needs no new encoding (docs/REGION.md). */
typedef struct diffedit_editor diffedit_editor;

typedef enum diffedit_stage_id {
    DIFFEDIT_STAGE_TEXT,
    DIFFEDIT_STAGE_ENCODE,
    DIFFEDIT_STAGE_MAP,
    DIFFEDIT_STAGE_INVERT,
    DIFFEDIT_STAGE_DENOISE,
    DIFFEDIT_STAGE_DECODE,
    DIFFEDIT_STAGE_COMPOSITE
} diffedit_stage_id;

/* The stage's name ("encode"); NULL for an unknown stage. Static storage. */
DIFFEDIT_API const char *diffedit_stage_name(diffedit_stage_id stage);

/* Called after each step, `done` of `total`, from the thread that called the library. A return
 * other than 0 cancels: the running function returns DIFFEDIT_ERROR_CANCELLED within one step. It
 * may look at DIFFEDIT_ARRAY_RUNNING, DIFFEDIT_VIEW_PREVIEW and the statistics only. */
typedef int (*diffedit_progress_fn)(void *user, diffedit_stage_id stage, int done, int total);

typedef enum diffedit_log_level { DIFFEDIT_LOG_WARNING, DIFFEDIT_LOG_INFO } diffedit_log_level;
/* Called with one line of text, without a newline, from the thread that called the library. */
typedef void (*diffedit_log_fn)(void *user, diffedit_log_level level, const char *line);

/* `picture` may be NULL for an editor that only generates. The editor copies what it needs of the
 * picture; the model must outlive it. Errors: MEMORY. */
DIFFEDIT_API diffedit_status diffedit_editor_new(diffedit_editor **editor,
                                                 const diffedit_model *model,
                                                 const diffedit_picture *picture,
                                                 diffedit_error *error);
DIFFEDIT_API void diffedit_editor_free(diffedit_editor *editor);
/* Sets the number of threads, the caller's included, at most 256; 0: one for each core (default).
 * No result depends on it. */
DIFFEDIT_API void diffedit_editor_set_threads(diffedit_editor *editor, int threads);
/* Set the callbacks; NULL: none (the default). */
DIFFEDIT_API void diffedit_editor_set_progress(diffedit_editor *editor,
                                               diffedit_progress_fn progress, void *user);
DIFFEDIT_API void diffedit_editor_set_log(diffedit_editor *editor, diffedit_log_fn log, void *user);

/* Uses this mask (grey >= 50 % = change, of the picture's size) instead of finding one; NULL: find
 * one again. Where its alpha varies, clear parts count as the opposite of what the others mostly
 * are. Warns in the log of a mask that covers all or nothing. Copied. Errors: ARGUMENT (size). */
DIFFEDIT_API diffedit_status diffedit_editor_set_mask(diffedit_editor *editor,
                                                      const diffedit_picture *mask,
                                                      diffedit_error *error);
/* Corrects every mask, found or given, by hand: where `correction`, of the picture's size, is
 * opaque (alpha >= 50 %), white (grey >= 50 %) adds to the mask and black removes from it. It is
 * laid over the mask that has grown, and stays when texts, threshold or mask change; NULL: none. A
 * pixel that is removed is the input's, in a soft edge too (but not under `composite` latent), and
 * one that is added is always composed. Copied. Errors: ARGUMENT (size; no alpha channel). */
DIFFEDIT_API diffedit_status diffedit_editor_set_correction(diffedit_editor *editor,
                                                            const diffedit_picture *correction,
                                                            diffedit_error *error);
/* Uses this map [height, width], values 0..1, instead of computing one; NULL: compute it again. Its
 * size is checked against the mask method's when it is used. Copied. Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_editor_set_map(diffedit_editor *editor, const float *map,
                                                     int height, int width, diffedit_error *error);

/* Each of the following functions computes only what it needs and does not have yet. All but
 * diffedit_generate() need a picture. Errors of all: ARGUMENT (an option is out of range, or
 * conflicts with another, the model or the picture), FILE, MODEL (files changed), CANCELLED. */

/* The map (DiffEdit section 3.2, step 1), in DIFFEDIT_ARRAY_MAP. */
DIFFEDIT_API diffedit_status diffedit_find_map(diffedit_editor *editor,
                                               const diffedit_options *options,
                                               diffedit_error *error);
/* The binary mask at picture size, 8-bit grey, 0 or 255: found or given, grown, corrected. */
DIFFEDIT_API diffedit_status diffedit_find_mask(diffedit_picture **mask, diffedit_editor *editor,
                                                const diffedit_options *options,
                                                diffedit_error *error);
/* Encodes the picture to the ratio (DiffEdit section 3.2, step 2), in DIFFEDIT_ARRAY_INVERTED. */
DIFFEDIT_API diffedit_status diffedit_invert(diffedit_editor *editor,
                                             const diffedit_options *options,
                                             diffedit_error *error);
/* The whole edit (DiffEdit section 3.2, steps 1-3, decoding and composite). *result has the input's
 * size, depth and profile. An empty mask is a warning, and the result is the input. */
DIFFEDIT_API diffedit_status diffedit_edit(diffedit_picture **result, diffedit_editor *editor,
                                           const diffedit_options *options, diffedit_error *error);
/* Changes what lies under the mask of diffedit_editor_set_mask(). With a UNet that reads the mask
 * (9 channels) as StableDiffusionInpaintPipeline does at strength 1: from noise alone, `ratio` and
 * `background` unused; with any other it is diffedit_edit(). Errors: also ARGUMENT (no mask). */
DIFFEDIT_API diffedit_status diffedit_inpaint(diffedit_picture **result, diffedit_editor *editor,
                                              const diffedit_options *options,
                                              diffedit_error *error);
/* Text to image, of `width` x `height` pixels or the model's native size; 8-bit RGB. */
DIFFEDIT_API diffedit_status diffedit_generate(diffedit_picture **result, diffedit_editor *editor,
                                               const diffedit_options *options,
                                               diffedit_error *error);

/* The calls above; FIND: map or mask. */
typedef enum diffedit_call {
    DIFFEDIT_CALL_FIND,
    DIFFEDIT_CALL_INVERT,
    DIFFEDIT_CALL_EDIT,
    DIFFEDIT_CALL_INPAINT,
    DIFFEDIT_CALL_GENERATE
} diffedit_call;

/* costs[stage] of the first `count` stages: what a call would cost now, about, in evaluations of
 * one sample at the model's native size; 0 where the editor has what the stage would make. A box
 * that is not known yet counts as half of each side. Computes nothing. Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_stage_costs(double *costs, size_t count,
                                                  const diffedit_editor *editor, diffedit_call call,
                                                  const diffedit_options *options,
                                                  diffedit_error *error);

/* The intermediate results of an editor: n tokens of width d, n being text_tokens times
 * diffedit_editor_text_chunks(); latents of c channels, h x w cells. float32 in C order, except
 * tokens. Of a call that worked on a box, map and mask are the whole picture's, others the box's.
 */
typedef enum diffedit_array_id {
    DIFFEDIT_ARRAY_TOKENS_FROM, /* [n] int32 */
    DIFFEDIT_ARRAY_TOKENS_TO,
    DIFFEDIT_ARRAY_TOKENS_NEGATIVE,
    DIFFEDIT_ARRAY_EMBEDDING_FROM, /* [n, d] */
    DIFFEDIT_ARRAY_EMBEDDING_TO,
    DIFFEDIT_ARRAY_EMBEDDING_NEGATIVE,
    DIFFEDIT_ARRAY_LATENT,     /* [c, h, w], x_0, scaled */
    DIFFEDIT_ARRAY_MASK_NOISE, /* [samples, c, h, w] */
    DIFFEDIT_ARRAY_MAP,        /* [h, w], 0..1; plus-minus: [height, width], working size */
    DIFFEDIT_ARRAY_MASK,       /* [h, w], 0 or 1 */
    DIFFEDIT_ARRAY_INVERTED,   /* [k+1, c, h, w], x_0 .. x_k, k = rint(ratio x steps) */
    DIFFEDIT_ARRAY_NOISE,      /* [c, h, w], from which the decode started */
    DIFFEDIT_ARRAY_FINAL,      /* [c, h, w], the input of the decoder */
    /* [height, width] of the picture, 0..1: the map with the picture's edges; `mask_refine` only */
    DIFFEDIT_ARRAY_MAP_REFINED,
    /* [c, h, w], from a progress callback in DIFFEDIT_STAGE_DENOISE: the x_0 that the step
     * predicts; outside the mask the picture's */
    DIFFEDIT_ARRAY_RUNNING
} diffedit_array_id;

/* A borrowed view, valid until the editor is used again or freed. */
typedef struct diffedit_array {
    size_t struct_size;
    int dimensions;        /* 0: this stage has not run */
    int64_t shape[4];      /* of which the first `dimensions` count */
    const float *data;     /* NULL for tokens */
    const int32_t *tokens; /* NULL for the rest */
} diffedit_array;

/* The array's name ("embedding-from"); NULL for an unknown array. Static storage. */
DIFFEDIT_API const char *diffedit_array_name(diffedit_array_id array);
/* Errors: ARGUMENT (no such array, `struct_size` not set). */
DIFFEDIT_API diffedit_status diffedit_editor_array(diffedit_array *array, diffedit_editor *editor,
                                                   diffedit_array_id id, diffedit_error *error);

/* The chunks of text_tokens tokens that each text of the last call had: 1 of plain texts; of
 * weighted ones as many as the longest needs, to which the others are padded. 0: no call yet. */
DIFFEDIT_API int diffedit_editor_text_chunks(const diffedit_editor *editor);

/* Intermediate pictures, 8 bit. */
typedef enum diffedit_view_id {
    DIFFEDIT_VIEW_INPUT,   /* what was worked on, at working size */
    DIFFEDIT_VIEW_MAP,     /* grey, at picture size */
    DIFFEDIT_VIEW_MASK,    /* grey, 0 or 255, at picture size */
    DIFFEDIT_VIEW_DECODED, /* the decoder's picture at working size */
    /* From a progress callback: DIFFEDIT_ARRAY_RUNNING in colours, a pixel a cell, of the box of
     * diffedit_stats; by least squares linear in the latent, over the cells of what is worked
     * on and, with a tenth of the weight, of a chart of 16 x 16 cells, which an editor encodes when
     * it first makes one (LOW_MEMORY: with the UNet there too) */
    DIFFEDIT_VIEW_PREVIEW,
    /* 16-bit grey at picture size: the map as `mask_threshold` sees it, filtered and refined; from
     * 65535 times the threshold up it is the mask, before specks, holes, growth, correction */
    DIFFEDIT_VIEW_REGION_MAP
} diffedit_view_id;

/* *picture is NULL where the stage has not run. Errors: ARGUMENT (no such view). */
DIFFEDIT_API diffedit_status diffedit_editor_view(diffedit_picture **picture,
                                                  diffedit_editor *editor, diffedit_view_id id,
                                                  diffedit_error *error);

/* What the last call cost; in a progress callback, what the running one has cost so far. */
typedef struct diffedit_stats {
    size_t struct_size;
    int64_t evaluations; /* UNet forwards of one sample */
    double total_seconds;
    double mask_share; /* changed picture pixels / all; 0 where there is no mask */
    int width, height; /* working size, pixels */
    /* the part of the picture, in its pixels, that has this working size; of text to image all */
    int box_x, box_y, box_width, box_height;
} diffedit_stats;

DIFFEDIT_API void diffedit_editor_get_stats(diffedit_stats *stats, const diffedit_editor *editor);
/* Seconds that the last call spent in a stage; 0 for an unknown stage. */
DIFFEDIT_API double diffedit_editor_stage_seconds(const diffedit_editor *editor,
                                                  diffedit_stage_id stage);

/* ---- the networks alone ---- */

/* Arrays are float32 in C order, allocated by the caller; height and width are positive, in cells
 * (of latents) or pixels. n, d, c and f are text_tokens, text_width, latent_channels and factor of
 * diffedit_model_info. Errors of all: ARGUMENT. */

/* embedding [n, d] of a text: the last hidden state after the final norm. */
DIFFEDIT_API diffedit_status diffedit_encode_text(float *embedding, diffedit_editor *editor,
                                                  const char *text, diffedit_error *error);
/* eps [c, height, width] of a latent [c, height, width] at a timestep from 0 to train_timesteps -
 * 1, which may be fractional, under an embedding [n, d]. v predictions are converted with the noise
 * level of the timestep (Salimans and Ho 2022, appendix D). */
DIFFEDIT_API diffedit_status diffedit_predict_noise(float *eps, diffedit_editor *editor,
                                                    const float *latent, int height, int width,
                                                    double timestep, const float *embedding,
                                                    diffedit_error *error);
/* The same with classifier-free guidance, eps = eps_u + guidance (eps_t - eps_u) (Ho and Salimans
 * 2022, equation 6) of two embeddings, which are evaluated as a batch of two. */
DIFFEDIT_API diffedit_status diffedit_predict_guided(float *eps, diffedit_editor *editor,
                                                     const float *latent, int height, int width,
                                                     double timestep, const float *unconditional,
                                                     const float *embedding, double guidance,
                                                     diffedit_error *error);
/* latent [c, height/f, width/f] of pixels [3, height, width] in -1..1: the mean of the posterior
 * times the scaling factor. Sides are multiples of f. */
DIFFEDIT_API diffedit_status diffedit_encode_pixels(float *latent, diffedit_editor *editor,
                                                    const float *pixels, int height, int width,
                                                    diffedit_error *error);
/* pixels [3, height f, width f], about -1..1, not clamped, of a latent [c, height, width]. */
DIFFEDIT_API diffedit_status diffedit_decode_latent(float *pixels, diffedit_editor *editor,
                                                    const float *latent, int height, int width,
                                                    diffedit_error *error);

/* What an editor's networks have computed since it was made. */
typedef struct diffedit_computed {
    size_t struct_size;
    double operations;     /* multiplications and additions of products, convolutions and attention,
                              as their plain definitions have them */
    double device_seconds; /* by a GPU's own clock; 0 on the CPU, and where it has none */
} diffedit_computed;

DIFFEDIT_API void diffedit_editor_get_computed(diffedit_computed *computed,
                                               const diffedit_editor *editor);

/* ---- the machine ---- */

/* The kernels in use: "avx512", "avx2", "ref", ... (docs/KERNELS.md); static storage. */
DIFFEDIT_API const char *diffedit_kernels_name(void);
/* Cores that this process may use: the threads that 0 means. */
DIFFEDIT_API int diffedit_core_count(void);
/* The peak of floating-point operations per second, multiplying and adding in registers only, on
 * `threads` threads (0: one for each core); takes about 0.1 s. */
DIFFEDIT_API double diffedit_measure_peak(int threads);
/* The same of what an open model's networks are computed by: of its device, with the arithmetic
 * that it was opened for. `threads` are the CPU's. Errors: DEVICE, MEMORY. */
DIFFEDIT_API diffedit_status diffedit_model_measure_peak(double *operations,
                                                         const diffedit_model *model, int threads,
                                                         diffedit_error *error);

#ifdef __cplusplus
}
#endif

#endif
