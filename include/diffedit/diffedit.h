/* diffedit: text-driven picture editing with automatic masks.
 *
 * The whole public interface. Four things: a model (weights), a picture (pixels), an editor (one
 * picture under one model, which remembers what it has computed) and options (a plain struct).
 *
 *     diffedit_model *model;   diffedit_model_open(&model, "models/pocket", 0, &error);
 *     diffedit_picture *photo; diffedit_picture_open(&photo, "photo.jpg", 0, &error);
 *     diffedit_options o;      diffedit_options_init(&o, sizeof o, "paper", model, &error);
 *     o.from = "a horse"; o.to = "a zebra";
 *     diffedit_editor *editor; diffedit_editor_new(&editor, model, photo, &error);
 *     diffedit_picture *result;
 *     if (diffedit_edit(&result, editor, &o, &error) == DIFFEDIT_OK)
 *         diffedit_picture_save(result, "zebra.png", NULL, &error);
 *
 * Conventions. Whatever can fail returns a diffedit_status and takes a diffedit_error * last, which
 * may be NULL; on failure it holds one sentence and every output parameter is NULL or untouched.
 * Output parameters stand first. `_free` and `_close` take NULL. Strings are UTF-8. The library
 * never exits, prints, or installs a signal handler, and keeps no global error, random state or
 * callback. (libvips, which it uses, may print a remark on a picture; VIPS_WARNING=1 in the
 * environment keeps it quiet.)
 *
 * Threads. A model is read-only after opening and may be shared by any number of threads. Pictures
 * are read-only after creation. An editor belongs to one thread at a time.
 */
#ifndef DIFFEDIT_H
#define DIFFEDIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DIFFEDIT_API __attribute__((visibility("default")))
#else
#define DIFFEDIT_API
#endif

#define DIFFEDIT_VERSION_MAJOR 0
#define DIFFEDIT_VERSION_MINOR 1
#define DIFFEDIT_VERSION_PATCH 0

/* The version of the library at run time, "MAJOR.MINOR.PATCH"; static storage. */
DIFFEDIT_API const char *diffedit_version(void);

/* ---- errors -------------------------------------------------------------------------------------
 */

typedef enum diffedit_status {
    DIFFEDIT_OK = 0,
    DIFFEDIT_ERROR_ARGUMENT,  /* an option or argument is out of range or does not fit another */
    DIFFEDIT_ERROR_FILE,      /* a file cannot be opened, read or written */
    DIFFEDIT_ERROR_MODEL,     /* a model's files are damaged, incomplete or of an unknown kind */
    DIFFEDIT_ERROR_PICTURE,   /* a picture cannot be decoded, or is larger than allowed */
    DIFFEDIT_ERROR_MEMORY,    /* an allocation failed */
    DIFFEDIT_ERROR_CANCELLED, /* a progress callback asked to stop */
} diffedit_status;

/* What went wrong: `message` is one sentence that names the file, the thing, the expected and the
 * found. */
typedef struct diffedit_error {
    diffedit_status code;
    char message[512];
} diffedit_error;

/* ---- models -------------------------------------------------------------------------------------
 */

/* Text encoder, UNet, autoencoder and noise schedule of one Stable Diffusion model. */
typedef struct diffedit_model diffedit_model;

enum {
    /* Prepares one network at a time, when it is needed: less memory, and a pause wherever another
       one's turn comes. */
    DIFFEDIT_MODEL_LOW_MEMORY = 1,
    /* Takes the weights of the last training step where a file holds averaged ones (`model_ema.*`)
       too. */
    DIFFEDIT_MODEL_NO_EMA = 2
};

enum { DIFFEDIT_PREDICTION_AUTO, DIFFEDIT_PREDICTION_EPSILON, DIFFEDIT_PREDICTION_V };

/* How a model is opened, beyond its path. Set what you need in a struct of zeros. */
typedef struct diffedit_model_settings {
    uint32_t flags;  /* DIFFEDIT_MODEL_... */
    int prediction;  /* DIFFEDIT_PREDICTION_...: what the UNet predicts, where the model cannot tell
                      */
    const char *vae; /* a file or folder whose autoencoder is used, or NULL */
    const char *text_encoder; /* a file or folder whose text encoder is used, or NULL */
} diffedit_model_settings;

/* Opens a Stable Diffusion 1 or 2 model: a folder in the published diffusers layout
 * (model_index.json, tokenizer/, text_encoder/, unet/, vae/, scheduler/), the hub cache's folder of
 * a repository, or one file in the original layout
 * (.safetensors or .ckpt, told by its content) or as diffedit_model_convert() writes it. `settings`
 * may be NULL. The model is owned by the caller, who closes it after every editor that uses it is
 * gone. Errors: ARGUMENT, FILE, MODEL, MEMORY. */
DIFFEDIT_API diffedit_status diffedit_model_open(diffedit_model **model, const char *path,
                                                 const diffedit_model_settings *settings,
                                                 diffedit_error *error);
/* A model that nobody trained, for measuring time and memory without a file: random numbers in the
 * shape of a known one, "sd14" (Stable Diffusion 1.x), "sd21" (2.x) or "pocket"; f16 weights,
 * CLIP's vocabulary. Closed like any other. Errors: ARGUMENT (unknown shape), MEMORY. */
DIFFEDIT_API diffedit_status diffedit_model_new_random(diffedit_model **model, const char *shape,
                                                       diffedit_error *error);
/* The names of those shapes, NULL-terminated; static storage. */
DIFFEDIT_API const char *const *diffedit_random_shapes(void);
DIFFEDIT_API void diffedit_model_close(diffedit_model *model);

/* What an open model is. */
typedef struct diffedit_model_info {
    int native_width, native_height; /* picture pixels: UNet sample_size x factor */
    int factor;                      /* picture pixels per latent cell, along one side */
    int latent_channels;
    int text_tokens; /* tokens per text, start and end included */
    int text_width;  /* numbers per token in an embedding */
    int train_timesteps;
    int v_prediction;   /* 1: the UNet predicts v, 0: epsilon */
    int64_t parameters; /* of the three networks together */
} diffedit_model_info;

DIFFEDIT_API void diffedit_model_get_info(diffedit_model_info *info, const diffedit_model *model);
/* What a person should know about the weights that were read so far: writes a sentence of up to
 * `size` bytes, its end included, and returns 1; or returns 0 and writes an empty text. It names
 * the first tensor with a value that is infinite or not a number; or else the first that the
 * networks have no use for (a config that describes fewer layers than there are); or else one
 * without an average in a file that holds averages of others (`model_ema.*`, which are then all
 * passed over). Weights are looked at when they are read: after opening, or (LOW_MEMORY) after a
 * network's first use. */
DIFFEDIT_API int diffedit_model_get_warning(char *text, size_t size, const diffedit_model *model);

/* ---- models as files
 * ----------------------------------------------------------------------------- */

/* Told one sentence about something that is wrong with a model's files. */
typedef void (*diffedit_problem_fn)(void *user, const char *problem);

/* The networks of a model, in this order. */
typedef enum diffedit_part_id {
    DIFFEDIT_PART_TEXT_ENCODER,
    DIFFEDIT_PART_UNET,
    DIFFEDIT_PART_VAE,
    DIFFEDIT_PART_COUNT
} diffedit_part_id;

/* What the files hold of one network: of the tensors that it needs, those that are there in the
 * right shape. */
typedef struct diffedit_part_info {
    int present; /* 0: there is nothing of it */
    int64_t tensors;
    int64_t parameters;     /* values in them */
    int64_t bytes;          /* that they take */
    int64_t f32, f16, bf16; /* tensors stored so */
} diffedit_part_info;

typedef struct diffedit_model_description {
    const char *layout;       /* "folder in the diffusers layout"; static storage */
    const char *kind;         /* "Stable Diffusion 1"; static storage */
    int inpaints;             /* 1: the UNet reads a mask */
    int prediction;           /* DIFFEDIT_PREDICTION_...; AUTO: the files do not say */
    diffedit_model_info info; /* 0 where the part that would tell is missing */
    diffedit_part_info parts[DIFFEDIT_PART_COUNT];
} diffedit_model_description;

/* Looks at the files of a model without preparing it: an incomplete or damaged one can be described
 * too. What is wrong is reported, sentence by sentence, to `report` (may be NULL). `settings` as in
 * diffedit_model_open(). Errors: ARGUMENT, FILE, MODEL (nothing of a model), MEMORY. */
DIFFEDIT_API diffedit_status diffedit_model_describe(diffedit_model_description *description,
                                                     const char *path,
                                                     const diffedit_model_settings *settings,
                                                     diffedit_problem_fn report, void *user,
                                                     diffedit_error *error);
/* Reads all of a model's files: every config understood and fitting the others, every tensor
 * present, of the right shape and type, every value finite, none left over. Reports everything that
 * is not so and sets *problems to its number. Errors: as above. */
DIFFEDIT_API diffedit_status diffedit_model_check(int64_t *problems, const char *path,
                                                  const diffedit_model_settings *settings,
                                                  diffedit_problem_fn report, void *user,
                                                  diffedit_error *error);

enum { DIFFEDIT_PRECISION_KEPT, DIFFEDIT_PRECISION_F16, DIFFEDIT_PRECISION_F32 };

/* Called now and then, `done` of `total` bytes. A return other than 0 cancels. */
typedef int (*diffedit_bytes_fn)(void *user, int64_t done, int64_t total);

/* Writes a model of any layout as one .safetensors file that diffedit_model_open() maps and uses as
 * it is: the tensors that the networks need, under their published names, in their own precision
 * (DIFFEDIT_PRECISION_KEPT: the model makes the same pictures, to the last bit) or all in one;
 * configs and tokenizer as the file's metadata. The file is there whole or not at all; until it is
 * whole it stands beside its place, called OUTPUT.PID.part. `progress` may be NULL. Errors:
 * ARGUMENT, FILE, MODEL (also: a value that f16 cannot hold), MEMORY, CANCELLED. */
DIFFEDIT_API diffedit_status diffedit_model_convert(const char *path,
                                                    const diffedit_model_settings *settings,
                                                    const char *output, int precision,
                                                    diffedit_bytes_fn progress, void *user,
                                                    diffedit_error *error);

/* ---- pictures -----------------------------------------------------------------------------------
 */

/* Pixels with their colour profile and metadata, upright (EXIF orientation applied). */
typedef struct diffedit_picture diffedit_picture;

#define DIFFEDIT_MAX_PIXELS_DEFAULT ((int64_t)1 << 28)

/* Reads a PNG, JPEG, WebP, TIFF, HEIC or AVIF file; the kind is found from the bytes, not the name.
 * A picture of more than `max_pixels` pixels (0: 2^28) is refused before it is decoded. 1, 2, 4
 * bit, 8 and 16 bit, grey, RGB, CMYK, with or without alpha; bit depth, profile, EXIF and XMP are
 * kept. Errors: FILE, PICTURE, MEMORY. */
DIFFEDIT_API diffedit_status diffedit_picture_open(diffedit_picture **picture, const char *path,
                                                   int64_t max_pixels, diffedit_error *error);
/* The same from `size` bytes of an encoded file in memory, which need not outlive the call. `name`
 * is what messages call it. */
DIFFEDIT_API diffedit_status diffedit_picture_decode(diffedit_picture **picture, const void *bytes,
                                                     size_t size, const char *name,
                                                     int64_t max_pixels, diffedit_error *error);
/* Copies sRGB pixels: `channels` 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha), interleaved;
 * `bits` 8 or 16 (native byte order) per channel; rows `stride` bytes apart. */
DIFFEDIT_API diffedit_status diffedit_picture_new(diffedit_picture **picture, int width, int height,
                                                  int channels, int bits, const void *pixels,
                                                  size_t stride, diffedit_error *error);
DIFFEDIT_API void diffedit_picture_free(diffedit_picture *picture);

DIFFEDIT_API int diffedit_picture_width(const diffedit_picture *picture);
DIFFEDIT_API int diffedit_picture_height(const diffedit_picture *picture);
DIFFEDIT_API int diffedit_picture_channels(const diffedit_picture *picture);
DIFFEDIT_API int diffedit_picture_bits(const diffedit_picture *picture);
/* Rows of width x channels values of 8 or 16 bit, top first, no padding; valid as long as the
 * picture. */
DIFFEDIT_API const void *diffedit_picture_pixels(const diffedit_picture *picture);
/* The JSON record that diffedit wrote into this PNG, or NULL; valid as long as the picture. */
DIFFEDIT_API const char *diffedit_picture_record(const diffedit_picture *picture);
/* A remark about how the picture was read that a person should know ("CMYK was converted to sRGB"),
 * or NULL; valid as long as the picture. */
DIFFEDIT_API const char *diffedit_picture_warning(const diffedit_picture *picture);

/* How a picture is written. Zero means the default of each field. */
typedef struct diffedit_save_options {
    int quality;        /* 1..100 of JPEG (4:4:4) and WebP, 100 is lossless for WebP; 0: 95 */
    const char *record; /* JSON to store in a PNG's text chunk `diffedit`; NULL: none */
    const char *format; /* ".png", ".jpg", ".webp", ".tif"; NULL: by the file name's ending */
} diffedit_save_options;

/* Whether `path` ends in a kind that can be written and lies in a folder that can be written to;
 * call it before long work. Errors: ARGUMENT (unknown ending), FILE. */
DIFFEDIT_API diffedit_status diffedit_picture_check_output(const char *path, diffedit_error *error);
/* Writes PNG, JPEG, WebP or TIFF by the ending of `path`, to a temporary file in the same folder
 * that is renamed at the end. `options` may be NULL. Errors: ARGUMENT, FILE, MEMORY. */
DIFFEDIT_API diffedit_status diffedit_picture_save(const diffedit_picture *picture,
                                                   const char *path,
                                                   const diffedit_save_options *options,
                                                   diffedit_error *error);
/* The same into memory: *bytes is owned by the caller, who gives it to diffedit_free(). */
DIFFEDIT_API diffedit_status diffedit_picture_encode(void **bytes, size_t *size,
                                                     const diffedit_picture *picture,
                                                     const diffedit_save_options *options,
                                                     diffedit_error *error);
/* Frees memory that the library handed out as bytes or text. */
DIFFEDIT_API void diffedit_free(void *memory);

/* ---- options ------------------------------------------------------------------------------------
 */

enum { DIFFEDIT_RNG_CPU, DIFFEDIT_RNG_CUDA };
enum { DIFFEDIT_GUIDANCE_CFG, DIFFEDIT_GUIDANCE_NORMALISED };
enum { DIFFEDIT_SCHEDULER_DDIM, DIFFEDIT_SCHEDULER_LMS };
enum { DIFFEDIT_BACKGROUND_SAME, DIFFEDIT_BACKGROUND_LAGGED, DIFFEDIT_BACKGROUND_START };
enum { DIFFEDIT_POSTERIOR_MEAN, DIFFEDIT_POSTERIOR_SAMPLE };
enum { DIFFEDIT_MASK_CONTRAST, DIFFEDIT_MASK_PLUS_MINUS };
enum { DIFFEDIT_COMPOSITE_PIXEL, DIFFEDIT_COMPOSITE_LATENT };

/* Every field has a diffedit_option, which says what it means, its range and
 * defaults. Fill the struct with diffedit_options_init() and change what you need. Texts are
 * borrowed: they must live as long as the struct is used. */
typedef struct diffedit_options {
    size_t struct_size; /* set by diffedit_options_init */
    const char *from;
    const char *to; /* required by edit, find_map and generate; may be "" */
    const char *negative;
    uint64_t seed;
    int rng; /* DIFFEDIT_RNG_... */
    int steps;
    double ratio;
    double guidance;
    int guidance_kind;      /* DIFFEDIT_GUIDANCE_... */
    int scheduler;          /* DIFFEDIT_SCHEDULER_... */
    double encode_guidance; /* NaN: the same as `guidance` */
    int background;         /* DIFFEDIT_BACKGROUND_... */
    int posterior;          /* DIFFEDIT_POSTERIOR_... */
    int mask_method;        /* DIFFEDIT_MASK_... */
    double mask_noise_level;
    int mask_samples;
    double mask_threshold;
    int mask_grow;     /* picture pixels; negative shrinks */
    double mask_blur;  /* picture pixels */
    int composite;     /* DIFFEDIT_COMPOSITE_... */
    double feather;    /* picture pixels; negative: one latent cell */
    int width, height; /* working size in pixels; 0: fitted to the model's native area */
} diffedit_options;

typedef enum diffedit_option_type {
    DIFFEDIT_TYPE_TEXT,   /* const char * */
    DIFFEDIT_TYPE_INT,    /* int */
    DIFFEDIT_TYPE_SEED,   /* uint64_t, decimal or 0x */
    DIFFEDIT_TYPE_REAL,   /* double, decimal or a fraction; or `word` */
    DIFFEDIT_TYPE_CHOICE, /* int, an index into `choices` */
    DIFFEDIT_TYPE_SIZE,   /* two ints, WxH; or `word`, which stands for 0, 0 */
} diffedit_option_type;

/* What there is to know about one option: for a command line, a form, a record. The library makes
 * these, in static storage. */
typedef struct diffedit_option {
    const char *name; /* as diffedit_options_set() takes it: "mask-samples" */
    diffedit_option_type type;
    double minimum, maximum;
    int minimum_excluded;       /* 1: the range is (minimum, maximum] */
    const char *const *choices; /* NULL-terminated, of CHOICE */
    const char *word;           /* a word allowed instead of a number, or NULL */
    const char *argument;       /* what help calls the value: "N" */
    const char *help;           /* one line */
} diffedit_option;

/* The option at `index`, in the order of help; NULL behind the last. */
DIFFEDIT_API const diffedit_option *diffedit_option_at(size_t index);
/* The option of this name; NULL: there is none. */
DIFFEDIT_API const diffedit_option *diffedit_option_find(const char *name);
/* Its default under a preset (NULL: "paper"), as a user would type it; NULL: the preset is unknown,
 * or the option has none. Static storage. */
DIFFEDIT_API const char *diffedit_option_default(const diffedit_option *option, const char *preset);
/* The names of the presets, NULL-terminated, "paper" first; static storage. */
DIFFEDIT_API const char *const *diffedit_presets(void);

/* Fills `options` with the defaults of a preset (NULL: "paper"), then with those that the model's
 * own diffedit.json gives for that preset, unless `model` is NULL. `size` is
 * sizeof(diffedit_options) as the caller knows it. Errors: ARGUMENT (unknown preset), MODEL (a
 * default that is out of range). */
DIFFEDIT_API diffedit_status diffedit_options_init(diffedit_options *options, size_t size,
                                                   const char *preset, const diffedit_model *model,
                                                   diffedit_error *error);
/* Sets one option by name from text, checking its range. A text value is borrowed. Errors:
 * ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_options_set(diffedit_options *options, const char *name,
                                                  const char *value, diffedit_error *error);
/* Writes an option's value as text that diffedit_options_set() reads back to the same value.
 * Returns the length it has (or would need, as snprintf). */
DIFFEDIT_API size_t diffedit_options_get(char *text, size_t size, const diffedit_options *options,
                                         const char *name);
/* Checks every range, and what must fit together. Errors: ARGUMENT. */
DIFFEDIT_API diffedit_status diffedit_options_check(const diffedit_options *options,
                                                    diffedit_error *error);

/* ---- the editor ---------------------------------------------------------------------------------
 */

/* One picture under one model. It remembers the encoded picture, the map and the inversion, each
 * with the options that made it, and recomputes only what a changed option touches. */
typedef struct diffedit_editor diffedit_editor;

typedef enum diffedit_stage_id {
    DIFFEDIT_STAGE_TEXT,
    DIFFEDIT_STAGE_ENCODE,
    DIFFEDIT_STAGE_MAP,
    DIFFEDIT_STAGE_INVERT,
    DIFFEDIT_STAGE_DENOISE,
    DIFFEDIT_STAGE_DECODE,
    DIFFEDIT_STAGE_COMPOSITE,
    DIFFEDIT_STAGE_COUNT
} diffedit_stage_id;

DIFFEDIT_API const char *
diffedit_stage_name(diffedit_stage_id stage); /* "encode"; static storage */

/* Called after each step, `done` of `total`, from the thread that called the library. A return
 * other than 0 cancels: the running function returns DIFFEDIT_ERROR_CANCELLED within one step. */
typedef int (*diffedit_progress_fn)(void *user, diffedit_stage_id stage, int done, int total);

typedef enum diffedit_log_level { DIFFEDIT_LOG_WARNING, DIFFEDIT_LOG_INFO } diffedit_log_level;
/* One line for a person, without a newline. */
typedef void (*diffedit_log_fn)(void *user, diffedit_log_level level, const char *line);

/* `picture` may be NULL for an editor that only generates. The editor copies what it needs of the
 * picture; the model must outlive it. */
DIFFEDIT_API diffedit_status diffedit_editor_new(diffedit_editor **editor,
                                                 const diffedit_model *model,
                                                 const diffedit_picture *picture,
                                                 diffedit_error *error);
DIFFEDIT_API void diffedit_editor_free(diffedit_editor *editor);
/* 1..1024, 0: one for each core (the default). No result depends on it. */
DIFFEDIT_API void diffedit_editor_set_threads(diffedit_editor *editor, int threads);
DIFFEDIT_API void diffedit_editor_set_progress(diffedit_editor *editor,
                                               diffedit_progress_fn progress, void *user);
DIFFEDIT_API void diffedit_editor_set_log(diffedit_editor *editor, diffedit_log_fn log, void *user);

/* Uses this mask (grey >= 50 % = change, of the picture's size) instead of finding one; NULL: find
 * one again. Errors: ARGUMENT (size). */
DIFFEDIT_API diffedit_status diffedit_editor_set_mask(diffedit_editor *editor,
                                                      const diffedit_picture *mask,
                                                      diffedit_error *error);
/* Uses this map [height, width], values 0..1, instead of computing one; NULL: compute it again. Its
 * size is checked against the mask method's when it is used. Copied. */
DIFFEDIT_API diffedit_status diffedit_editor_set_map(diffedit_editor *editor, const float *map,
                                                     int height, int width, diffedit_error *error);

/* Each computes what is missing for it and for nothing else. All need a picture but
 * diffedit_generate. */
/* The map (DiffEdit section 3.2, step 1), in DIFFEDIT_ARRAY_MAP. */
DIFFEDIT_API diffedit_status diffedit_find_map(diffedit_editor *editor,
                                               const diffedit_options *options,
                                               diffedit_error *error);
/* The binary mask at picture size, 8-bit grey, 0 or 255: map, threshold, growth; or the user's,
 * grown. Owned by the caller. */
DIFFEDIT_API diffedit_status diffedit_find_mask(diffedit_picture **mask, diffedit_editor *editor,
                                                const diffedit_options *options,
                                                diffedit_error *error);
/* Encodes the picture to the ratio (step 2), in DIFFEDIT_ARRAY_INVERTED. */
DIFFEDIT_API diffedit_status diffedit_invert(diffedit_editor *editor,
                                             const diffedit_options *options,
                                             diffedit_error *error);
/* Changes what lies under the mask of diffedit_editor_set_mask(). With a UNet that reads the mask
 * (9 channels) as StableDiffusionInpaintPipeline does at strength 1: from noise alone, `ratio` and
 * `background` unused; with any other it is diffedit_edit(). Errors: ARGUMENT (no mask), as
 * diffedit_edit(). */
DIFFEDIT_API diffedit_status diffedit_inpaint(diffedit_picture **result, diffedit_editor *editor,
                                              const diffedit_options *options,
                                              diffedit_error *error);
/* The whole edit (steps 1-3, decoding and composite). *result has the input's size, depth and
 * profile and is owned by the caller. An empty mask is a warning, and the result is the input. */
DIFFEDIT_API diffedit_status diffedit_edit(diffedit_picture **result, diffedit_editor *editor,
                                           const diffedit_options *options, diffedit_error *error);
/* Text to image, of `width` x `height` pixels or the model's native size. */
DIFFEDIT_API diffedit_status diffedit_generate(diffedit_picture **result, diffedit_editor *editor,
                                               const diffedit_options *options,
                                               diffedit_error *error);

/* The JSON object, in ASCII, from which the edit can be run again: the options and the version.
 * Owned by the caller (diffedit_free). */
DIFFEDIT_API diffedit_status diffedit_options_record(char **json, const diffedit_options *options,
                                                     diffedit_error *error);
/* Reads such a record over `options`. Texts are allocated: *texts owns them and is freed by
 * diffedit_free when the options are no longer used. */
DIFFEDIT_API diffedit_status diffedit_options_read_record(diffedit_options *options, void **texts,
                                                          const char *json, diffedit_error *error);

/* What an editor computed can be looked at. */
typedef enum diffedit_array_id {
    DIFFEDIT_ARRAY_TOKENS_FROM, /* [n] int32 */
    DIFFEDIT_ARRAY_TOKENS_TO,
    DIFFEDIT_ARRAY_TOKENS_NEGATIVE,
    DIFFEDIT_ARRAY_EMBEDDING_FROM, /* [n, d] */
    DIFFEDIT_ARRAY_EMBEDDING_TO,
    DIFFEDIT_ARRAY_EMBEDDING_NEGATIVE,
    DIFFEDIT_ARRAY_LATENT,     /* [c, h, w] */
    DIFFEDIT_ARRAY_MASK_NOISE, /* [samples, c, h, w] */
    DIFFEDIT_ARRAY_MAP,        /* [h, w]; plus-minus: working size */
    DIFFEDIT_ARRAY_MASK,       /* [h, w] latent size, 0 or 1 */
    DIFFEDIT_ARRAY_INVERTED,   /* [k+1, c, h, w] */
    DIFFEDIT_ARRAY_NOISE,      /* [c, h, w] */
    DIFFEDIT_ARRAY_FINAL,      /* [c, h, w] */
    DIFFEDIT_ARRAY_COUNT
} diffedit_array_id;

/* A borrowed view, valid until the editor is used again or freed. float32 in C order, channels
 * first. */
typedef struct diffedit_array {
    int dimensions; /* 0: this stage has not run */
    int64_t shape[4];
    const float *data;     /* NULL for tokens */
    const int32_t *tokens; /* NULL for the rest */
} diffedit_array;

DIFFEDIT_API const char *
diffedit_array_name(diffedit_array_id array); /* "embedding-from"; static storage */
DIFFEDIT_API diffedit_status diffedit_editor_array(diffedit_array *array, diffedit_editor *editor,
                                                   diffedit_array_id id, diffedit_error *error);

/* Pictures on the way, 8 bit; owned by the caller. */
typedef enum diffedit_view_id {
    DIFFEDIT_VIEW_INPUT,   /* the picture at working size */
    DIFFEDIT_VIEW_MAP,     /* grey, at picture size */
    DIFFEDIT_VIEW_MASK,    /* 0 or 255, at picture size */
    DIFFEDIT_VIEW_DECODED, /* the decoder's picture at working size */
} diffedit_view_id;

/* *picture is NULL where the stage has not run. */
DIFFEDIT_API diffedit_status diffedit_editor_view(diffedit_picture **picture,
                                                  diffedit_editor *editor, diffedit_view_id id,
                                                  diffedit_error *error);

/* What the last call cost. */
typedef struct diffedit_stats {
    int64_t evaluations;                  /* UNet forwards of one sample */
    double seconds[DIFFEDIT_STAGE_COUNT]; /* by stage */
    double total_seconds;
    double mask_share; /* changed picture pixels / all; 0 where there is no mask */
    int width, height; /* working size, pixels */
} diffedit_stats;

DIFFEDIT_API void diffedit_editor_get_stats(diffedit_stats *stats, const diffedit_editor *editor);

/* ---- the networks alone
 * --------------------------------------------------------------------------- */

/* Last hidden state after the final norm, embedding [text_tokens, text_width]. */
DIFFEDIT_API diffedit_status diffedit_encode_text(float *embedding, diffedit_editor *editor,
                                                  const char *text, diffedit_error *error);
/* eps [c, h, w] of latent [c, h, w] at timestep t (0 .. train_timesteps - 1, may be fractional);
 * v predictions are converted with the noise level of t. */
DIFFEDIT_API diffedit_status diffedit_predict_noise(float *eps, diffedit_editor *editor,
                                                    const float *latent, int height, int width,
                                                    double timestep, const float *embedding,
                                                    diffedit_error *error);
/* The same with classifier-free guidance, eps = eps_u + guidance (eps_t - eps_u) of two embeddings,
 * which are evaluated as a batch of two. */
DIFFEDIT_API diffedit_status diffedit_predict_guided(float *eps, diffedit_editor *editor,
                                                     const float *latent, int height, int width,
                                                     double timestep, const float *unconditional,
                                                     const float *embedding, double guidance,
                                                     diffedit_error *error);
/* pixels [3, height, width] in -1..1 -> mean [c, height/f, width/f] of the posterior times the
 * scaling factor; sides are multiples of the factor f. */
DIFFEDIT_API diffedit_status diffedit_encode_pixels(float *latent, diffedit_editor *editor,
                                                    const float *pixels, int height, int width,
                                                    diffedit_error *error);
/* latent [c, h, w] -> pixels [3, h f, w f], about -1..1, not clamped. */
DIFFEDIT_API diffedit_status diffedit_decode_latent(float *pixels, diffedit_editor *editor,
                                                    const float *latent, int height, int width,
                                                    diffedit_error *error);

/* ---- the machine
 * ---------------------------------------------------------------------------------- */

/* The kernels in use: "avx2", "ref"; static storage. */
DIFFEDIT_API const char *diffedit_kernels_name(void);
/* Cores that this process may use: the threads that 0 means. */
DIFFEDIT_API int diffedit_core_count(void);
/* Floating-point operations per second that they reach on `threads` threads (0: one for each core)
 * with nothing but multiplying and adding in registers; takes about 0.1 s. */
DIFFEDIT_API double diffedit_measure_peak(int threads);

#ifdef __cplusplus
}
#endif

#endif
